import { GlofError } from "@glof/core";

/** A file that contradicts itself or its format. */
export function corrupt(name: string, expected: string, got: string): GlofError {
  return new GlofError(
    "corrupt-file",
    `openCheckpoint(${name}): expected ${expected}, got ${got}. The file is damaged or cut short: fetch it again.`,
    { file: name },
  );
}

/** A sound file that uses what this package leaves out on purpose. */
export function unsupported(name: string, what: string, remedy: string): GlofError {
  return new GlofError("unsupported-feature", `openCheckpoint(${name}): ${what}. ${remedy}`, { file: name });
}

/** A file that asks for more memory or work than any real checkpoint needs. */
export function overLimit(name: string, what: string, limit: number, got: number | bigint): GlofError {
  return new GlofError(
    "limit-exceeded",
    `openCheckpoint(${name}): expected at most ${limit} ${what}, got ${got}. No real checkpoint needs as much: do not trust this file.`,
    { file: name, limit },
  );
}
