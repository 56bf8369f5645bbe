import type * as tf from "@tensorflow/tfjs-core";

/** How `lovaszExtension` reads its scores, and what counts. */
export interface LovaszOptions {
  /** `"error"`: scores are the errors. `"hinge"`: they are logits x, the error is 1 - x at true pixels, 1 + x at others. */
  readonly form: "error" | "hinge";
  /** The label of pixels that count nowhere; `null`: none. */
  readonly ignore: number | null;
  /** Factor of the derivative. */
  readonly scale: number;
}

/** The Lovasz extension of each row, and its derivative. */
export interface LovaszRows {
  /** [R] */
  readonly value: tf.Tensor1D;
  /** [R, P], by the scores, times `scale` */
  readonly derivative: tf.Tensor2D;
}
