import { withGradient } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";

/** Tensors of one adapter, in memory layout. */
export interface AdapterTensors {
  /** First factor: [in, r] of a linear layer, [kh, kw, in, r] of a convolution. */
  readonly a: tf.Tensor;
  /** Second factor: [r, out], or [1, 1, r, out]. */
  readonly b: tf.Tensor;
  /** DoRA: length of the weights of each output; as many values as outputs, any shape. */
  readonly magnitude?: tf.Tensor;
}

/**
 * The weight that an adapter makes of a weight: W + s A B (LoRA, Hu et al. 2022), or with a magnitude
 * m (W + s A B) / |W + s A B| per output (DoRA, Liu et al. 2024), where no gradient passes through the length.
 *
 * Gradients reach the weight, both factors and the magnitude.
 *
 * @param weight memory layout: [in, out] or HWIO
 * @param scaling s
 */
export function adaptedWeight(
  weight: tf.Tensor,
  { a, b, magnitude }: AdapterTensors,
  scaling: number,
): tf.Tensor {
  type Input = "weight" | "a" | "b" | "magnitude";
  const outputs = weight.shape.at(-1)!;
  const rank = a.shape.at(-1)!;
  const flatA = (): tf.Tensor2D => tf.reshape(a, [-1, rank]);
  const flatB = (): tf.Tensor2D => tf.reshape(b, [rank, outputs]);
  return withGradient<tf.Tensor, Input, "whole" | "factor" | "lengths">({
    inputs: { weight, a, b, magnitude },
    forward: () => {
      const whole = sumWithUpdate(weight, flatA(), flatB(), scaling);
      const lengths = magnitude ? outputLengths(whole) : tf.ones([1]);
      const factor = magnitude ? tf.div(tf.reshape(magnitude, [1, outputs]), lengths) : tf.ones([1]);
      const value = magnitude ? tf.mul(whole, factor) : whole;
      return { value: tf.reshape(value, weight.shape), saved: { whole, factor, lengths } };
    },
    backward: (outputGrad, { whole, factor, lengths }, wants) => {
      const flat = tf.reshape(outputGrad, [-1, outputs]);
      const direct = (magnitude ? tf.mul(flat, factor) : flat) as tf.Tensor2D;
      const scaled = tf.mul(direct, scaling) as tf.Tensor2D;
      return {
        weight: wants("weight") ? tf.reshape(direct, weight.shape) : undefined,
        a: wants("a") ? tf.reshape(tf.matMul(scaled, flatB(), false, true), a.shape) : undefined,
        b: wants("b") ? tf.reshape(tf.matMul(flatA(), scaled, true, false), b.shape) : undefined,
        magnitude:
          magnitude && wants("magnitude")
            ? tf.reshape(tf.sum(tf.mul(flat, tf.div(whole, lengths)), 0), magnitude.shape)
            : undefined,
      };
    },
  });
}

/** Length of the weights of each output, [out]: what a DoRA magnitude starts from. */
export function weightLengths(weight: tf.Tensor): tf.Tensor1D {
  return tf.tidy(() => tf.reshape(outputLengths(tf.reshape(weight, [-1, weight.shape.at(-1)!])), [-1]));
}

/** s A B, in the weight's shape. */
export function weightUpdate({ a, b }: AdapterTensors, shape: readonly number[], scaling: number): tf.Tensor {
  return tf.tidy(() => {
    const rank = a.shape.at(-1)!;
    const product = tf.matMul(tf.reshape(a, [-1, rank]), tf.reshape(b, [rank, -1]));
    return tf.reshape(tf.mul(product, scaling), [...shape]);
  });
}

/** [*, out] */
function sumWithUpdate(weight: tf.Tensor, a: tf.Tensor2D, b: tf.Tensor2D, scaling: number): tf.Tensor2D {
  const flat = tf.reshape(weight, [-1, weight.shape.at(-1)!]);
  return tf.add(flat, tf.mul(tf.matMul(a, b), scaling));
}

/** [1, out] */
const outputLengths = (flat: tf.Tensor): tf.Tensor => tf.sqrt(tf.sum(tf.square(flat), 0, true));
