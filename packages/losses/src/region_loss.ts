import * as tf from "@tensorflow/tfjs-core";
import { throughActivation, toProbabilities } from "./activation.js";
import { differentiable, type ValueAndDerivative } from "./differentiable.js";
import { fusedClassLoss, fusedLoss } from "./fused.js";
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
  if (mode === "binary") {
    const settings = { kind: "region", ignore, smooth: 0, posWeight: 1 } as const;
    return fusedLoss(logits, target, settings, ([seen, apart, truth]) => {
      const { value, byIntersection, bySeen } = ofSums(
        { seen: seen!, apart: apart!, truth: truth! },
        options,
      );
      return { value, coefficients: tf.concat([byIntersection, bySeen]) as tf.Tensor1D };
    });
  }
  const inputs = { logits, target, classes: classCount(logits) };
  const settings = { kind: "region", ignore, multilabel: mode === "multilabel" } as const;
  return fusedClassLoss(inputs, settings, ([seen, apart, truth]) => {
    const { value, byIntersection, bySeen } = ofSums({ seen: seen!, apart: apart!, truth: truth! }, options);
    return { value, coefficients: [byIntersection, bySeen] };
  });
}

function ofProbabilities(
  probabilities: tf.Tensor2D,
  { truth, valid }: MaskedTarget,
  options: TverskyLossOptions,
): ValueAndDerivative {
  const seen = tf.mul(probabilities, valid);
  const difference = tf.sub(seen, truth);
  const sums = { seen: tf.sum(seen, 0), apart: tf.sum(tf.abs(difference), 0), truth: tf.sum(truth, 0) };
  const { value, byIntersection, bySeen } = ofSums(sums, options);
  // d intersection / d p is 1 below the target, 0 above it and 1/2 on it.
  const rises = tf.div(tf.sub(1, tf.sign(difference)), 2);
  const derivative = tf.mul(tf.add(tf.mul(rises, byIntersection), bySeen), valid);
  return { value, derivative };
}

/** Sums over the pixels that count of the probabilities, of their distances from the target, and of the target, [K] each. */
interface RegionSums {
  readonly seen: tf.Tensor;
  readonly apart: tf.Tensor;
  readonly truth: tf.Tensor;
}

/**
 * The loss, and its derivative by each class's intersection and by its sum of probabilities, [K].
 *
 * Terms that options leave out are not computed: an operation on one number takes as long as 10,000 pixels.
 */
function ofSums(
  { seen: seenSum, apart, truth: truthSum }: RegionSums,
  options: TverskyLossOptions,
): { value: tf.Tensor; byIntersection: tf.Tensor; bySeen: tf.Tensor } {
  const { alpha = 0.5, beta = 0.5, smooth = 0, epsilon = 1e-7 } = options;
  const rest = 1 - alpha - beta;
  const both = tf.add(seenSum, truthSum);
  const intersection = tf.div(tf.sub(both, apart), 2);
  const prices =
    alpha === beta ? tf.mul(both, alpha) : tf.add(tf.mul(seenSum, alpha), tf.mul(truthSum, beta));
  const size = plus(rest === 0 ? prices : tf.add(prices, tf.mul(intersection, rest)), smooth);
  const divisor = tf.maximum(size, epsilon);
  const score = tf.div(plus(intersection, smooth), divisor);
  const { value, slope } = meanLoss(score, truthSum, options);
  // d score = d intersection / divisor - score / divisor * d size, the latter only where size is not clamped.
  const isFree = tf.cast(tf.greaterEqual(size, epsilon), "float32");
  const bySize = tf.mul(tf.div(score, divisor), isFree);
  const direct = tf.div(slope, divisor);
  const byIntersection = rest === 0 ? direct : tf.sub(direct, tf.mul(tf.mul(bySize, rest), slope));
  return { value, byIntersection, bySeen: tf.mul(tf.mul(bySize, -alpha), slope) };
}

const plus = (value: tf.Tensor, added: number): tf.Tensor => (added === 0 ? value : tf.add(value, added));

/** The mean over classes, and its derivative by each class's score. */
function meanLoss(
  score: tf.Tensor,
  truthSum: tf.Tensor,
  { logLoss = false, epsilon = 1e-7, classes, classWeights, gamma = 1 }: TverskyLossOptions,
): { value: tf.Tensor; slope: tf.Tensor } {
  const factors = classFactors(score.size, classes, classWeights);
  const present = tf.cast(tf.greater(truthSum, 0), "float32");
  const share = factors.every((factor) => factor === 1) ? present : tf.mul(present, tf.tensor1d(factors));
  const perClass = logLoss ? tf.neg(tf.log(tf.maximum(score, epsilon))) : tf.sub(1, score);
  const mean = tf.sum(tf.mul(perClass, share));
  const isFree = logLoss ? tf.cast(tf.greaterEqual(score, epsilon), "float32") : undefined;
  const slope = tf.neg(isFree ? tf.mul(tf.div(isFree, tf.maximum(score, epsilon)), share) : share);
  if (gamma === 1) return { value: mean, slope };
  return { value: tf.pow(mean, gamma), slope: tf.mul(slope, tf.mul(tf.pow(mean, gamma - 1), gamma)) };
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
