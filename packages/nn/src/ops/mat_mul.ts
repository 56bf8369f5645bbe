import * as tf from "@tensorflow/tfjs-core";
import { useKernel } from "../kernels/door.js";

/** Swaps the last two axes. */
export function transposeMatrix(x: tf.Tensor): tf.Tensor {
  const axes = x.shape.map((_, axis) => axis);
  const last = axes.length - 1;
  [axes[last], axes[last - 1]] = [last - 1, last];
  return tf.transpose(x, axes);
}

/**
 * Matrix product [..., M, K] x [..., K, N] -> [..., M, N] with broadcast batch axes.
 *
 * tfjs's own wasm kernel multiplies transposed operands in a plain loop, 10 to 50 times slower than its fast path: there
 * the operand is transposed first. Our kernels take them as they are.
 */
export function matMul(a: tf.Tensor, b: tf.Tensor, transposeA = false, transposeB = false): tf.Tensor {
  const isFast = tf.getBackend() !== "wasm" || useKernel("GlofLinear") !== undefined;
  if (isFast) return tf.matMul(a, b, transposeA, transposeB);
  return tf.matMul(transposeA ? transposeMatrix(a) : a, transposeB ? transposeMatrix(b) : b);
}
