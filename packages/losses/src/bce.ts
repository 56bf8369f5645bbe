import * as tf from "@tensorflow/tfjs-core";
import { differentiable, type ValueAndDerivative } from "./differentiable.js";
import { fusedLoss, orOne } from "./fused.js";
import { reduceRows } from "./reduce.js";
import { asFloats, checkTarget, validity } from "./target.js";
import type { EmptyOptions, IgnoreOptions, Reduction } from "./types.js";

/** Options of `bceWithLogits`. */
export interface BceOptions extends IgnoreOptions, EmptyOptions {
  /** Factor of each element: a tensor that broadcasts to the logits, or one number per class. Default 1. */
  readonly weight?: tf.Tensor | readonly number[];
  /** Factor of the positive part, likewise. Default 1. */
  readonly posWeight?: tf.Tensor | readonly number[];
  /** Targets move towards the other class by this share: 1 -> 1 - s, 0 -> s. Default 0. */
  readonly smoothFactor?: number;
  /** Divide by the number of valid elements (default) or of all, as segmentation_models.pytorch does. */
  readonly normalizeBy?: "valid" | "all";
  /** `"none"` gives one value per element, 0 where ignored. Default `"mean"`. */
  readonly reduction?: Reduction | "none";
}

/**
 * Binary cross-entropy of logits: max(x, 0) - x t + log(1 + exp(-|x|)), with PyTorch's `weight` and `pos_weight`.
 *
 * @param logits any shape
 * @param target as many values in [0, 1], or `ignore`
 * @throws GlofError `shape-mismatch`
 */
export function bceWithLogits(
  logits: tf.Tensor,
  target: tf.Tensor,
  options?: BceOptions & { readonly reduction?: Reduction },
): tf.Scalar;
export function bceWithLogits(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: BceOptions & { readonly reduction: "none" },
): tf.Tensor;
export function bceWithLogits(logits: tf.Tensor, target: tf.Tensor, options: BceOptions = {}): tf.Tensor {
  const { ignore = 255, reduction = "mean", normalizeBy = "valid", empty = "zero" } = options;
  checkTarget(logits, target, "binary", "bceWithLogits");
  return (
    fusedBce(logits, target, options) ??
    differentiable(logits, () => {
      const labels = tf.reshape(asFloats(target), logits.shape);
      const valid = validity(labels, ignore);
      const truth = tf.where(tf.cast(valid, "bool"), labels, tf.zerosLike(labels));
      const elements = elementwiseBce(logits, smoothed(truth, options.smoothFactor ?? 0), options);
      const divisor = normalizeBy === "valid" ? tf.sum(valid) : tf.scalar(logits.size);
      return reduceRows(elements, valid, divisor, reduction, empty);
    })
  );
}

/** In two passes, for one factor of the positive part and no other weights. */
function fusedBce(logits: tf.Tensor, target: tf.Tensor, options: BceOptions): tf.Tensor | undefined {
  const { ignore = 255, reduction = "mean", normalizeBy = "valid", empty = "zero" } = options;
  const [posWeight, ...others] = options.posWeight instanceof tf.Tensor ? [] : (options.posWeight ?? [1]);
  const isPlain = options.weight === undefined && posWeight !== undefined && others.length === 0;
  if (!isPlain || reduction === "none") return undefined;
  const settings = { kind: "bce", ignore, smooth: options.smoothFactor ?? 0, posWeight } as const;
  return fusedLoss(logits, target, settings, (on, [loss, valid]) => {
    const counted = normalizeBy === "valid" ? valid! : logits.size;
    const divisor = reduction === "sum" ? 1 : empty === "nan" ? counted : orOne(on, counted);
    return [on.div(loss!, divisor), on.div(1, divisor), on.row([0])];
  });
}

/** Cross-entropy of each element and its derivative. */
export function elementwiseBce(
  logits: tf.Tensor,
  truth: tf.Tensor,
  { weight, posWeight }: Pick<BceOptions, "weight" | "posWeight"> = {},
): ValueAndDerivative {
  // softplus(-x) = -log(sigmoid(x)), without overflow on either side.
  const softplus = tf.add(tf.relu(tf.neg(logits)), tf.log1p(tf.exp(tf.neg(tf.abs(logits)))));
  const probability = tf.sigmoid(logits);
  let value: tf.Tensor;
  let derivative: tf.Tensor;
  if (posWeight === undefined) {
    value = tf.add(tf.mul(tf.sub(1, truth), logits), softplus);
    derivative = tf.sub(probability, truth);
  } else {
    const factor = tf.add(tf.mul(truth, tf.sub(asTensor(posWeight), 1)), 1);
    value = tf.add(tf.mul(tf.sub(1, truth), logits), tf.mul(softplus, factor));
    derivative = tf.sub(tf.sub(1, truth), tf.mul(factor, tf.sub(1, probability)));
  }
  if (weight === undefined) return { value, derivative };
  const factor = asTensor(weight);
  return { value: tf.mul(value, factor), derivative: tf.mul(derivative, factor) };
}

function smoothed(truth: tf.Tensor, factor: number): tf.Tensor {
  return factor === 0 ? truth : tf.add(tf.mul(truth, 1 - 2 * factor), factor);
}

function asTensor(values: tf.Tensor | readonly number[]): tf.Tensor {
  return values instanceof tf.Tensor ? values : tf.tensor1d([...values]);
}
