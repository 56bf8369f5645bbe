import * as tf from "@tensorflow/tfjs-core";
import { useGradientKernel } from "../kernels/door.js";
import { adamOnArrays } from "./adam_arrays.js";
import type { AdamMoments, AdamNumbers, AdamUpdate } from "./adam_types.js";

/**
 * One update by Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019), in one pass:
 * m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2, p <- shrink p - stepSize m / (sqrt(v) spreadScale + epsilon)
 * with g = grad + l2 p.
 *
 * @param param and `grad` of one shape
 */
export function adamUpdate(
  param: tf.Tensor,
  grad: tf.Tensor,
  before: AdamMoments,
  numbers: AdamNumbers,
): AdamUpdate {
  // The kernel has no place for a fifth input: a device grants eight buffers for certain.
  const kernel = numbers.amsgrad ? undefined : useGradientKernel("GlofAdam");
  if (kernel !== undefined) {
    const given = { param, grad, mean: before.mean, square: before.square };
    const [moved, mean, square] = kernel(given, { ...numbers }) as [tf.Tensor, tf.Tensor, tf.Tensor];
    return { param: moved, mean, square };
  }
  // Where reading is a copy in memory, one pass beats fourteen operations.
  const liesInMemory = ["cpu", "wasm"].includes(tf.getBackend());
  return (liesInMemory ? adamOnArrays : adamOnTensors)(param, grad, before, numbers);
}

function adamOnTensors(
  param: tf.Tensor,
  grad: tf.Tensor,
  before: AdamMoments,
  { beta1, beta2, epsilon, amsgrad, shrink, l2, stepSize, spreadScale }: AdamNumbers,
): AdamUpdate {
  const gradient = l2 === 0 ? grad : tf.add(grad, tf.mul(param, l2));
  const mean = runningAverage(before.mean, gradient, beta1);
  const square = runningAverage(before.square, tf.square(gradient), beta2);
  const largest = amsgrad && before.largest ? tf.maximum(before.largest, square) : square;
  const divisor = tf.add(tf.mul(tf.sqrt(largest), spreadScale), epsilon);
  const kept = shrink === 1 ? param : tf.mul(param, shrink);
  const moved = tf.sub(kept, tf.mul(tf.div(mean, divisor), stepSize));
  const update = { param: moved, mean, square };
  return amsgrad ? { ...update, largest: largest === square ? square.clone() : largest } : update;
}

/** beta * average + (1 - beta) * value, with an average of 0 at the start. */
function runningAverage(average: tf.Tensor | undefined, value: tf.Tensor, beta: number): tf.Tensor {
  const added = tf.mul(value, 1 - beta);
  return average === undefined ? added : tf.add(tf.mul(average, beta), added);
}
