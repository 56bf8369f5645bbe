import { type RowArithmetic, tensorRows } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { throughActivation, toProbabilities } from "./activation.js";
import { differentiable, type ValueAndDerivative } from "./differentiable.js";
import { fusedLoss } from "./fused.js";
import { checkTarget, maskedTarget, toRows } from "./target.js";
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
  checkTarget(logits, target, "binary", "mccLoss");
  const fused = fromLogits ? fusedMcc(logits, target, ignore, epsilon) : undefined;
  if (fused !== undefined) return fused;
  return differentiable(logits, () => {
    const rows = toRows(logits, "binary");
    const { truth, valid } = maskedTarget(logits, target, "binary", ignore, "mccLoss");
    const probabilities = fromLogits ? toProbabilities(rows, "binary") : rows;
    const { value, derivative } = ofProbabilities(probabilities, truth, valid, epsilon);
    if (!fromLogits) return { value, derivative };
    return { value, derivative: throughActivation(derivative as tf.Tensor2D, probabilities, "binary") };
  });
}

/** In two passes. */
function fusedMcc(
  logits: tf.Tensor,
  target: tf.Tensor,
  ignore: number | null,
  epsilon: number,
): tf.Scalar | undefined {
  const settings = { kind: "counts", ignore, smooth: 0, posWeight: 1 } as const;
  return fusedLoss(logits, target, settings, (on, counts) => {
    const [tp, fp, fn, tn] = counts.map((count) => on.add(count, epsilon));
    const { value, atTrue, atOther } = ofCounts(on, { tp: tp!, fp: fp!, fn: fn!, tn: tn! });
    return [value, on.sub(atTrue, atOther), atOther];
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
  const { value, atTrue, atOther } = ofCounts(tensorRows, {
    tp: count(probabilities, truth),
    fp: count(probabilities, untrue),
    fn: count(rest, truth),
    tn: count(rest, untrue),
  });
  return { value, derivative: tf.add(tf.mul(truth, atTrue), tf.mul(untrue, atOther)) };
}

/** Soft counts of true and false positives and negatives. */
type Counts<Row> = Readonly<Record<"tp" | "fp" | "fn" | "tn", Row>>;

/** The loss, and its derivative by the probability of a true pixel and of another. */
function ofCounts<Row>(
  { add, sub, mul, div, sqrt }: RowArithmetic<Row>,
  { tp, fp, fn, tn }: Counts<Row>,
): Record<"value" | "atTrue" | "atOther", Row> {
  const cross = sub(mul(tp, tn), mul(fp, fn));
  // The root of each sum on its own: their product overflows f32 on a large image.
  const roots = [add(tp, fp), add(tp, fn), add(tn, fp), add(tn, fn)].map((sum) => sqrt(sum));
  const divisor = roots.reduce((product, root) => mul(product, root));
  const correlation = div(cross, divisor);
  // tp + fn and tn + fp do not depend on p; the two others rise and fall by one with it.
  const predicted = div(0.5, add(tp, fp));
  const left = div(0.5, add(tn, fn));
  const throughDivisor = mul(correlation, sub(predicted, left));
  // d cross: a true pixel moves tp up and fn down, another fp up and tn down.
  return {
    value: sub(1, correlation),
    atTrue: sub(throughDivisor, div(add(tn, fp), divisor)),
    atOther: add(div(add(tp, fn), divisor), throughDivisor),
  };
}
