import { GlofError } from "@glof/core";

/** An 8-bit picture: rows from the top, pixels from the left, channels interleaved. */
export interface ByteImage {
  readonly rows: number;
  readonly cols: number;
  readonly channels: number;
  /** rows x cols x channels bytes. */
  readonly bytes: Uint8Array | Uint8ClampedArray;
}

/**
 * Refuses a picture whose bytes do not fit its size.
 *
 * @throws GlofError `shape-mismatch`
 */
export function checkByteImage(image: ByteImage, where: string): void {
  const { rows, cols, channels, bytes } = image;
  if (rows >= 1 && cols >= 1 && channels >= 1 && bytes.length === rows * cols * channels) return;
  throw new GlofError(
    "shape-mismatch",
    `${where}: expected rows x cols x channels bytes, got ${bytes.length} for ${rows} x ${cols} x ${channels}. ` +
      "Pass interleaved 8-bit channels.",
  );
}
