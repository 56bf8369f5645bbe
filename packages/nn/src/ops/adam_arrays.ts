import * as tf from "@tensorflow/tfjs-core";
import type { AdamMoments, AdamNumbers, AdamUpdate } from "./adam_types.js";

/** One update of one parameter in a single pass over plain arrays, for the backends that keep tensors in memory. */
export function adamOnArrays(
  param: tf.Tensor,
  grad: tf.Tensor,
  before: AdamMoments,
  numbers: AdamNumbers,
): AdamUpdate {
  const { beta1, beta2, epsilon, amsgrad, shrink, l2, stepSize, spreadScale } = numbers;
  const { size } = param;
  const values = param.dataSync<"float32">();
  const slopes = grad.dataSync<"float32">();
  const meanBefore = valuesOf(before.mean, size);
  const squareBefore = valuesOf(before.square, size);
  const largestBefore = amsgrad ? valuesOf(before.largest, size) : squareBefore;
  const moved = new Float32Array(size);
  const means = new Float32Array(size);
  const squares = new Float32Array(size);
  const largest = amsgrad ? new Float32Array(size) : squares;
  for (let index = 0; index < size; index++) {
    const value = values[index]!;
    const slope = slopes[index]! + l2 * value;
    const mean = beta1 * meanBefore[index]! + (1 - beta1) * slope;
    const square = beta2 * squareBefore[index]! + (1 - beta2) * slope * slope;
    means[index] = mean;
    squares[index] = square;
    let spread = square;
    if (amsgrad) {
      if (largestBefore[index]! > square) spread = largestBefore[index]!;
      largest[index] = spread;
    }
    moved[index] = shrink * value - (stepSize * mean) / (Math.sqrt(spread) * spreadScale + epsilon);
  }
  const toTensor = (array: Float32Array): tf.Tensor => tf.tensor(array, param.shape, "float32");
  const update = { param: toTensor(moved), mean: toTensor(means), square: toTensor(squares) };
  return amsgrad ? { ...update, largest: toTensor(largest) } : update;
}

function valuesOf(tensor: tf.Tensor | undefined, size: number): Float32Array {
  return tensor === undefined ? new Float32Array(size) : tensor.dataSync<"float32">();
}
