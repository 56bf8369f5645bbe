import * as tf from "@tensorflow/tfjs-core";
import { useGradientKernel } from "../kernels/door.js";
import { fallingOrder } from "./sort_arrays.js";

/** What `sortDescending` gives. */
export interface SortedRows {
  /** [R, P] */
  readonly values: tf.Tensor2D;
  /** [R, P], int32: the place in its row that each value came from. */
  readonly indices: tf.Tensor2D;
}

/**
 * Sorts each row from the largest value to the smallest. Equal values keep their order, -0 and 0 are equal, and NaN comes
 * first, as in `torch.sort(descending=True, stable=True)`.
 *
 * It has no gradient of its own: where one is wanted, gather by the indices.
 *
 * @param x [R, P], float32
 */
export function sortDescending(x: tf.Tensor2D): SortedRows {
  const kernel = useGradientKernel("GlofSortDescending");
  if (kernel !== undefined) {
    const [values, indices] = kernel({ x }) as [tf.Tensor2D, tf.Tensor2D];
    return { values, indices };
  }
  // Where reading is a copy in memory, sorting outside of TensorFlow.js is about ten times as fast.
  return ["cpu", "wasm"].includes(tf.getBackend()) ? onArrays(x) : onTensors(x);
}

function onArrays(x: tf.Tensor2D): SortedRows {
  const [rows, cols] = x.shape;
  const given = x.dataSync<"float32">();
  const values = new Float32Array(given.length);
  const indices = new Int32Array(given.length);
  for (let row = 0; row < rows; row++) {
    const start = row * cols;
    const order = fallingOrder(given.subarray(start, start + cols));
    for (const [place, index] of order.entries()) values[start + place] = given[start + index]!;
    indices.set(order, start);
  }
  return { values: tf.tensor2d(values, x.shape), indices: tf.tensor2d(indices, x.shape, "int32") };
}

/** Two stable sorts: by value with all NaN alike, then those that are NaN before the others. */
function onTensors(x: tf.Tensor2D): SortedRows {
  const { values, indices } = tf.tidy(() => ({ ...sortedTensors(x) }));
  return { values, indices };
}

function sortedTensors(x: tf.Tensor2D): SortedRows {
  const cols = x.shape[1];
  const isNone = tf.isNaN(x);
  const byValue = tf.topk(tf.where(isNone, tf.zerosLike(x), x), cols, true).indices as tf.Tensor2D;
  const nanAmong = takeColumns(tf.cast(isNone, "float32"), byValue);
  const nanFirst = tf.topk(nanAmong, cols, true).indices as tf.Tensor2D;
  const indices = takeColumns(byValue, nanFirst);
  return { values: takeColumns(x, indices), indices };
}

/** out[r, p] = x[r, indices[r, p]] */
function takeColumns(x: tf.Tensor2D, indices: tf.Tensor2D): tf.Tensor2D {
  const [rows, cols] = x.shape;
  const starts = tf.reshape(tf.mul(tf.range(0, rows, 1, "int32"), tf.scalar(cols, "int32")), [rows, 1]);
  const places = tf.reshape<tf.Rank.R1>(tf.add(indices, starts), [-1]);
  return tf.reshape(tf.gather(tf.reshape(x, [-1]), places), x.shape);
}
