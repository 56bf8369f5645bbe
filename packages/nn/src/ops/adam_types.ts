import type * as tf from "@tensorflow/tfjs-core";

/** Numbers of one update of one parameter. */
export interface AdamNumbers {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Divide by the largest second moment so far. */
  readonly amsgrad: boolean;
  /** The parameter is multiplied by this before the update (decoupled decay). */
  readonly shrink: number;
  /** Times the parameter, added to the gradient (L2). */
  readonly l2: number;
  /** lr / (1 - beta1^step) */
  readonly stepSize: number;
  /** 1 / sqrt(1 - beta2^step) */
  readonly spreadScale: number;
}

/** Running averages of a parameter's shape; absent before the first update. */
export interface AdamMoments {
  readonly mean?: tf.Tensor | undefined;
  readonly square?: tf.Tensor | undefined;
  /** With `amsgrad` only. */
  readonly largest?: tf.Tensor | undefined;
}

/** A parameter after an update, and its moments: fresh tensors. */
export interface AdamUpdate {
  readonly param: tf.Tensor;
  readonly mean: tf.Tensor;
  readonly square: tf.Tensor;
  readonly largest?: tf.Tensor;
}
