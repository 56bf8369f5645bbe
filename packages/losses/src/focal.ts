import { type RowArithmetic, tensorRows } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { elementwiseBce } from "./bce.js";
import { differentiable, type ValueAndDerivative } from "./differentiable.js";
import { fusedClassLoss } from "./fused.js";
import { keepValid } from "./reduce.js";
import { checkTarget, classCount, maskedTarget, toRows } from "./target.js";
import type { EmptyOptions, IgnoreOptions, LossMode, Reduction } from "./types.js";

/** Options of `focalLoss`. */
export interface FocalLossOptions extends IgnoreOptions, EmptyOptions {
  /** Default `"binary"`; the other modes ask "this class or not" of each class and take the mean over classes. */
  readonly mode?: LossMode;
  /** Power that plays down what is right already. Default 2. */
  readonly gamma?: number;
  /** Weight of positives, 1 - alpha of negatives. Default: both 1. */
  readonly alpha?: number;
  /** Divide by the sum of the focal factors of the class. Default false. */
  readonly normalized?: boolean;
  /** Reduced focal loss: below this probability of the truth the full loss counts. Default: off. */
  readonly reducedThreshold?: number;
  /** Weight of each class in the mean. Default equal. */
  readonly classWeights?: readonly number[];
  /** False: the first argument holds probabilities. Default true. */
  readonly fromLogits?: boolean;
  /** Probabilities are kept this far from 0 and 1 when `fromLogits` is false. Default 1e-7. */
  readonly epsilon?: number;
  /** `"none"` gives one value per element, 0 where ignored, without the mean over classes. Default `"mean"`. */
  readonly reduction?: Reduction | "none";
}

/** The least sum of focal factors to divide by, as in segmentation_models.pytorch. */
const leastNorm = 1e-6;

/**
 * Focal loss: (1 - p_t)^gamma times cross-entropy, with p_t the probability given to the truth (Lin et al. 2017,
 * https://arxiv.org/abs/1708.02002; as in segmentation_models.pytorch, `losses/focal.py`).
 *
 * @param logits [N, H, W, K]
 * @throws GlofError `shape-mismatch`
 */
export function focalLoss(
  logits: tf.Tensor,
  target: tf.Tensor,
  options?: FocalLossOptions & { readonly reduction?: Reduction },
): tf.Scalar;
export function focalLoss(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: FocalLossOptions & { readonly reduction: "none" },
): tf.Tensor;
export function focalLoss(logits: tf.Tensor, target: tf.Tensor, options: FocalLossOptions = {}): tf.Tensor {
  const { mode = "binary", ignore = 255, fromLogits = true, epsilon = 1e-7 } = options;
  checkTarget(logits, target, mode, "focalLoss");
  const fused = fusedFocalLoss(logits, target, options);
  if (fused !== undefined) return fused;
  return differentiable(logits, () => {
    const rows = toRows(logits, mode);
    const { truth, valid } = maskedTarget(logits, target, mode, ignore, "focalLoss");
    const { scores, slope } = fromLogits ? { scores: rows, slope: undefined } : toScores(rows, mode, epsilon);
    const counted = tf.broadcastTo(valid, rows.shape);
    const { value, derivative } = reduceFocal(focalElements(scores, truth, options), counted, options);
    return {
      value: options.reduction === "none" ? tf.reshape(value, logits.shape) : value,
      derivative: slope ? tf.mul(derivative, slope) : derivative,
    };
  });
}

/** In two passes, for logits and a power that is not 0. */
function fusedFocalLoss(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: FocalLossOptions,
): tf.Scalar | undefined {
  const { mode = "binary", ignore = 255, gamma = 2, alpha, reducedThreshold = 0 } = options;
  if (options.reduction === "none" || options.fromLogits === false || gamma === 0) return undefined;
  const settings = {
    kind: "focal",
    ignore,
    // One column of targets in [0, 1] is that of a single label.
    multilabel: mode !== "multiclass",
    gamma,
    weightOfTrue: alpha ?? 1,
    weightOfFalse: alpha === undefined ? 1 : 1 - alpha,
    threshold: reducedThreshold,
  } as const;
  const classes = mode === "binary" ? 1 : classCount(logits);
  return fusedClassLoss({ logits, target, classes }, settings, (on, [loss, factor, count]) =>
    ofClassSums(
      on,
      { loss: loss!, factor: factor!, share: classShares(on, count!, classes, options) },
      options,
    ),
  );
}

/** The loss from each class's sums of losses and of focal factors, and its share, and what the derivative is made of. */
function ofClassSums<Row>(
  on: RowArithmetic<Row>,
  { loss, factor, share }: Readonly<Record<"loss" | "factor" | "share", Row>>,
  options: FocalLossOptions,
): readonly [value: Row, byLoss: Row, byFactor: Row] {
  const { sum, mul, div } = on;
  if (options.normalized !== true) return [sum(mul(loss, share)), share, mul(share, 0)];
  const divisor = on.max(factor, leastNorm);
  const divided = div(loss, divisor);
  const throughNorm = mul(div(divided, divisor), on.atLeast(factor, leastNorm));
  return [sum(mul(divided, share)), div(share, divisor), mul(mul(share, throughNorm), -1)];
}

/** What the sum of a class with so many elements is multiplied by in the whole loss. */
function classShares<Row>(
  on: RowArithmetic<Row>,
  count: Row,
  classes: number,
  { reduction = "mean", classWeights, empty = "zero" }: FocalLossOptions,
): Row {
  const weights = [...(classWeights ?? new Array<number>(classes).fill(1))];
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const perClass = on.row(weights.map((weight) => weight / total));
  if (reduction !== "mean") return perClass;
  return on.div(perClass, empty === "zero" ? on.max(count, 1) : count);
}

/** Logits for probabilities, and their derivative; for `multiclass` the logarithm, as the reference does. */
function toScores(
  probabilities: tf.Tensor,
  mode: LossMode,
  epsilon: number,
): { scores: tf.Tensor; slope: tf.Tensor } {
  const kept = tf.clipByValue(probabilities, epsilon, 1 - epsilon);
  const isKept = tf.cast(tf.equal(kept, probabilities), "float32");
  if (mode === "multiclass") return { scores: tf.log(kept), slope: tf.div(isKept, kept) };
  const rest = tf.sub(1, kept);
  return { scores: tf.log(tf.div(kept, rest)), slope: tf.div(isKept, tf.mul(kept, rest)) };
}

interface FocalElements extends ValueAndDerivative {
  readonly factor: tf.Tensor;
  readonly factorDerivative: tf.Tensor;
}

function focalElements(logits: tf.Tensor, truth: tf.Tensor, options: FocalLossOptions): FocalElements {
  const { gamma = 2, alpha, reducedThreshold } = options;
  const entropy = elementwiseBce(logits, truth);
  const truthProbability = tf.exp(tf.neg(entropy.value));
  const miss = tf.sub(1, truthProbability);
  // d miss / d logit = p_t * d entropy / d logit
  const missDerivative = tf.mul(truthProbability, entropy.derivative);
  let factor: tf.Tensor = gamma === 0 ? tf.onesLike(miss) : tf.pow(miss, gamma);
  let factorDerivative: tf.Tensor =
    gamma === 0 ? tf.zerosLike(miss) : tf.mul(tf.mul(tf.pow(miss, gamma - 1), gamma), missDerivative);
  if (reducedThreshold !== undefined) {
    const scale = reducedThreshold ** -gamma;
    const isFull = tf.less(truthProbability, reducedThreshold);
    factor = tf.where(isFull, tf.onesLike(factor), tf.mul(factor, scale));
    factorDerivative = tf.where(isFull, tf.zerosLike(factor), tf.mul(factorDerivative, scale));
  }
  let value = tf.mul(factor, entropy.value);
  let derivative = tf.add(tf.mul(factor, entropy.derivative), tf.mul(factorDerivative, entropy.value));
  if (alpha !== undefined) {
    const weight = tf.add(tf.mul(truth, 2 * alpha - 1), 1 - alpha);
    value = tf.mul(value, weight);
    derivative = tf.mul(derivative, weight);
  }
  return { value, derivative, factor, factorDerivative };
}

/** Rows [P, K] to the mean over classes of each class's mean or sum. */
function reduceFocal(
  elements: FocalElements,
  valid: tf.Tensor,
  options: FocalLossOptions,
): ValueAndDerivative {
  const { normalized = false, reduction = "mean" } = options;
  let value = keepValid(elements.value, valid);
  let derivative = keepValid(elements.derivative, valid);
  if (normalized) ({ value, derivative } = normalise(elements, value, derivative, valid, reduction));
  if (reduction === "none") return { value, derivative };
  const share = classShares(tensorRows, tf.sum(valid, 0), valid.shape.at(-1)!, options);
  return {
    value: tf.sum(tf.mul(tf.sum(value, 0), share)),
    derivative: keepValid(tf.mul(derivative, share), valid),
  };
}

/** Divides by the sum of focal factors of each class, which depends on every logit of the class. */
function normalise(
  { factor, factorDerivative }: FocalElements,
  value: tf.Tensor,
  derivative: tf.Tensor,
  valid: tf.Tensor,
  reduction: Reduction | "none",
): ValueAndDerivative {
  const norm = tf.sum(keepValid(factor, valid), 0);
  const divisor = tf.maximum(norm, leastNorm);
  const direct = tf.div(derivative, divisor);
  const divided = tf.div(value, divisor);
  // Of single elements only the direct part can be told: each depends on all logits through the norm.
  if (reduction === "none") return { value: divided, derivative: direct };
  const isFree = tf.cast(tf.greaterEqual(norm, leastNorm), "float32");
  const throughNorm = tf.mul(tf.div(tf.sum(divided, 0), divisor), isFree);
  const indirect = tf.mul(keepValid(factorDerivative, valid), throughNorm);
  return { value: divided, derivative: tf.sub(direct, indirect) };
}
