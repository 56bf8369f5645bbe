import * as tf from "@tensorflow/tfjs-core";
import { useGradientKernel } from "../kernels/door.js";
import { lovaszRow } from "./lovasz_arrays.js";
import type { LovaszOptions, LovaszRows } from "./lovasz_types.js";
import { sortDescending } from "./sort.js";

/** Sorts last whatever its truth is, and stays finite under products with 0. */
const belowAllErrors = -3e38;

/**
 * Lovasz extension of the Jaccard loss on each row of pixels: sum of relu(error) times the growth of the Jaccard loss as
 * the pixels join in order of falling error (Berman, Triki and Blaschko 2018, algorithm 1). Value and derivative together,
 * for losses that bring their own gradient (`withGradient`); the order counts as constant.
 *
 * With U the union and I the intersection after a pixel has joined, that growth is 1/U for a true pixel and
 * I / (U (U - 1)) for another. The paper takes differences of neighbours, which loses digits in f32. Where errors tie, the
 * first pixel joins first. An error that is NaN makes the value NaN.
 *
 * @param scores [R, P]
 * @param labels [R, P], float32; 1 true, `ignore` does not count, anything else is not true
 */
export function lovaszExtension(
  scores: tf.Tensor2D,
  labels: tf.Tensor2D,
  options: LovaszOptions,
): LovaszRows {
  const kernel = useGradientKernel("GlofLovasz");
  if (kernel !== undefined) {
    const [value, derivative] = kernel({ scores, labels }, { ...options }) as [tf.Tensor1D, tf.Tensor2D];
    return { value, derivative };
  }
  // Where reading is a copy in memory, sorting outside of TensorFlow.js is about ten times as fast.
  const liesInMemory = ["cpu", "wasm"].includes(tf.getBackend());
  return liesInMemory ? onArrays(scores, labels, options) : onTensors(scores, labels, options);
}

function onArrays(scores: tf.Tensor2D, labels: tf.Tensor2D, options: LovaszOptions): LovaszRows {
  const [rows, pixels] = scores.shape;
  const [score, label] = [scores.dataSync<"float32">(), labels.dataSync<"float32">()];
  const derivative = new Float32Array(rows * pixels);
  const values = Array.from({ length: rows }, (_, row) => {
    const part = (of: Float32Array): Float32Array => of.subarray(row * pixels, (row + 1) * pixels);
    return lovaszRow(part(score), part(label), options, part(derivative));
  });
  return { value: tf.tensor1d(values), derivative: tf.tensor2d(derivative, [rows, pixels]) };
}

/** With operations of TensorFlow.js, for backends whose tensors are far away: the reference of their kernel. */
function onTensors(
  scores: tf.Tensor2D,
  labels: tf.Tensor2D,
  { form, ignore, scale }: LovaszOptions,
): LovaszRows {
  const { value, derivative } = tf.tidy(() => {
    const [rows, pixels] = scores.shape;
    const valid = ignore === null ? tf.ones([rows, pixels], "bool") : tf.notEqual(labels, ignore);
    const truth = tf.cast(tf.logicalAnd(tf.equal(labels, 1), valid), "float32") as tf.Tensor2D;
    const signs = tf.sub<tf.Tensor2D>(tf.mul(truth, 2), 1);
    const errors = form === "hinge" ? tf.sub<tf.Tensor2D>(1, tf.mul(scores, signs)) : scores;
    const keys = tf.where(valid, errors, tf.fill([rows, pixels], belowAllErrors)) as tf.Tensor2D;
    const { values: sorted, indices } = sortDescending(keys);
    const starts = tf.reshape(tf.mul(tf.range(0, rows, 1, "int32"), tf.scalar(pixels, "int32")), [rows, 1]);
    const order = tf.reshape<tf.Rank.R1>(tf.add(indices, starts), [-1]);
    const truthSorted = tf.reshape<tf.Rank.R2>(tf.gather(tf.reshape(truth, [-1]), order), [rows, pixels]);
    const counts = tf.cast(tf.logicalNot(tf.lessEqual(sorted, 0)), "float32");
    const slope = tf.mul(jaccardGrowth(truthSorted), counts);
    const value = tf.sum<tf.Tensor1D>(tf.mul(tf.relu(sorted), slope), 1);
    const scattered = tf.scatterND<tf.Rank.R1>(tf.reshape(order, [-1, 1]), tf.reshape(slope, [-1]), [
      rows * pixels,
    ]);
    const bySlope = tf.mul<tf.Tensor2D>(tf.reshape<tf.Rank.R2>(scattered, [rows, pixels]), scale);
    return { value, derivative: form === "hinge" ? tf.neg(tf.mul<tf.Tensor2D>(bySlope, signs)) : bySlope };
  });
  return { value, derivative };
}

/** Growth of the Jaccard loss at each place of rows in sorted order. */
function jaccardGrowth(truth: tf.Tensor2D): tf.Tensor2D {
  const positives = tf.sum(truth, 1, true);
  const intersection = tf.sub(positives, tf.cumsum(truth, 1));
  const union = tf.add(positives, tf.cumsum(tf.sub(1, truth), 1));
  const unionBefore = tf.sub(union, 1);
  const atTrue = tf.div(truth, union);
  // Only where nothing is true is the union before a pixel empty: the first wrong pixel then costs everything.
  const isFirstOfEmpty = tf.mul(tf.cast(tf.equal(unionBefore, 0), "float32"), tf.sub(1, truth));
  const grown = tf.div(intersection, tf.mul(union, tf.maximum(unionBefore, 1)));
  const later = tf.mul<tf.Tensor2D>(tf.mul(tf.sub(1, truth), grown), tf.sub(1, isFirstOfEmpty));
  return tf.add<tf.Tensor2D>(atTrue, tf.add(later, isFirstOfEmpty));
}
