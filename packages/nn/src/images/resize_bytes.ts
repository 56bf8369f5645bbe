import { GlofError } from "@glof/core";
import { antialiasedTaps, type FilterTaps, type InterpolationFilter } from "../ops/interpolation.js";
import { type ByteImage, checkByteImage } from "./byte_image.js";

/** Fixed-point digits of Pillow's 8-bit weights. */
const fractionBits = 22;

/**
 * Resizes an 8-bit picture to the very bytes that Pillow's `Image.resize` gives (Pillow's Resample.c: antialiased,
 * 22-bit fixed-point weights, columns first, rounded to bytes between the two passes).
 *
 * torchvision's transforms on pictures, DINOv2's among them, are defined by it.
 *
 * @throws GlofError `shape-mismatch`, `bad-argument`
 */
export function resizeBytes(
  image: ByteImage,
  size: readonly [rows: number, cols: number],
  filter: InterpolationFilter | "nearest",
): ByteImage {
  checkByteImage(image, "resizeBytes");
  const [rows, cols] = size;
  if (!Number.isInteger(rows) || !Number.isInteger(cols) || rows < 1 || cols < 1) {
    throw new GlofError(
      "bad-argument",
      `resizeBytes: expected a size of at least 1 x 1, got [${size}]. Pass [rows, cols].`,
    );
  }
  if (filter === "nearest") return pickNearest(image, rows, cols);
  const wide = cols === image.cols ? image : filterColumns(image, fixedTaps(filter, image.cols, cols));
  return rows === image.rows ? wide : filterRows(wide, fixedTaps(filter, image.rows, rows));
}

function fixedTaps(filter: InterpolationFilter, inSize: number, outSize: number): FilterTaps[] {
  return antialiasedTaps(filter, inSize, outSize, inSize / outSize).map(({ first, weights }) => ({
    first,
    weights: weights.map((weight) => Math.trunc(weight * 2 ** fractionBits + (weight < 0 ? -0.5 : 0.5))),
  }));
}

/** Rounds a fixed-point sum to a byte. */
function toByte(sum: number): number {
  return Math.min(Math.max((sum + 2 ** (fractionBits - 1)) >> fractionBits, 0), 255);
}

function filterColumns(image: ByteImage, taps: readonly FilterTaps[]): ByteImage {
  const { rows, cols, channels, bytes } = image;
  const result = new Uint8Array(rows * taps.length * channels);
  let to = 0;
  for (let row = 0; row < rows; row++) {
    for (const { first, weights } of taps) {
      for (let channel = 0; channel < channels; channel++) {
        const from = (row * cols + first) * channels + channel;
        let sum = 0;
        for (const [tap, weight] of weights.entries()) sum += bytes[from + tap * channels]! * weight;
        result[to++] = toByte(sum);
      }
    }
  }
  return { rows, cols: taps.length, channels, bytes: result };
}

function filterRows(image: ByteImage, taps: readonly FilterTaps[]): ByteImage {
  const { cols, channels, bytes } = image;
  const line = cols * channels;
  const result = new Uint8Array(taps.length * line);
  let to = 0;
  for (const { first, weights } of taps) {
    for (let at = 0; at < line; at++) {
      let sum = 0;
      for (const [tap, weight] of weights.entries()) sum += bytes[(first + tap) * line + at]! * weight;
      result[to++] = toByte(sum);
    }
  }
  return { rows: taps.length, cols, channels, bytes: result };
}

function pickNearest(image: ByteImage, rows: number, cols: number): ByteImage {
  const { channels, bytes } = image;
  const sourceRows = nearestSources(image.rows, rows);
  const sourceCols = nearestSources(image.cols, cols);
  const result = new Uint8Array(rows * cols * channels);
  let to = 0;
  for (const row of sourceRows) {
    for (const col of sourceCols) {
      const from = (row * image.cols + col) * channels;
      for (let channel = 0; channel < channels; channel++) result[to++] = bytes[from + channel]!;
    }
  }
  return { rows, cols, channels, bytes: result };
}

/** Pillow walks in steps, so that rounding errors add up as its do. */
function nearestSources(inSize: number, outSize: number): number[] {
  const step = inSize / outSize;
  let position = step * 0.5;
  return Array.from({ length: outSize }, () => {
    const source = Math.min(Math.floor(position), inSize - 1);
    position += step;
    return source;
  });
}
