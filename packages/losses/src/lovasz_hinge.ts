import { lovaszExtension } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { differentiable } from "./differentiable.js";
import { asFloats, checkTarget } from "./target.js";
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
    const labels = tf.reshape<tf.Rank.R2>(asFloats(target), [rows, -1]);
    const scores = tf.reshape<tf.Rank.R2>(logits, [rows, -1]);
    const { value, derivative } = lovaszExtension(scores, labels, { form: "hinge", ignore, scale: 1 / rows });
    return { value: tf.mean(value), derivative };
  });
}
