import * as tf from "@tensorflow/tfjs-core";
import type { LossMode } from "./types.js";

/** Probabilities [P, K] of logits [P, K]: softmax over the classes, or a sigmoid of each. */
export function toProbabilities(logits: tf.Tensor2D, mode: LossMode): tf.Tensor2D {
  return mode === "multiclass" ? tf.softmax(logits) : tf.sigmoid(logits);
}

/** Derivative by the logits from the derivative by the probabilities. */
export function throughActivation(
  derivative: tf.Tensor2D,
  probabilities: tf.Tensor2D,
  mode: LossMode,
): tf.Tensor2D {
  if (mode !== "multiclass") return tf.mul(tf.mul(derivative, probabilities), tf.sub(1, probabilities));
  const mean = tf.sum(tf.mul(derivative, probabilities), 1, true);
  return tf.mul(tf.sub(derivative, mean), probabilities);
}
