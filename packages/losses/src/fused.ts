import { type ClassLossOptions, type PixelLossOptions, useKernel, withGradient } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { asFloats } from "./target.js";

/** A loss as a function of the four sums of its pixels. */
export interface LossOfSums {
  /** A scalar. */
  readonly value: tf.Tensor;
  /** [2]: what the derivative of each pixel is made of, see `GlofPixelSlopes`. */
  readonly coefficients: tf.Tensor1D;
}

/**
 * A loss in one pass over the pixels, and its derivative in another, by the kernels of the backend.
 *
 * @param target as many values as logits
 * @param ofSums gets the four sums
 * @returns `undefined` where the backend has no such kernels
 */
export function fusedLoss(
  logits: tf.Tensor,
  target: tf.Tensor,
  options: PixelLossOptions,
  ofSums: (sums: tf.Tensor1D) => LossOfSums,
): tf.Scalar | undefined {
  const [sumsKernel, slopesKernel] = [useKernel("GlofPixelSums"), useKernel("GlofPixelSlopes")];
  if (sumsKernel === undefined || slopesKernel === undefined) return undefined;
  return withGradient<tf.Scalar, "logits", "logits" | "labels" | "coefficients">({
    inputs: { logits },
    forward: () => {
      const labels = tf.reshape(asFloats(target), logits.shape);
      const sums = sumsKernel({ logits, labels }, { ...options });
      const { value, coefficients } = ofSums(sums as tf.Tensor1D);
      return { value: tf.reshape(value, []), saved: { logits, labels, coefficients } };
    },
    backward: (outputGrad, { logits: x, labels, coefficients }) => ({
      logits: slopesKernel(
        { logits: x, labels, coefficients: tf.mul(coefficients, outputGrad) },
        { ...options },
      ),
    }),
  });
}

/** A loss as a function of three sums per class. */
export interface LossOfClassSums {
  /** A scalar. */
  readonly value: tf.Tensor;
  /** [2, K]: what the derivative of each logit is made of, see `GlofClassSlopes`. */
  readonly coefficients: tf.Tensor2D;
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
 * @param ofSums gets three sums per class, [3, K]
 * @returns `undefined` where the backend has no such kernels
 */
export function fusedClassLoss(
  { logits, target, classes, weights }: ClassLossInputs,
  given: Pick<ClassLossOptions, "kind" | "ignore"> & Partial<ClassLossOptions>,
  ofSums: (sums: tf.Tensor2D) => LossOfClassSums,
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
      const { value, coefficients } = ofSums(sums as tf.Tensor2D);
      const saved = {
        rows,
        labels,
        coefficients,
        ...(factors && { weights: factors }),
      };
      return { value: tf.reshape(value, []), saved: saved as Record<Saved, tf.Tensor> };
    },
    backward: (outputGrad, { coefficients, rows, labels, weights: factors }) => {
      const scaled = tf.mul(coefficients, outputGrad);
      const slopes = slopesKernel({ logits: rows, labels, weights: factors, coefficients: scaled }, options);
      return { logits: tf.reshape(slopes, logits.shape) };
    },
  });
}
