import * as tf from "@tensorflow/tfjs-core";
import { isRecording } from "../engine_access.js";
import { useKernel } from "../kernels/door.js";
import { type BatchNormParams, batchNorm, checkNormWidth } from "./batch_norm.js";
import { convGeometry } from "./conv_geometry.js";
import { convAttributes, convForward } from "./conv_parts.js";
import { type Conv2dOptions, checkChannels, conv2d } from "./conv2d.js";

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
  const factor = tf.mul(weight, tf.rsqrt(tf.add(variance, epsilon)));
  const centre = b === undefined ? tf.neg(mean) : tf.sub(b, mean);
  const end = { b: tf.add(tf.mul(centre, factor), shift), activation };
  return convForward(x, tf.mul(w, factor), geometry, end);
}
