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
