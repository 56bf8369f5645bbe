import { GlofError } from "@glof/core";
import { type ByteImage, checkByteImage } from "./byte_image.js";
import { resizeBytes } from "./resize_bytes.js";

/** Options of `evalTransform`; the defaults are DINOv2's (`make_classification_eval_transform`). */
export interface EvalTransformOptions {
  /** Length of the shorter side after resizing, pixels. Default 256. */
  readonly resizeShorterSide?: number;
  /** Side of the square cut from the centre, pixels. Default 224. */
  readonly centerCrop?: number;
  /** Per channel, of values in [0, 1]. Default ImageNet's. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

/** A picture ready for a network. */
export interface NormalizedImage {
  /** [rows, cols, channels] values, (byte / 255 - mean) / std. */
  readonly values: Float32Array;
  readonly shape: readonly [rows: number, cols: number, channels: number];
}

/** Mean of ImageNet's red, green and blue, in [0, 1]. */
export const imagenetMean: readonly number[] = [0.485, 0.456, 0.406];

/** Standard deviation of ImageNet's red, green and blue, in [0, 1]. */
export const imagenetStd: readonly number[] = [0.229, 0.224, 0.225];

/**
 * The evaluation transform of DINOv2 (and torchvision) for 8-bit pictures: bicubic resize of the shorter side, centre
 * crop, normalisation.
 *
 * @throws GlofError `shape-mismatch`, `bad-argument`
 */
export function evalTransform(image: ByteImage, options: EvalTransformOptions = {}): NormalizedImage {
  const { resizeShorterSide = 256, centerCrop = 224, mean = imagenetMean, std = imagenetStd } = options;
  const size = shorterSideSize(image.rows, image.cols, resizeShorterSide);
  const cropped = centerCropBytes(resizeBytes(image, size, "bicubic"), centerCrop);
  return normalizeBytes(cropped, mean, std);
}

/** Size with the shorter side at `length` and the longer one truncated, as torchvision's `Resize`. */
export function shorterSideSize(rows: number, cols: number, length: number): [rows: number, cols: number] {
  return rows <= cols
    ? [length, Math.trunc((length * cols) / rows)]
    : [Math.trunc((length * rows) / cols), length];
}

/** Square of `side` pixels from the centre, zeros where the picture ends, as torchvision's `CenterCrop`. */
export function centerCropBytes(image: ByteImage, side: number): ByteImage {
  checkByteImage(image, "centerCropBytes");
  const { rows, cols, channels, bytes } = image;
  const top = cropStart(rows, side);
  const left = cropStart(cols, side);
  const result = new Uint8Array(side * side * channels);
  const [first, end] = [Math.max(0, -left), Math.min(side, cols - left)];
  for (let row = Math.max(0, -top); row < Math.min(side, rows - top); row++) {
    const from = ((row + top) * cols + left + first) * channels;
    result.set(bytes.subarray(from, from + (end - first) * channels), (row * side + first) * channels);
  }
  return { rows: side, cols: side, channels, bytes: result };
}

/** A crop starts at half the surplus, halves rounded to even; padding before takes the smaller half. */
function cropStart(size: number, side: number): number {
  if (side > size) return -Math.floor((side - size) / 2);
  const half = (size - side) / 2;
  const rounded = Math.round(half);
  return Number.isInteger(half) || rounded % 2 === 0 ? rounded : rounded - 1;
}

function normalizeBytes(image: ByteImage, mean: readonly number[], std: readonly number[]): NormalizedImage {
  const { rows, cols, channels, bytes } = image;
  if (mean.length !== channels || std.length !== channels) {
    throw new GlofError(
      "bad-argument",
      `evalTransform: expected mean and std of ${channels} channels, got ${mean.length} and ${std.length}. ` +
        "Pass one number per channel.",
    );
  }
  const values = Float32Array.from(
    bytes,
    (byte, at) => (byte / 255 - mean[at % channels]!) / std[at % channels]!,
  );
  return { values, shape: [rows, cols, channels] };
}
