import * as tf from "@tensorflow/tfjs-core";
import { useGradientKernel } from "../kernels/door.js";

/** Arithmetic on rows of K numbers, place by place. A number stands for a row of it. */
export interface RowArithmetic<Row> {
  add(a: Row | number, b: Row | number): Row;
  sub(a: Row | number, b: Row | number): Row;
  mul(a: Row | number, b: Row | number): Row;
  div(a: Row | number, b: Row | number): Row;
  max(a: Row | number, b: Row | number): Row;
  pow(a: Row, exponent: number): Row;
  sqrt(a: Row): Row;
  log(a: Row): Row;
  /** 1 where a >= b, else 0. */
  atLeast(a: Row | number, b: Row | number): Row;
  /** 1 where a > b, else 0. */
  above(a: Row | number, b: Row | number): Row;
  /** The sum of the K numbers, in every place. */
  sum(a: Row): Row;
  /** K given numbers. */
  row(numbers: readonly number[]): Row;
}

/** A formula that is written once and runs on tensors, as a shader, or in JavaScript. */
export type RowFormula = <Row>(on: RowArithmetic<Row>, rows: readonly Row[]) => readonly Row[];

/** The arithmetic of tensors [K], operation by operation. */
export const tensorRows: RowArithmetic<tf.Tensor> = {
  add: (a, b) => tf.add(a, b),
  sub: (a, b) => tf.sub(a, b),
  mul: (a, b) => tf.mul(a, b),
  div: (a, b) => tf.div(a, b),
  max: (a, b) => tf.maximum(a, b),
  pow: (a, exponent) => tf.pow(a, exponent),
  sqrt: (a) => tf.sqrt(a),
  log: (a) => tf.log(a),
  atLeast: (a, b) => tf.cast(tf.greaterEqual(a, b), "float32"),
  above: (a, b) => tf.cast(tf.greater(a, b), "float32"),
  sum: (a) => tf.sum(a),
  row: (numbers) => tf.tensor1d([...numbers]),
};

/** What `rowFormula` gives. */
export interface RowResults {
  /** The first result, a sum or of a row of one number. */
  readonly first: tf.Scalar;
  /** The others, [S, K]. */
  readonly rest: tf.Tensor2D;
}

/** The most places of a row that a fast kernel takes: threads of a group that every device has. */
const MOST_PLACES = 256;

/**
 * Runs a formula on few numbers, such as what a loss makes of its sums over the pixels: one step on WebGPU and WASM, where every
 * operation on one number would take as long as one on 10,000. Nothing of it is recorded for a gradient.
 *
 * @param rows [R, K]
 */
export function rowFormula(rows: tf.Tensor2D, formula: RowFormula): RowResults {
  const kernel = rows.shape[1] <= MOST_PLACES ? useGradientKernel("GlofRowFormula") : undefined;
  if (kernel !== undefined) {
    const [first, rest] = kernel({ rows }, { formula });
    return { first: first as tf.Scalar, rest: rest as tf.Tensor2D };
  }
  const [first, ...rest] = formula(tensorRows, tf.unstack(rows));
  const whole = rest.map((row) => tf.broadcastTo(row, [rows.shape[1]]));
  return { first: tf.reshape(first!, []) as tf.Scalar, rest: tf.stack(whole) as tf.Tensor2D };
}
