import { GlofError } from "@glof/core";
import { lovaszExtension, sigmoid, softmax } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { differentiable, type ValueAndDerivative } from "./differentiable.js";
import { asFloats, checkTarget, classCount, validity } from "./target.js";
import type { IgnoreOptions } from "./types.js";

/** Options of `lovaszSoftmax`. */
export interface LovaszSoftmaxOptions extends IgnoreOptions {
  /**
   * Classes whose losses are averaged: those that occur in the target (`"present"`, default), `"all"`, or these
   * numbers. With a single column of logits it names the one class that the column stands for.
   */
  readonly classes?: "present" | "all" | readonly number[];
  /** Loss of each image and then their mean, instead of one loss over the batch. Default false. */
  readonly perImage?: boolean;
  /** What the first argument holds: logits for a softmax (default), for a sigmoid, or probabilities. */
  readonly activation?: "softmax" | "sigmoid" | "none";
}

/**
 * Lovasz softmax: the Lovasz extension of 1 - IoU of each class on absolute errors of its probability (Berman, Triki
 * and Blaschko 2018, https://arxiv.org/abs/1705.08790).
 *
 * An image without a valid pixel, or in which none of the asked classes occurs, gives 0 and still counts in `perImage`.
 *
 * @param logits [N, H, W, K], or without the last axis when `activation` is `"sigmoid"`
 * @param target N*H*W class numbers, or `ignore`
 * @throws GlofError `shape-mismatch`; `bad-argument` when `classes` does not fit the number of columns
 */
export function lovaszSoftmax(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: LovaszSoftmaxOptions = {},
): tf.Scalar {
  const { classes = "present", perImage = false, ignore = 255, activation = "softmax" } = options;
  const columns = logits.size === target.size ? 1 : classCount(logits);
  checkTarget(logits, target, columns === 1 ? "binary" : "multiclass", "lovaszSoftmax");
  const chosen = chosenClasses(classes, columns);
  const images = perImage ? logits.shape[0]! : 1;
  const toProbabilities = { softmax, sigmoid, none: (values: tf.Tensor) => values }[activation];
  return tf.tidy(() => {
    const probabilities = toProbabilities(logits);
    return differentiable(probabilities, () => {
      const labels = tf.reshape<tf.Rank.R2>(asFloats(target), [images, -1]);
      const rows = tf.reshape<tf.Rank.R2>(probabilities, [-1, columns]);
      return ofProbabilities(rows, labels, validity(labels, ignore), chosen, classes === "present");
    });
  });
}

function chosenClasses(classes: "present" | "all" | readonly number[], columns: number): readonly number[] {
  if (typeof classes === "string") return Array.from({ length: columns }, (_, index) => index);
  const fits = columns === 1 ? classes.length === 1 : classes.every((one) => one >= 0 && one < columns);
  if (fits && classes.length > 0) return classes;
  throw new GlofError(
    "bad-argument",
    `lovaszSoftmax: expected classes among the ${columns} columns (one class for one column), ` +
      `got [${classes}]. Correct options.classes.`,
  );
}

/** `labels` and `valid` are [B, P'] with B images; probabilities [B * P', K]. */
function ofProbabilities(
  probabilities: tf.Tensor2D,
  labels: tf.Tensor2D,
  valid: tf.Tensor2D,
  chosen: readonly number[],
  presentOnly: boolean,
): ValueAndDerivative {
  const [images, pixels] = labels.shape;
  const columns = probabilities.shape[1];
  const picked = columns === 1 ? [0] : chosen;
  const count = chosen.length;
  // Rows of the sort are image-class pairs: [B, P', C] -> [B * C, P'].
  const byClass = <T extends tf.Tensor>(values: T): tf.Tensor2D =>
    tf.reshape(tf.transpose(tf.reshape(values, [images, pixels, count]), [0, 2, 1]), [
      images * count,
      pixels,
    ]);
  const wanted = tf.reshape(tf.tensor1d([...chosen], "float32"), [1, 1, count]);
  const isClass = tf.mul(
    tf.cast(tf.equal(tf.expandDims(labels, -1), wanted), "float32"),
    tf.expandDims(valid, -1),
  );
  const truth = byClass(isClass);
  const seen = byClass(gatherColumns(probabilities, picked));
  const counts = byClass(tf.tile(tf.expandDims(valid, -1), [1, 1, count]));
  const difference = tf.sub<tf.Tensor2D>(seen, truth);
  // Pixels that do not count get a label of their own.
  const labelled = tf.add<tf.Tensor2D>(truth, tf.sub(counts, 1));
  const rows = lovaszExtension(tf.abs(difference), labelled, { form: "error", ignore: -1, scale: 1 });
  const weights = classWeights(truth, counts, images, count, presentOnly);
  const derivative = tf.mul(tf.mul(rows.derivative, tf.sign(difference)), tf.expandDims(weights, -1));
  const byPixel = tf.reshape<tf.Rank.R2>(
    tf.transpose(tf.reshape(derivative, [images, count, pixels]), [0, 2, 1]),
    [-1, count],
  );
  return { value: tf.sum(tf.mul(rows.value, weights)), derivative: spreadColumns(byPixel, picked, columns) };
}

/** Share of each image-class pair in the final mean, [B * C]. */
function classWeights(
  truth: tf.Tensor2D,
  valid: tf.Tensor2D,
  images: number,
  count: number,
  presentOnly: boolean,
): tf.Tensor1D {
  const counts = tf.reshape(tf.cast(tf.greater(tf.sum(presentOnly ? truth : valid, 1), 0), "float32"), [
    images,
    count,
  ]);
  const perImage = tf.mul(tf.maximum(tf.sum(counts, 1, true), 1), images);
  return tf.reshape(tf.div(counts, perImage), [-1]);
}

/** Whether the picked columns are all there are, in their order. */
const areAll = (picked: readonly number[], columns: number): boolean =>
  picked.length === columns && picked.every((column, index) => column === index);

/** [P, K] -> [P, C] */
function gatherColumns(rows: tf.Tensor2D, picked: readonly number[]): tf.Tensor2D {
  if (areAll(picked, rows.shape[1])) return rows;
  return tf.gather(rows, tf.tensor1d([...picked], "int32"), 1);
}

/** [P, C] -> [P, K], zeros in the columns not picked; a column picked twice gets the sum. By a product with a selection matrix. */
function spreadColumns(rows: tf.Tensor2D, picked: readonly number[], columns: number): tf.Tensor2D {
  if (areAll(picked, columns)) return rows;
  const selection = picked.map((from) => Array.from({ length: columns }, (_, to) => (to === from ? 1 : 0)));
  return tf.matMul(rows, tf.tensor2d(selection, [picked.length, columns]));
}
