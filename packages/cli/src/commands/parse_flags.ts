import { type BandName, toBandName } from "@glof/sentinel2";
import { InvalidArgumentError } from "commander";

/** A number on the command line. */
export function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

/** A whole number of at least 1. */
export function toCount(text: string): number {
  const value = toNumber(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It must be a whole number above 0.");
  return value;
}

/** A number of at least 0. */
export function toLeastZero(text: string): number {
  const value = toNumber(text);
  if (value < 0) throw new InvalidArgumentError("It must be 0 or more.");
  return value;
}

/** A number from 0 to 1. */
export function toShare(text: string): number {
  const value = toNumber(text);
  if (value < 0 || value > 1) throw new InvalidArgumentError("It must be from 0 to 1.");
  return value;
}

/** A whole number. */
export function toWhole(text: string): number {
  const value = toNumber(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError("It must be a whole number.");
  return value;
}

/** Names separated by commas. */
export function toNames(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}

/** Names of bands separated by commas. */
export function toBands(text: string): BandName[] {
  const bands = toNames(text).map((name) => {
    const band = toBandName(name);
    if (band === undefined) throw new InvalidArgumentError(`${name} is no band of Sentinel-2.`);
    return band;
  });
  if (new Set(bands).size !== bands.length) throw new InvalidArgumentError("A band is named twice.");
  return bands;
}

const byteUnits: Readonly<Record<string, number>> = {
  "": 1,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  KI: 2 ** 10,
  MI: 2 ** 20,
  GI: 2 ** 30,
};

/** A size in bytes such as `500MB`, `2GiB` or `1000000`. */
export function toByteCount(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMG]I?|)B?$/i.exec(text.trim());
  const bytes = match ? Math.floor(Number(match[1]) * byteUnits[match[2]!.toUpperCase()]!) : 0;
  if (!Number.isSafeInteger(bytes) || bytes < 1)
    throw new InvalidArgumentError("It must be a size such as 500MB.");
  return bytes;
}
