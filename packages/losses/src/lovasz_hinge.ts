import * as tf from "@tensorflow/tfjs-core";
import { differentiable } from "./differentiable.js";
import { lovaszExtension } from "./lovasz_extension.js";
import { checkTarget, validity } from "./target.js";
import type { IgnoreOptions } from "./types.js";

/** Options of `lovaszHinge`. */
export interface LovaszHingeOptions extends IgnoreOptions {
  /** Loss of each image (first axis) and then their mean, instead of one loss over the batch. Default false. */
  readonly perImage?: boolean;
}

/**
 * Binary Lovasz hinge: the convex surrogate of 1 - IoU on hinge errors (Berman, Triki and Blaschko 2018,
 * https://arxiv.org/abs/1705.08790; repository bermanmaxim/LovaszSoftmax).
 *
 * An image without a valid pixel gives 0 and still counts in the mean of `perImage`. For several labels per pixel pass
 * logits and target of the same shape: all are taken together.
 *
 * @param logits any shape, images along the first axis
 * @param target as many values, 0, 1 or `ignore`
 * @throws GlofError `shape-mismatch`
 */
export function lovaszHinge(
  logits: tf.Tensor,
  target: tf.Tensor,
  { perImage = false, ignore = 255 }: LovaszHingeOptions = {},
): tf.Scalar {
  checkTarget(logits, target, "binary", "lovaszHinge");
  const rows = perImage ? logits.shape[0]! : 1;
  return differentiable(logits, () => {
    const labels = tf.reshape<tf.Rank.R2>(tf.cast(target, "float32"), [rows, -1]);
    const valid = validity(labels, ignore);
    const truth = tf.mul<tf.Tensor2D>(labels, valid);
    const signs = tf.sub(tf.mul(truth, 2), 1);
    const errors = tf.sub<tf.Tensor2D>(1, tf.mul(tf.reshape(logits, [rows, -1]), signs));
    const clean = tf.where(tf.cast(valid, "bool"), truth, tf.zerosLike(truth));
    const { value, derivative } = lovaszExtension(errors, clean, valid);
    return {
      value: tf.mean(value),
      derivative: tf.mul(tf.mul(tf.mul(derivative, signs), valid), -1 / rows),
    };
  });
}
