import { type PixelLossOptions, useKernel, withGradient } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";

/** A loss as a function of the four sums of its pixels. */
export interface LossOfSums {
  /** A scalar. */
  readonly value: tf.Tensor;
  /** [2]: what the derivative of each pixel is made of, see `GlofPixelSlopes`. */
  readonly coefficients: tf.Tensor1D;
}

/**
 * A loss in one pass over the pixels, and its derivative in another, by the kernels of the backend.
 *
 * @param target as many values as logits
 * @returns `undefined` where the backend has no such kernels
 */
export function fusedLoss(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: PixelLossOptions,
  ofSums: (sums: readonly tf.Tensor1D[]) => LossOfSums,
): tf.Scalar | undefined {
  const [sumsKernel, slopesKernel] = [useKernel("GlofPixelSums"), useKernel("GlofPixelSlopes")];
  if (sumsKernel === undefined || slopesKernel === undefined) return undefined;
  return withGradient<tf.Scalar, "logits", "logits" | "labels" | "coefficients">({
    inputs: { logits },
    forward: () => {
      const labels = tf.reshape(tf.cast(target, "float32"), logits.shape);
      const sums = sumsKernel({ logits, labels }, { ...options });
      const { value, coefficients } = ofSums(tf.split(sums as tf.Tensor1D, 4));
      return { value: tf.reshape(value, []), saved: { logits, labels, coefficients } };
    },
    backward: (outputGrad, { logits: x, labels, coefficients }) => ({
      logits: slopesKernel(
        { logits: x, labels, coefficients: tf.mul(coefficients, outputGrad) },
        { ...options },
      ),
    }),
  });
}
