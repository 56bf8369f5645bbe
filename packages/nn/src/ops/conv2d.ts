import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { withGradient } from "../with_gradient.js";
import { activationPullback } from "./activations.js";
import { columnSums } from "./column_sums.js";
import {
  type ConvGeometry,
  type ConvShapeOptions,
  convGeometry,
  transposedGeometry,
} from "./conv_geometry.js";
import { convFilterGradient, convForward, convInputGradient, convTransposed, endConv } from "./conv_parts.js";
import type { Pair } from "./pair.js";

/** Options of `conv2d`, with PyTorch's meanings. */
export interface Conv2dOptions extends ConvShapeOptions {
  /** Independent groups of channels. Default 1. */
  readonly groups?: number;
  /** Applied to the result, in the same pass where the backend can. Default none. */
  readonly activation?: "relu" | undefined;
}

/** Options of `convTranspose2d`, with PyTorch's meanings. */
export interface ConvTranspose2dOptions extends ConvShapeOptions {
  /** Rows and columns added behind the result. Default 0. */
  readonly outputPadding?: Pair;
  /** Independent groups of channels. Default 1. */
  readonly groups?: number;
}

/**
 * 2-D convolution (cross-correlation, as everywhere in deep learning).
 *
 * @param x [N, H, W, in]
 * @param w [kh, kw, in / groups, out]: HWIO
 * @param b [out]
 * @param options stride 1, padding 0 (symmetric), dilation 1, groups 1
 * @returns [N, floor((H + 2 pad - dilation (kh - 1) - 1) / stride) + 1, …, out]
 * @throws GlofError `shape-mismatch`, `bad-argument`
 */
export function conv2d(
  x: tf.Tensor4D,
  w: tf.Tensor4D,
  b?: tf.Tensor,
  options: Conv2dOptions = {},
): tf.Tensor4D {
  const { groups = 1, activation } = options;
  const [kh, kw, groupIn, out] = w.shape;
  checkChannels("conv2d", x, w, b, groups, groupIn * groups, out);
  const geometry = convGeometry([kh, kw], [x.shape[1], x.shape[2]], options, "conv2d");
  return withGradient<tf.Tensor4D, "x" | "w" | "b", "x" | "w" | "y">({
    inputs: { x, w, b },
    forward: () => {
      const end = { b, activation };
      // One group alone may have all that follows done while its block of the result is still in cache.
      const value =
        groups === 1
          ? convForward(x, w, geometry, end)
          : endConv(grouped(convForward, groups, geometry, x, w), end);
      // The slope of ReLU can be seen from its result.
      const seen = activation === undefined ? {} : { y: value };
      return { value, saved: { x, w, ...seen } as Record<"x" | "w" | "y", tf.Tensor> };
    },
    backward: (dy, saved, wants) => {
      const dz = activation === undefined ? dy : activationPullback(activation, saved.y, dy);
      return {
        x: wants("x") ? grouped(convInputGradient, groups, geometry, dz, saved.w) : undefined,
        w: wants("w") ? groupedFilterGradient(saved.x, dz, groups, geometry) : undefined,
        b: wants("b") ? columnSums(dz) : undefined,
      };
    },
  });
}

/**
 * Transposed 2-D convolution: the adjoint of `conv2d`, for upsampling.
 *
 * @param x [N, H, W, in]
 * @param w [kh, kw, out / groups, in]: HWOI
 * @param b [out]
 * @param options stride 1, padding 0, outputPadding 0, dilation 1, groups 1
 * @returns [N, (H - 1) stride - 2 pad + dilation (kh - 1) + 1 + outputPadding, …, out]
 * @throws GlofError `shape-mismatch`, `bad-argument`
 */
export function convTranspose2d(
  x: tf.Tensor4D,
  w: tf.Tensor4D,
  b?: tf.Tensor,
  options: ConvTranspose2dOptions = {},
): tf.Tensor4D {
  const { groups = 1 } = options;
  const [kh, kw, groupOut, inWidth] = w.shape;
  checkChannels("convTranspose2d", x, w, b, groups, inWidth, groupOut * groups);
  const geometry = transposedGeometry([kh, kw], [x.shape[1], x.shape[2]], options, "convTranspose2d");
  return withGradient<tf.Tensor4D, "x" | "w" | "b", "x" | "w">({
    inputs: { x, w, b },
    forward: () => ({
      value:
        groups === 1
          ? convTransposed(x, w, geometry, { b })
          : endConv(grouped(convInputGradient, groups, geometry, x, w), { b }),
      saved: { x, w },
    }),
    backward: (dy, saved, wants) => ({
      x: wants("x") ? grouped(convForward, groups, geometry, dy, saved.w) : undefined,
      w: wants("w") ? groupedFilterGradient(dy, saved.x, groups, geometry) : undefined,
      b: wants("b") ? columnSums(dy) : undefined,
    }),
  });
}

/** Runs a map of images and kernels once per group; kernels of groups lie along their last axis. */
function grouped(
  map: (x: tf.Tensor4D, w: tf.Tensor4D, geometry: ConvGeometry) => tf.Tensor4D,
  groups: number,
  geometry: ConvGeometry,
  x: tf.Tensor,
  w: tf.Tensor,
): tf.Tensor4D {
  if (groups === 1) return map(x as tf.Tensor4D, w as tf.Tensor4D, geometry);
  const images: tf.Tensor4D[] = tf.split(x, groups, 3);
  const kernels: tf.Tensor4D[] = tf.split(w, groups, 3);
  return tf.concat(
    images.map((image, group) => map(image, kernels[group]!, geometry)),
    3,
  );
}

function groupedFilterGradient(
  x: tf.Tensor,
  dy: tf.Tensor,
  groups: number,
  geometry: ConvGeometry,
): tf.Tensor4D {
  if (groups === 1) return convFilterGradient(x as tf.Tensor4D, dy as tf.Tensor4D, geometry);
  const inputs: tf.Tensor4D[] = tf.split(x, groups, 3);
  const outputs: tf.Tensor4D[] = tf.split(dy, groups, 3);
  return tf.concat(
    inputs.map((input, group) => convFilterGradient(input, outputs[group]!, geometry)),
    3,
  );
}

/** Throws `shape-mismatch` where images, kernels and bias of a convolution do not belong together. */
export function checkChannels(
  where: string,
  x: tf.Tensor,
  w: tf.Tensor,
  b: tf.Tensor | undefined,
  groups: number,
  inWidth: number,
  outWidth: number,
): void {
  const fits =
    x.rank === 4 &&
    w.rank === 4 &&
    Number.isInteger(groups) &&
    groups >= 1 &&
    x.shape[3] === inWidth &&
    inWidth % groups === 0 &&
    outWidth % groups === 0 &&
    (b === undefined || (b.rank === 1 && b.shape[0] === outWidth));
  if (fits) return;
  throw new GlofError(
    "shape-mismatch",
    `${where}: expected x [N, H, W, ${inWidth}]${b === undefined ? "" : `, b [${outWidth}]`} and channels divisible by ` +
      `${groups} groups for w [${w.shape}], got x [${x.shape}]${b === undefined ? "" : `, b [${b.shape}]`}. ` +
      'Images are NHWC; weights of a PyTorch file load with layout "conv2d" or "conv-transpose2d".',
  );
}
