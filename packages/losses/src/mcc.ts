import * as tf from "@tensorflow/tfjs-core";
import { throughActivation, toProbabilities } from "./activation.js";
import { differentiable, type ValueAndDerivative } from "./differentiable.js";
import { maskedTarget, toRows } from "./target.js";
import type { IgnoreOptions } from "./types.js";

/** Options of `mccLoss`. */
export interface MccLossOptions extends IgnoreOptions {
  /** Added to each of the four counts. Default 1e-5. */
  readonly epsilon?: number;
  /** False: the first argument holds probabilities. Default true. */
  readonly fromLogits?: boolean;
}

/**
 * 1 - Matthews correlation coefficient of soft counts, for yes/no masks (Abhishek and Hamarneh 2021; as in
 * segmentation_models.pytorch, `losses/mcc.py`, which takes probabilities).
 *
 * @param logits any shape
 * @param target as many values, 0, 1 or `ignore`
 * @throws GlofError `shape-mismatch`
 */
export function mccLoss(logits: tf.Tensor, target: tf.Tensor, options: MccLossOptions = {}): tf.Scalar {
  const { ignore = 255, epsilon = 1e-5, fromLogits = true } = options;
  return differentiable(logits, () => {
    const rows = toRows(logits, "binary");
    const { truth, valid } = maskedTarget(logits, target, "binary", ignore, "mccLoss");
    const probabilities = fromLogits ? toProbabilities(rows, "binary") : rows;
    const { value, derivative } = ofProbabilities(probabilities, truth, valid, epsilon);
    if (!fromLogits) return { value, derivative };
    return { value, derivative: throughActivation(derivative as tf.Tensor2D, probabilities, "binary") };
  });
}

function ofProbabilities(
  probabilities: tf.Tensor2D,
  truth: tf.Tensor2D,
  valid: tf.Tensor2D,
  epsilon: number,
): ValueAndDerivative {
  const untrue = tf.sub(valid, truth);
  const count = (seen: tf.Tensor, is: tf.Tensor): tf.Tensor => tf.add(tf.sum(tf.mul(seen, is)), epsilon);
  const rest = tf.sub(1, probabilities);
  const [tp, fp] = [count(probabilities, truth), count(probabilities, untrue)];
  const [fn, tn] = [count(rest, truth), count(rest, untrue)];
  const cross = tf.sub(tf.mul(tp, tn), tf.mul(fp, fn));
  // The root of each sum on its own: their product overflows f32 on a large image.
  const roots = [tf.add(tp, fp), tf.add(tp, fn), tf.add(tn, fp), tf.add(tn, fn)].map((sum) => tf.sqrt(sum));
  const divisor = roots.reduce((product, root) => tf.mul(product, root));
  const correlation = tf.div(cross, divisor);
  // tp + fn and tn + fp do not depend on p; the two others rise and fall by one with it.
  const predicted = tf.div(0.5, tf.add(tp, fp));
  const left = tf.div(0.5, tf.add(tn, fn));
  const throughDivisor = tf.mul(correlation, tf.sub(predicted, left));
  // d cross: a true pixel moves tp up and fn down, another fp up and tn down.
  const atTrue = tf.sub(tf.div(tf.add(tn, fp), divisor), throughDivisor);
  const atOther = tf.neg(tf.add(tf.div(tf.add(tp, fn), divisor), throughDivisor));
  const derivative = tf.add(tf.mul(truth, atTrue), tf.mul(untrue, atOther));
  return { value: tf.sub(1, correlation), derivative: tf.neg(derivative) };
}
