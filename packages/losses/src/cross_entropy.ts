import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { differentiable, type ValueAndDerivative } from "./differentiable.js";
import { fusedClassLoss, orOne } from "./fused.js";
import { reduceRows } from "./reduce.js";
import { checkTarget, classCount, maskedTarget, toRows } from "./target.js";
import type { EmptyOptions, IgnoreOptions, Reduction } from "./types.js";

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions extends IgnoreOptions, EmptyOptions {
  /** Factor of the pixels of each class. Default 1. */
  readonly weight?: readonly number[];
  /** Share of the target spread evenly over all classes. Default 0. */
  readonly labelSmoothing?: number;
  /**
   * Divide by the weights of the valid pixels, as PyTorch (default), or by the number of all pixels, as
   * `SoftCrossEntropyLoss` of segmentation_models.pytorch.
   */
  readonly normalizeBy?: "valid" | "all";
  /** `"none"` gives one value per pixel, 0 where ignored. Default `"mean"`. */
  readonly reduction?: Reduction | "none";
}

/**
 * Cross-entropy of a softmax over the classes, with `torch.nn.functional.cross_entropy`'s weights and smoothing:
 * -(1 - s) w_y log p_y - s / K sum_c w_c log p_c.
 *
 * @param logits [N, H, W, K]
 * @param target N*H*W class numbers, or `ignore`
 * @returns a scalar, or the target's shape [N, H, W] for `"none"`
 * @throws GlofError `shape-mismatch`; `bad-argument` for a wrong number of weights
 */
export function crossEntropy(
  logits: tf.Tensor,
  target: tf.Tensor,
  options?: CrossEntropyOptions & { readonly reduction?: Reduction },
): tf.Scalar;
export function crossEntropy(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: CrossEntropyOptions & { readonly reduction: "none" },
): tf.Tensor;
export function crossEntropy(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: CrossEntropyOptions = {},
): tf.Tensor {
  const { ignore = 255, reduction = "mean", normalizeBy = "valid", empty = "zero" } = options;
  const weight = checkedWeights(options.weight, classCount(logits));
  checkTarget(logits, target, "multiclass", "crossEntropy");
  const fused = fusedCrossEntropy(logits, target, options);
  if (fused !== undefined) return fused;
  return differentiable(logits, () => {
    const { truth, valid } = maskedTarget(logits, target, "multiclass", ignore, "crossEntropy");
    const rows = toRows(logits, "multiclass");
    const perPixel = pixelLosses(rows, truth, weight, options.labelSmoothing ?? 0);
    const counts = tf.squeeze(valid, [1]);
    const divisor =
      normalizeBy === "all"
        ? tf.scalar(counts.size)
        : tf.sum(weight ? tf.mul(truth, tf.tensor1d(weight)) : truth);
    const { value, derivative } = reduceRows(perPixel, counts, divisor, reduction, empty);
    return { value: reduction === "none" ? tf.reshape(value, logits.shape.slice(0, -1)) : value, derivative };
  });
}

/** In two passes. */
function fusedCrossEntropy(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: CrossEntropyOptions,
): tf.Scalar | undefined {
  const { ignore = 255, reduction = "mean", normalizeBy = "valid", empty = "zero", weight } = options;
  if (reduction === "none") return undefined;
  const classes = classCount(logits);
  const settings = { kind: "entropy", ignore, smoothing: options.labelSmoothing ?? 0 } as const;
  const inputs = { logits, target, classes, weights: weight };
  return fusedClassLoss(inputs, settings, (on, [loss, share]) => {
    const counted = normalizeBy === "all" ? target.size : on.sum(share!);
    const divisor = reduction === "sum" ? 1 : empty === "nan" ? counted : orOne(on, counted);
    const factor = on.div(1, divisor);
    return [on.mul(on.sum(loss!), factor), factor, on.row(new Array<number>(classes).fill(0))];
  });
}

/** Loss of each pixel [P] and its derivative [P, K]. */
function pixelLosses(
  logits: tf.Tensor2D,
  truth: tf.Tensor2D,
  weight: number[] | undefined,
  smoothing: number,
): ValueAndDerivative {
  const classes = logits.shape[1];
  const spread = tf.add(tf.mul(truth, 1 - smoothing), smoothing / classes);
  const wanted = weight ? tf.mul(spread, tf.tensor1d(weight)) : spread;
  const value = tf.neg(tf.sum(tf.mul(wanted, tf.logSoftmax(logits)), 1));
  const mass = tf.sum(wanted, 1, true);
  return { value, derivative: tf.sub(tf.mul(tf.softmax(logits), mass), wanted) };
}

function checkedWeights(weight: readonly number[] | undefined, classes: number): number[] | undefined {
  if (weight === undefined || weight.length === classes) return weight && [...weight];
  throw new GlofError(
    "bad-argument",
    `crossEntropy: expected ${classes} weights, one per class, got ${weight.length}. Correct options.weight.`,
  );
}
