import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { matMul } from "../ops/mat_mul.js";
import { type GradientRule, sumToShape } from "./gradient_rule.js";

/** Above this many elements the one-hot matrix of a gather costs more than scattering. */
const maxOneHotSize = 1 << 22;

const matMulGradient: GradientRule = {
  kernelName: "BatchMatMul",
  saveInputs: ["a", "b"],
  gradient: (dy, saved, { transposeA, transposeB }) => {
    const [a, b] = saved as [tf.Tensor, tf.Tensor];
    const [ta, tb] = [transposeA === true, transposeB === true];
    return {
      a: () => sumToShape(ta ? matMul(b, dy, tb, true) : matMul(dy, b, false, !tb), a.shape),
      b: () => sumToShape(tb ? matMul(dy, a, true, ta) : matMul(a, dy, !ta, false), b.shape),
    };
  },
};

/** Adds each row of `rows` [N, inner] to row `indices[n]` of a result [size, inner]. */
function scatterRows(rows: tf.Tensor2D, indices: tf.Tensor1D, size: number): tf.Tensor {
  const [count, inner] = rows.shape;
  if (count * size <= maxOneHotSize) {
    const oneHot = tf.cast(tf.oneHot(indices, size), "float32") as tf.Tensor2D;
    return matMul(oneHot, rows, true, false);
  }
  return tf.scatterND(tf.reshape(indices, [count, 1]), rows, [size, inner]);
}

const gatherGradient: GradientRule = {
  kernelName: "GatherV2",
  saveInputs: ["x", "indices"],
  gradient: (dy, saved, { axis, batchDims }) => {
    const [x, indices] = saved as [tf.Tensor, tf.Tensor];
    const at = tf.util.parseAxisParam(axis as number, x.shape)[0]!;
    return {
      indices: () => tf.zerosLike(indices),
      x: () => {
        if (batchDims !== 0) {
          throw new GlofError(
            "unsupported-feature",
            `gather: expected batchDims 0 where a gradient is needed, got ${batchDims}. Flatten the batch into the axis.`,
          );
        }
        const lead = x.shape.slice(0, at);
        const trail = x.shape.slice(at + 1);
        const leadSize = tf.util.sizeFromShape(lead);
        const trailSize = tf.util.sizeFromShape(trail);
        const split = tf.reshape(dy, [leadSize, indices.size, trailSize]);
        const rows = tf.reshape(tf.transpose(split, [1, 0, 2]), [indices.size, leadSize * trailSize]);
        const sums = scatterRows(rows as tf.Tensor2D, tf.reshape(indices, [indices.size]), x.shape[at]!);
        return tf.reshape(
          tf.transpose(tf.reshape(sums, [x.shape[at]!, leadSize, trailSize]), [1, 0, 2]),
          x.shape,
        );
      },
    };
  },
};

/** Matrix products and gathering. */
export const productGradients: readonly GradientRule[] = [matMulGradient, gatherGradient];
