import * as tf from "@tensorflow/tfjs-core";
import { isRecording } from "../engine_access.js";
import { useKernel } from "../kernels/door.js";
import { type BatchNormParams, batchNorm, checkNormWidth } from "./batch_norm.js";
import { convGeometry, transposedGeometry } from "./conv_geometry.js";
import { convAttributes, convForward, convTransposed } from "./conv_parts.js";
import {
  type Conv2dOptions,
  type ConvTranspose2dOptions,
  checkChannels,
  conv2d,
  convTranspose2d,
} from "./conv2d.js";

/** Options of `convBatchNorm`. */
export interface ConvBatchNormOptions extends Omit<Conv2dOptions, "groups"> {
  /** Added to the variance inside the square root. Default 1e-5. */
  readonly epsilon?: number;
}

/**
 * `conv2d`, `batchNorm` by the running statistics, and an activation: in one pass where no gradient is recorded and the
 * backend has fast convolutions.
 *
 * @param x [N, H, W, in]
 * @param w [kh, kw, in, out]
 * @param b [out]
 * @throws GlofError `shape-mismatch`, `bad-argument`
 */
export function convBatchNorm(
  x: tf.Tensor4D,
  w: tf.Tensor4D,
  b: tf.Tensor | undefined,
  norm: BatchNormParams,
  options: ConvBatchNormOptions = {},
): tf.Tensor4D {
  const { epsilon = 1e-5, activation, ...shape } = options;
  return tf.tidy(() => {
    if (!isRecording() && useKernel("GlofConv2D") !== undefined) {
      return fused(x, w, b, norm, { ...options, epsilon });
    }
    return batchNorm(conv2d(x, w, b, shape), norm, { epsilon, ...(activation && { activation }) });
  });
}

/** Options of `convTransposeBatchNorm`. */
export interface ConvTransposeBatchNormOptions extends Omit<ConvTranspose2dOptions, "groups"> {
  /** Applied to the result. Default none. */
  readonly activation?: "relu";
  /** Added to the variance inside the square root. Default 1e-5. */
  readonly epsilon?: number;
}

/**
 * `convTranspose2d`, `batchNorm` by the running statistics, and an activation: where no gradient is recorded and the backend has
 * fast products, the norm is folded into the filter, and a filter that meets each pixel once ends with all that follows it.
 *
 * @param x [N, H, W, in]
 * @param w [kh, kw, out, in]
 * @param b [out]
 * @throws GlofError `shape-mismatch`, `bad-argument`
 */
export function convTransposeBatchNorm(
  x: tf.Tensor4D,
  w: tf.Tensor4D,
  b: tf.Tensor | undefined,
  norm: BatchNormParams,
  options: ConvTransposeBatchNormOptions = {},
): tf.Tensor4D {
  const { epsilon = 1e-5, activation, ...shape } = options;
  return tf.tidy(() => {
    if (isRecording() || useKernel("GlofLinear") === undefined) {
      return batchNorm(convTranspose2d(x, w, b, shape), norm, { epsilon, ...(activation && { activation }) });
    }
    const [kh, kw, width] = w.shape;
    checkChannels("convTransposeBatchNorm", x, w, b, 1, w.shape[3], width);
    checkNormWidth(norm, [width]);
    const geometry = transposedGeometry([kh, kw], [x.shape[1], x.shape[2]], shape, "convTransposeBatchNorm");
    const { factor, shift } = foldedNorm(b, norm, epsilon);
    const filter = tf.mul<tf.Tensor4D>(w, tf.reshape(factor, [width, 1]));
    return convTransposed(x, filter, geometry, { b: shift, activation });
  });
}

/** A norm by running statistics behind a linear map with bias b: its filter times `factor`, and `shift` for its bias. */
function foldedNorm(
  b: tf.Tensor | undefined,
  { weight, bias, runningMean, runningVar }: BatchNormParams,
  epsilon: number,
): { factor: tf.Tensor; shift: tf.Tensor } {
  const factor = tf.mul(weight, tf.rsqrt(tf.add(runningVar, epsilon)));
  const centre = b === undefined ? tf.neg(runningMean) : tf.sub(b, runningMean);
  return { factor, shift: tf.add(tf.mul(centre, factor), bias) };
}

/** By a kernel of its own, else with the norm folded into the filter: a convolution is linear. */
function fused(
  x: tf.Tensor4D,
  w: tf.Tensor4D,
  b: tf.Tensor | undefined,
  norm: BatchNormParams,
  { epsilon, activation, ...shape }: ConvBatchNormOptions & { readonly epsilon: number },
): tf.Tensor4D {
  checkChannels("convBatchNorm", x, w, b, 1, w.shape[2], w.shape[3]);
  const geometry = convGeometry([w.shape[0], w.shape[1]], [x.shape[1], x.shape[2]], shape, "convBatchNorm");
  checkNormWidth(norm, w.shape);
  const { weight, bias: shift, runningMean: mean, runningVar: variance } = norm;
  const kernel = useKernel("GlofConvNorm");
  if (kernel !== undefined) {
    const attributes = { ...convAttributes(geometry), activation: activation ?? "linear", epsilon };
    return kernel({ x, filter: w, bias: b, mean, variance, weight, shift }, attributes) as tf.Tensor4D;
  }
  const folded = foldedNorm(b, norm, epsilon);
  return convForward(x, tf.mul(w, folded.factor), geometry, { b: folded.shift, activation });
}
