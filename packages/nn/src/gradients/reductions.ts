import * as tf from "@tensorflow/tfjs-core";
import type { GradientRule } from "./gradient_rule.js";

/** The shape with each reduced axis kept as 1, so that the gradient broadcasts against the input. */
function keptShape(shape: readonly number[], axis: unknown): number[] {
  const axes = tf.util.parseAxisParam((axis ?? null) as number | number[], [...shape]);
  return shape.map((size, index) => (axes.includes(index) ? 1 : size));
}

/**
 * Spreads dy back over the reduced axes. Neighbours that are both reduced, or both kept, count as one axis: the stock wasm kernel takes
 * 140 ns a number to repeat one along several of which the first is longer than 1, and 5 along one.
 */
function spread(dy: tf.Tensor, x: tf.Tensor, axis: unknown): tf.Tensor {
  const kept = keptShape(x.shape, axis);
  const joined: { from: number; to: number }[] = [];
  for (const [i, to] of x.shape.entries()) {
    const from = kept[i]!;
    const last = joined.at(-1);
    const isAlike = last !== undefined && (last.from === last.to) === (from === to);
    if (last !== undefined && (isAlike || last.to === 1 || to === 1)) {
      last.from *= from;
      last.to *= to;
    } else {
      joined.push({ from, to });
    }
  }
  const thin = tf.reshape(
    dy,
    joined.map(({ from }) => from),
  );
  return tf.reshape(
    tf.broadcastTo(
      thin,
      joined.map(({ to }) => to),
    ),
    x.shape,
  );
}

/** All elements equal to the extremum share the gradient equally, as PyTorch's amax and amin do. */
function extremum(kernelName: string): GradientRule {
  return {
    kernelName,
    saveInputs: ["x"],
    saveOutput: true,
    gradient: (dy, saved, attributes) => {
      const [x, y] = saved as [tf.Tensor, tf.Tensor];
      const axis = attributes.reductionIndices ?? attributes.axis;
      return {
        x: () => {
          const shape = keptShape(x.shape, axis);
          const winners = tf.cast(tf.equal(x, tf.reshape(y, shape)), "float32");
          const count = tf.reshape(tf.sum(winners, (axis ?? undefined) as number[] | undefined), shape);
          return tf.mul(winners, tf.div(tf.reshape(dy, shape), count));
        },
      };
    },
  };
}

/** dx = s * (dy - sum(dy * s)). */
const softmaxGradient: GradientRule = {
  kernelName: "Softmax",
  saveOutput: true,
  gradient: (dy, saved) => ({
    logits: () => {
      const y = saved[0]!;
      const weighted = tf.mul(dy, y);
      return tf.sub(weighted, tf.mul(tf.sum(weighted, -1, true), y));
    },
  }),
};

/** dx = dy - softmax * sum(dy). */
const logSoftmaxGradient: GradientRule = {
  kernelName: "LogSoftmax",
  saveOutput: true,
  gradient: (dy, saved, { axis }) => ({
    logits: () => tf.sub(dy, tf.mul(tf.sum(dy, axis as number, true), tf.exp(saved[0]!))),
  }),
};

/** The adjoint of a running sum is the running sum from the other end, computed without tfjs's own reverse. */
const cumsumGradient: GradientRule = {
  kernelName: "Cumsum",
  gradient: (dy, _, { axis, exclusive, reverse }) => ({
    x: () => {
      // webgpu's reversed cumsum is wrong once it has seen two lengths: total minus the forward sum instead.
      if (reverse === true) return tf.cumsum(dy, axis as number, exclusive === true, false);
      const before = tf.cumsum(dy, axis as number, exclusive !== true, false);
      return tf.sub(tf.sum(dy, axis as number, true), before);
    },
  }),
};

/** Sums, means, extrema and what normalises over an axis. */
export const reductionGradients: readonly GradientRule[] = [
  {
    kernelName: "Sum",
    saveInputs: ["x"],
    gradient: (dy, saved, { axis }) => ({ x: () => spread(dy, saved[0]!, axis) }),
  },
  {
    kernelName: "Mean",
    saveInputs: ["x"],
    gradient: (dy, saved, { axis }) => ({
      x: () => tf.div(spread(dy, saved[0]!, axis), saved[0]!.size / Math.max(1, dy.size)),
    }),
  },
  extremum("Max"),
  extremum("Min"),
  softmaxGradient,
  logSoftmaxGradient,
  cumsumGradient,
];
