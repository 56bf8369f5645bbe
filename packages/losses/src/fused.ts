import {
  type ClassLossOptions,
  type PixelLossOptions,
  type RowArithmetic,
  rowFormula,
  useKernel,
  withGradient,
} from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { asFloats } from "./target.js";

/** A loss as a formula of the sums over its pixels: its value, and the two coefficients that its derivative is made of. */
export type LossFormula = <Row>(
  on: RowArithmetic<Row>,
  sums: readonly Row[],
) => readonly [value: Row, first: Row, second: Row];

/** `count`, or 1 where it is 0. */
export function orOne<Row>(on: RowArithmetic<Row>, count: Row | number): Row {
  return on.add(count, on.mul(on.atLeast(count, 0), on.atLeast(0, count)));
}

/**
 * A loss in one pass over the pixels, and its derivative in another, by the kernels of the backend.
 *
 * @param target as many values as logits
 * @param formula of the four sums, rows of one number; coefficients are those of `GlofPixelSlopes`
 * @returns `undefined` where the backend has no such kernels
 */
export function fusedLoss(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: PixelLossOptions,
  formula: LossFormula,
): tf.Scalar | undefined {
  const [sumsKernel, slopesKernel] = [useKernel("GlofPixelSums"), useKernel("GlofPixelSlopes")];
  if (sumsKernel === undefined || slopesKernel === undefined) return undefined;
  return withGradient<tf.Scalar, "logits", "logits" | "labels" | "coefficients">({
    inputs: { logits },
    forward: () => {
      const labels = tf.reshape(asFloats(target), logits.shape);
      const sums = sumsKernel({ logits, labels }, { ...options });
      const { first, rest } = rowFormula(tf.reshape(sums, [4, 1]), formula);
      return { value: first, saved: { logits, labels, coefficients: tf.reshape(rest, [2]) } };
    },
    backward: (outputGrad, { logits: x, labels, coefficients }) => ({
      logits: slopesKernel(
        { logits: x, labels, coefficients: tf.mul(coefficients, outputGrad) },
        { ...options },
      ),
    }),
  });
}

/** What `fusedClassLoss` works on. */
export interface ClassLossInputs {
  /** [..., K] */
  readonly logits: tf.Tensor;
  /** As many values as pixels, or as logits if `multilabel`. */
  readonly target: tf.Tensor;
  readonly classes: number;
  readonly weights?: readonly number[] | undefined;
}

/** Options that most losses leave alone. */
const plain = {
  multilabel: false,
  smoothing: 0,
  gamma: 1,
  weightOfTrue: 1,
  weightOfFalse: 1,
  threshold: 0,
};

/**
 * A loss over classes in one pass over the logits, and its derivative in another, by the kernels of the backend.
 *
 * @param formula of three sums, rows of the K classes; coefficients are those of `GlofClassSlopes`
 * @returns `undefined` where the backend has no such kernels
 */
export function fusedClassLoss(
  { logits, target, classes, weights }: ClassLossInputs,
  given: Pick<ClassLossOptions, "kind" | "ignore"> & Partial<ClassLossOptions>,
  formula: LossFormula,
): tf.Scalar | undefined {
  const [sumsKernel, slopesKernel] = [useKernel("GlofClassSums"), useKernel("GlofClassSlopes")];
  if (sumsKernel === undefined || slopesKernel === undefined) return undefined;
  const options = { ...plain, ...given };
  const labelShape = options.multilabel ? [-1, classes] : [-1];
  type Saved = "rows" | "labels" | "coefficients" | "weights";
  return withGradient<tf.Scalar, "logits", Saved>({
    inputs: { logits },
    forward: () => {
      const rows = tf.reshape(logits, [-1, classes]);
      const labels = tf.reshape(asFloats(target), labelShape);
      const factors = weights && tf.tensor1d([...weights]);
      const sums = sumsKernel({ logits: rows, labels, weights: factors }, options);
      const { first, rest } = rowFormula(sums as tf.Tensor2D, formula);
      const saved = {
        rows,
        labels,
        coefficients: rest,
        ...(factors && { weights: factors }),
      };
      return { value: first, saved: saved as Record<Saved, tf.Tensor> };
    },
    backward: (outputGrad, { coefficients, rows, labels, weights: factors }) => {
      const scaled = tf.mul(coefficients, outputGrad);
      const slopes = slopesKernel({ logits: rows, labels, weights: factors, coefficients: scaled }, options);
      return { logits: tf.reshape(slopes, logits.shape) };
    },
  });
}
