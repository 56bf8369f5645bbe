import * as tf from "@tensorflow/tfjs-core";
import type { UpdateRule } from "./optimizer.js";

/** Numbers of one update of one parameter. */
export interface AdamNumbers {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly amsgrad: boolean;
  /** The parameter is multiplied by this before the update (decoupled decay). */
  readonly shrink: number;
  /** Times the parameter, added to the gradient (L2). */
  readonly l2: number;
  /** lr / (1 - beta1^step) */
  readonly stepSize: number;
  /** 1 / sqrt(1 - beta2^step) */
  readonly spreadScale: number;
}

/** One update of one parameter in a single pass over plain arrays, for the backends that keep tensors in memory. */
export function adamOnArrays(
  param: tf.Tensor,
  grad: tf.Tensor,
  tensors: Readonly<Record<string, tf.Tensor>>,
  numbers: AdamNumbers,
): ReturnType<UpdateRule> {
  const { beta1, beta2, epsilon, amsgrad, shrink, l2, stepSize, spreadScale } = numbers;
  const { size } = param;
  const values = param.dataSync<"float32">();
  const slopes = grad.dataSync<"float32">();
  const meanBefore = valuesOf(tensors.exp_avg, size);
  const squareBefore = valuesOf(tensors.exp_avg_sq, size);
  const largestBefore = amsgrad ? valuesOf(tensors.max_exp_avg_sq, size) : squareBefore;
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
  const moments: Record<string, tf.Tensor> = { exp_avg: toTensor(means), exp_avg_sq: toTensor(squares) };
  if (amsgrad) moments.max_exp_avg_sq = toTensor(largest);
  return { param: toTensor(moved), tensors: moments };
}

function valuesOf(tensor: tf.Tensor | undefined, size: number): Float32Array {
  return tensor === undefined ? new Float32Array(size) : tensor.dataSync<"float32">();
}
