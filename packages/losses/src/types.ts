import type * as tf from "@tensorflow/tfjs-core";

/**
 * What the classes of a target mean.
 * - `binary`: one logit per pixel, target of as many 0/1 values (or soft ones in [0, 1])
 * - `multiclass`: logits [N, H, W, K], target of N*H*W class numbers
 * - `multilabel`: logits [N, H, W, K], target of the same shape with one 0/1 value per class
 */
export type LossMode = "binary" | "multiclass" | "multilabel";

/** How the values of the pixels become one number. */
export type Reduction = "mean" | "sum";

/** A loss as `weightedSum` and the training loop take it. */
export type Loss = (logits: tf.Tensor, target: tf.Tensor) => tf.Scalar;

/** Common to all losses. */
export interface IgnoreOptions {
  /** Target value of pixels that count nowhere. Default 255, the no-data value of our masks; `null`: none. */
  readonly ignore?: number | null;
}

/** For losses that divide by the number of valid pixels. */
export interface EmptyOptions {
  /** What a target without any valid pixel gives: 0 with gradient 0 (default), or NaN as PyTorch does. */
  readonly empty?: "zero" | "nan";
}
