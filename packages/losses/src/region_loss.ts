import { type RowArithmetic, tensorRows } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { throughActivation, toProbabilities } from "./activation.js";
import { differentiable, type ValueAndDerivative } from "./differentiable.js";
import { fusedClassLoss, fusedLoss, type LossFormula } from "./fused.js";
import { checkTarget, classCount, type MaskedTarget, maskedTarget, toRows } from "./target.js";
import type { IgnoreOptions, LossMode } from "./types.js";

/** Options of `diceLoss` and `jaccardLoss`. */
export interface RegionLossOptions extends IgnoreOptions {
  /** Default `"binary"`. */
  readonly mode?: LossMode;
  /** Added to the intersection and to the size. Default 0. */
  readonly smooth?: number;
  /** The least size to divide by. Default 1e-7. */
  readonly epsilon?: number;
  /** `-log(score)` instead of `1 - score`. Default false. */
  readonly logLoss?: boolean;
  /** The classes that count. Default all. */
  readonly classes?: readonly number[];
  /** Weight of each of the K classes in the mean; those not in `classes` are passed over. Default equal. */
  readonly classWeights?: readonly number[];
  /** False: the first argument holds probabilities. Default true. */
  readonly fromLogits?: boolean;
}

/** Options of `tverskyLoss`. */
export interface TverskyLossOptions extends RegionLossOptions {
  /** Price of false positives. Default 0.5. */
  readonly alpha?: number;
  /** Price of false negatives. Default 0.5. */
  readonly beta?: number;
  /** The mean over classes is raised to this power (focal Tversky). Default 1. */
  readonly gamma?: number;
}

/**
 * Tversky loss: 1 - (I + smooth) / (I + alpha FP + beta FN + smooth) per class, over the whole batch, with
 * I = sum of min(probability, target); classes without a true pixel give 0 and still count in the mean.
 * (Salehi, Erdogmus and Gholipour 2017; as in segmentation_models.pytorch, `losses/tversky.py`.)
 *
 * @param logits [N, H, W, K]
 * @throws GlofError `shape-mismatch`
 */
export function tverskyLoss(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: TverskyLossOptions = {},
): tf.Scalar {
  return regionLoss(logits, target, options, "tverskyLoss");
}

/**
 * Dice loss: Tversky loss with alpha = beta = 1/2, so that without `smooth` the score is 2 I / (sum p + sum t).
 * (Milletari, Navab and Ahmadi 2016; as in segmentation_models.pytorch, `losses/dice.py`.)
 *
 * @param logits [N, H, W, K]
 * @throws GlofError `shape-mismatch`
 */
export function diceLoss(logits: tf.Tensor, target: tf.Tensor, options: RegionLossOptions = {}): tf.Scalar {
  return regionLoss(logits, target, { ...options, alpha: 0.5, beta: 0.5, gamma: 1 }, "diceLoss");
}

/**
 * Jaccard loss: Tversky loss with alpha = beta = 1, a score of I / union.
 * (As in segmentation_models.pytorch, `losses/jaccard.py`.)
 *
 * @param logits [N, H, W, K]
 * @throws GlofError `shape-mismatch`
 */
export function jaccardLoss(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: RegionLossOptions = {},
): tf.Scalar {
  return regionLoss(logits, target, { ...options, alpha: 1, beta: 1, gamma: 1 }, "jaccardLoss");
}

function regionLoss(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: TverskyLossOptions,
  where: string,
): tf.Scalar {
  const { mode = "binary", ignore = 255, fromLogits = true } = options;
  checkTarget(logits, target, mode, where);
  const fused = fromLogits ? fusedRegionLoss(logits, target, options) : undefined;
  if (fused !== undefined) return fused;
  return differentiable(logits, () => {
    const rows = toRows(logits, mode);
    const masked = maskedTarget(logits, target, mode, ignore, where);
    const probabilities = fromLogits ? toProbabilities(rows, mode) : rows;
    const { value, derivative } = ofProbabilities(probabilities, masked, options);
    if (!fromLogits) return { value, derivative };
    return { value, derivative: throughActivation(derivative as tf.Tensor2D, probabilities, mode) };
  });
}

/** In two passes. */
function fusedRegionLoss(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: TverskyLossOptions,
): tf.Scalar | undefined {
  const { mode = "binary", ignore = 255 } = options;
  const classes = mode === "binary" ? 1 : classCount(logits);
  const formula: LossFormula = (on, [seen, apart, truth]) => {
    const sums = { seen: seen!, apart: apart!, truth: truth!, classes };
    const { value, byIntersection, bySeen } = ofSums(on, sums, options);
    return [value, byIntersection, bySeen];
  };
  if (mode === "binary") {
    return fusedLoss(logits, target, { kind: "region", ignore, smooth: 0, posWeight: 1 }, formula);
  }
  const settings = { kind: "region", ignore, multilabel: mode === "multilabel" } as const;
  return fusedClassLoss({ logits, target, classes }, settings, formula);
}

function ofProbabilities(
  probabilities: tf.Tensor2D,
  { truth, valid }: MaskedTarget,
  options: TverskyLossOptions,
): ValueAndDerivative {
  const seen = tf.mul(probabilities, valid);
  const difference = tf.sub(seen, truth);
  const sums = {
    seen: tf.sum(seen, 0),
    apart: tf.sum(tf.abs(difference), 0),
    truth: tf.sum(truth, 0),
    classes: probabilities.shape[1],
  };
  const { value, byIntersection, bySeen } = ofSums(tensorRows, sums, options);
  // d intersection / d p is 1 below the target, 0 above it and 1/2 on it.
  const rises = tf.div(tf.sub(1, tf.sign(difference)), 2);
  const derivative = tf.mul(tf.add(tf.mul(rises, byIntersection), bySeen), valid);
  return { value, derivative };
}

/** Sums over the pixels that count of the probabilities, of their distances from the target, and of the target, a row each. */
interface RegionSums<Row> {
  readonly seen: Row;
  readonly apart: Row;
  readonly truth: Row;
  readonly classes: number;
}

/** The loss, and its derivative by each class's intersection and by its sum of probabilities. */
function ofSums<Row>(
  on: RowArithmetic<Row>,
  { seen, apart, truth, classes }: RegionSums<Row>,
  options: TverskyLossOptions,
): Record<"value" | "byIntersection" | "bySeen", Row> {
  const { alpha = 0.5, beta = 0.5, smooth = 0, epsilon = 1e-7 } = options;
  const { add, sub, mul, div } = on;
  const rest = 1 - alpha - beta;
  const intersection = div(sub(add(seen, truth), apart), 2);
  const prices = add(mul(seen, alpha), mul(truth, beta));
  const size = add(add(prices, mul(intersection, rest)), smooth);
  const divisor = on.max(size, epsilon);
  const score = div(add(intersection, smooth), divisor);
  const { value, slope } = meanLoss(on, { score, truth, classes }, options);
  // d score = d intersection / divisor - score / divisor * d size, the latter only where size is not clamped.
  const bySize = mul(div(score, divisor), on.atLeast(size, epsilon));
  return {
    value,
    byIntersection: sub(div(slope, divisor), mul(mul(bySize, rest), slope)),
    bySeen: mul(mul(bySize, -alpha), slope),
  };
}

/** The mean over classes, and its derivative by each class's score. */
function meanLoss<Row>(
  on: RowArithmetic<Row>,
  { score, truth, classes: count }: { readonly score: Row; readonly truth: Row; readonly classes: number },
  { logLoss = false, epsilon = 1e-7, classes, classWeights, gamma = 1 }: TverskyLossOptions,
): Record<"value" | "slope", Row> {
  const { sub, mul, div } = on;
  const share = mul(on.above(truth, 0), on.row(classFactors(count, classes, classWeights)));
  const kept = on.max(score, epsilon);
  const perClass = logLoss ? sub(0, on.log(kept)) : sub(1, score);
  const mean = on.sum(mul(perClass, share));
  const slope = logLoss ? mul(div(on.atLeast(score, epsilon), kept), share) : share;
  if (gamma === 1) return { value: mean, slope: mul(slope, -1) };
  // A perfect score may be rounded to a little more than 1, and a power of a negative number is none.
  const loss = on.max(mean, 0);
  return { value: on.pow(loss, gamma), slope: mul(mul(slope, -1), mul(on.pow(loss, gamma - 1), gamma)) };
}

/** Weight of each class in the mean over the chosen ones. A class named twice counts twice. */
function classFactors(
  count: number,
  classes: readonly number[] | undefined,
  classWeights: readonly number[] | undefined,
): number[] {
  const chosen = classes ?? Array.from({ length: count }, (_, index) => index);
  const factors = new Array<number>(count).fill(0);
  const total = chosen.reduce((sum, one) => sum + (classWeights?.[one] ?? 1), 0);
  for (const one of chosen) factors[one] = factors[one]! + (classWeights?.[one] ?? 1) / total;
  return factors;
}
