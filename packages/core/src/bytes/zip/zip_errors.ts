import { GlofError } from "../../errors.js";

/** A sound archive that uses what this reader leaves out on purpose. */
export function unsupportedZip(name: string, what: string, remedy: string): GlofError {
  return new GlofError("unsupported-feature", `${name}: ${what}. ${remedy}`, { file: name });
}

/** An archive that asks for more memory or work than any real one needs. */
export function zipOverLimit(name: string, what: string, limit: number, got: number | string): GlofError {
  return new GlofError(
    "limit-exceeded",
    `${name}: expected at most ${limit} ${what}, got ${got}. Do not trust this file, or raise the limit if you do.`,
    { file: name, limit },
  );
}
