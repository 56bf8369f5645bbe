import type * as tf from "@tensorflow/tfjs-core";

/** What `forward` gives. The caller disposes each. */
export interface Dinov2Features {
  /** After the final norm. [N, D] */
  readonly clsToken: tf.Tensor2D;
  /** After the final norm. [N, R, D], R = 0 without registers. */
  readonly registerTokens: tf.Tensor3D;
  /** After the final norm, row by row over the patch grid. [N, P, D] */
  readonly patchTokens: tf.Tensor3D;
  /** All tokens (cls, registers, patches) before the final norm. [N, T, D] */
  readonly prenorm: tf.Tensor3D;
}

/** One intermediate layer, as `intermediates` gives it. */
export interface IntermediateFeatures {
  /** 0-based block. */
  readonly layer: number;
  /** [N, h, w, D] when `reshape`, else [N, P, D]. */
  readonly patches: tf.Tensor4D | tf.Tensor3D;
  /** [N, D] */
  readonly clsToken: tf.Tensor2D;
}
