import { GlofError } from "@glof/core";
import { pad2d } from "@glof/nn";
import type * as tf from "@tensorflow/tfjs-core";

/** Zeros added around an image. */
export interface CenterPadding {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** What `centerPad` adds: half of it, rounded down, at the top and left, the rest at the bottom and right. */
export function centerPadding(
  [rows, cols]: readonly [rows: number, cols: number],
  multiplePx: number,
): CenterPadding {
  if (!Number.isInteger(multiplePx) || multiplePx < 1) {
    throw new GlofError(
      "bad-argument",
      `centerPadding: expected a multiple of 1 or more pixels, got ${multiplePx}. Pass the model's patch size.`,
    );
  }
  const missing = (size: number): number => Math.ceil(size / multiplePx) * multiplePx - size;
  const top = Math.floor(missing(rows) / 2);
  const left = Math.floor(missing(cols) / 2);
  return { top, left, bottom: missing(rows) - top, right: missing(cols) - left };
}

/**
 * Zero-pads images to multiples of the patch size, centred. Source: dinov2/hub/utils.py, `CenterPadding`.
 *
 * @param images [N, H, W, C]
 * @param multiplePx default 14
 */
export function centerPad(images: tf.Tensor4D, multiplePx = 14): tf.Tensor4D {
  const { top, bottom, left, right } = centerPadding([images.shape[1], images.shape[2]], multiplePx);
  if (top + bottom + left + right === 0) return images.clone();
  return pad2d(images, [top, bottom, left, right]);
}
