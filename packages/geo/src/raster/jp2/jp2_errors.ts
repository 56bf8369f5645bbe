import { GlofError } from "@glof/core";

/** The error for a JPEG 2000 file whose parts contradict each other or are missing. */
export function corruptJp2(name: string, got: string, cause?: unknown): GlofError {
  return new GlofError(
    "corrupt-file",
    `${name}: expected a whole JPEG 2000 file, got ${got}. Copy or make the file again.`,
    { name, cause },
  );
}

/** The error for what JPEG 2000 allows and this reader does not. */
export function unsupportedJp2(name: string, feature: string): GlofError {
  return new GlofError(
    "unsupported-feature",
    `${name}: expected a JPEG 2000 file with 1 or 3 full-size components of up to 16 bits, got ${feature}. Convert it to GeoTIFF first.`,
    { name, feature },
  );
}

/** The error for sizes that no sensor makes. */
export function tooLargeJp2(name: string, expected: string, got: string): GlofError {
  return new GlofError(
    "limit-exceeded",
    `${name}: expected ${expected}, got ${got}. Write it again with tiles of 1024 x 1024.`,
    { name },
  );
}
