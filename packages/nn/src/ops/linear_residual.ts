import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { useKernel } from "../kernels/door.js";
import { withGradient } from "../with_gradient.js";
import { columnSums } from "./column_sums.js";
import { matMul } from "./mat_mul.js";

/** The weights of `linearResidual`. */
export interface LinearResidualWeights {
  /** [in, out] */
  readonly w: tf.Tensor;
  /** [out] */
  readonly b?: tf.Tensor | undefined;
  /** [out]: LayerScale (Touvron et al. 2021), one factor per channel. Default 1. */
  readonly gamma?: tf.Tensor | undefined;
}

/**
 * y = residual + gamma * (x w + b): the end of a transformer's branch, in one pass where the backend has a kernel for it.
 *
 * @param residual [..., out]
 * @param x [..., in]
 * @returns [..., out]
 * @throws GlofError `shape-mismatch`
 */
export function linearResidual<T extends tf.Tensor>(residual: T, x: T, weights: LinearResidualWeights): T {
  const { w, b, gamma } = weights;
  const [inSize, outSize] = checkShapes(residual, x, weights);
  const rows = x.size / inSize;
  return withGradient<T, "residual" | "x" | "w" | "b" | "gamma", "x" | "w" | "b" | "gamma">({
    inputs: { residual, x, w, b, gamma },
    forward: () => {
      const given = { x: tf.reshape(x, [rows, inSize]), w, b, gamma };
      const value = branchSum(tf.reshape(residual, [rows, outSize]), given);
      const saved = { x, w, ...(b && { b }), ...(gamma && { gamma }) };
      return {
        value: tf.reshape(value, residual.shape),
        saved: saved as Record<"x" | "w" | "b" | "gamma", tf.Tensor>,
      };
    },
    backward: (dy, saved, wants) => {
      const dy2 = tf.reshape(dy, [rows, outSize]);
      const x2 = tf.reshape(saved.x, [rows, inSize]);
      const { w, b, gamma } = saved;
      const dz = gamma && wants("x") ? tf.mul(dy2, gamma) : dy2;
      return {
        // A handle of its own: the tape disposes what it adds up.
        residual: tf.reshape(dy, dy.shape),
        x: wants("x") ? tf.reshape(matMul(dz, w, false, true), saved.x.shape) : undefined,
        ...weightGradients(dy2, x2, { w, b, gamma }, wants),
      };
    },
  });
}

/**
 * The gradients of gamma z, z = x w + b, all from those of z alone: gamma's is the sum over rows of dy * z, which is that over the
 * inputs of w * (x^T dy) plus b * sum(dy), so that z need not be computed again.
 */
function weightGradients(
  dy: tf.Tensor,
  x: tf.Tensor,
  { w, b, gamma }: LinearResidualWeights,
  wants: (name: "w" | "b" | "gamma") => boolean,
): { w?: tf.Tensor; b?: tf.Tensor; gamma?: tf.Tensor } {
  const wantsGamma = gamma !== undefined && wants("gamma");
  const scaled = (gradient: tf.Tensor): tf.Tensor => (gamma ? tf.mul(gradient, gamma) : gradient);
  const dw = wants("w") || wantsGamma ? matMul(x, dy, true, false) : undefined;
  const db = b && (wants("b") || wantsGamma) ? columnSums(dy) : undefined;
  const along = wantsGamma ? columnSums(dw!, w) : undefined;
  return {
    w: dw && wants("w") ? scaled(dw) : undefined,
    b: db && wants("b") ? scaled(db) : undefined,
    gamma: along && (db ? tf.add(along, tf.mul(b!, db)) : along),
  };
}

type Branch = { x: tf.Tensor; w: tf.Tensor; b: tf.Tensor | undefined; gamma: tf.Tensor | undefined };

function branchSum(residual: tf.Tensor, { x, w, b, gamma }: Branch): tf.Tensor {
  const kernel = useKernel("GlofLinearResidual");
  if (kernel !== undefined) return kernel({ x, w, b, gamma, residual });
  const z = affine(x, w, b);
  return tf.add(residual, gamma ? tf.mul(z, gamma) : z);
}

function affine(x: tf.Tensor, w: tf.Tensor, b: tf.Tensor | undefined): tf.Tensor {
  const kernel = useKernel("GlofLinear");
  if (kernel !== undefined) return kernel({ x, w, b }, { activation: "none" });
  const product = matMul(x, w);
  return b === undefined ? product : tf.add(product, b);
}

function checkShapes(
  residual: tf.Tensor,
  x: tf.Tensor,
  { w, b, gamma }: LinearResidualWeights,
): [number, number] {
  const [inSize, outSize] = w.shape;
  const isVector = (one: tf.Tensor | undefined): boolean =>
    one === undefined || (one.rank === 1 && one.shape[0] === outSize);
  const expected = [...x.shape.slice(0, -1), outSize];
  const fits = w.rank === 2 && x.shape.at(-1) === inSize && String(residual.shape) === String(expected);
  if (fits && isVector(b) && isVector(gamma)) return [inSize!, outSize!];
  throw new GlofError(
    "shape-mismatch",
    `linearResidual: expected residual [..., out], x [..., in], w [in, out], b and gamma [out], got residual ` +
      `[${residual.shape}], x [${x.shape}], w [${w.shape}], b [${b?.shape ?? "none"}], gamma ` +
      `[${gamma?.shape ?? "none"}]. Check the width of the model.`,
  );
}
