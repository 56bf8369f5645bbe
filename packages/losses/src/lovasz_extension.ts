import * as tf from "@tensorflow/tfjs-core";
import { lovaszRow } from "./lovasz_arrays.js";

/** Sorts last whatever its truth is, and stays finite under products with 0. */
const belowAllErrors = -3e38;

/** Lovasz extension of the Jaccard loss per row, and its derivative by the errors. */
export interface LovaszRows {
  /** [R] */
  readonly value: tf.Tensor1D;
  /** [R, P] */
  readonly derivative: tf.Tensor2D;
}

/**
 * Lovasz extension of the Jaccard loss on each row of errors: sum of relu(error) times the growth of the Jaccard loss
 * as the pixels join in order of falling error (Berman, Triki and Blaschko 2018, algorithm 1).
 *
 * With U the union and I the intersection after a pixel has joined, that growth is 1/U for a true pixel and
 * I / (U (U - 1)) for another. The paper takes differences of neighbours, which loses digits in f32.
 *
 * @param errors [R, P]
 * @param truth [R, P], 0 or 1; 0 where not valid
 * @param valid [R, P], 1 counts, 0 does not
 */
export function lovaszExtension(errors: tf.Tensor2D, truth: tf.Tensor2D, valid: tf.Tensor2D): LovaszRows {
  // Where reading is a copy in memory, sorting outside of TensorFlow.js is about ten times as fast.
  const liesInMemory = ["cpu", "wasm"].includes(tf.getBackend());
  return liesInMemory ? ofArrays(errors, truth, valid) : ofTensors(errors, truth, valid);
}

function ofArrays(errors: tf.Tensor2D, truth: tf.Tensor2D, valid: tf.Tensor2D): LovaszRows {
  const [rows, pixels] = errors.shape;
  const [error, is, counts] = [errors, truth, valid].map((tensor) => tensor.dataSync<"float32">()) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const derivative = new Float32Array(rows * pixels);
  const values = Array.from({ length: rows }, (_, row) => {
    const part = (of: Float32Array): Float32Array => of.subarray(row * pixels, (row + 1) * pixels);
    return lovaszRow(part(error), part(is), part(counts), part(derivative));
  });
  return { value: tf.tensor1d(values), derivative: tf.tensor2d(derivative, [rows, pixels]) };
}

/** With operations of TensorFlow.js, for backends whose tensors are far away. */
export function ofTensors(errors: tf.Tensor2D, truth: tf.Tensor2D, valid: tf.Tensor2D): LovaszRows {
  const [rows, pixels] = errors.shape;
  const keys = tf.where(tf.cast(valid, "bool"), errors, tf.fill(errors.shape, belowAllErrors));
  const { values: sorted, indices } = tf.topk(keys, pixels, true);
  const order = tf.reshape<tf.Rank.R1>(
    tf.add(indices, tf.reshape(tf.mul(tf.range(0, rows, 1, "int32"), tf.scalar(pixels, "int32")), [rows, 1])),
    [-1],
  );
  const truthSorted = tf.reshape<tf.Rank.R2>(tf.gather(tf.reshape(truth, [-1]), order), [rows, pixels]);
  const positive = tf.cast(tf.greater(sorted, 0), "float32");
  const slope = tf.mul(jaccardGrowth(truthSorted), positive);
  const value = tf.sum<tf.Tensor1D>(tf.mul(tf.relu(sorted), slope), 1);
  const derivative = tf.scatterND(tf.reshape(order, [-1, 1]), tf.reshape(slope, [-1]), [rows * pixels]);
  return { value, derivative: tf.reshape(derivative, [rows, pixels]) };
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
  const atOther = tf.add(tf.mul(tf.mul(tf.sub(1, truth), grown), tf.sub(1, isFirstOfEmpty)), isFirstOfEmpty);
  return tf.add(atTrue, atOther);
}
