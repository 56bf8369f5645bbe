import { InvalidArgumentError } from "commander";

/** A number on the command line. */
export function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

/** Names separated by commas. */
export function toNames(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}
