import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { useGradientKernel, useKernel } from "../kernels/door.js";
import { withGradient } from "../with_gradient.js";

/** Non-negative axis. */
function axisOf(x: tf.Tensor, axis: number, where: string): number {
  const positive = axis < 0 ? axis + x.rank : axis;
  if (positive >= 0 && positive < x.rank) return positive;
  throw new GlofError(
    "bad-argument",
    `${where}: expected an axis of a tensor of rank ${x.rank}, got ${axis}. Use 0 to ${x.rank - 1}, or negative from the end.`,
  );
}

const shifted = (x: tf.Tensor, axis: number): tf.Tensor => tf.sub(x, tf.max(x, axis, true));

/** exp(x) / sum(exp(x)) along `axis` (default the last), without overflow. */
export function softmax<T extends tf.Tensor>(x: T, axis = -1): T {
  const at = axisOf(x, axis, "softmax");
  return withGradient<T, "x", "y">({
    inputs: { x },
    forward: () => {
      const value = softmaxValue(x, at);
      return { value, saved: { y: value } };
    },
    backward: (dy, { y }) => ({ x: softmaxPullback(dy, y, at) }),
  });
}

/** [..., D] -> [M, D]. */
function toRows(x: tf.Tensor): tf.Tensor {
  const width = x.shape.at(-1)!;
  return tf.reshape(x, [x.size / width, width]);
}

/** Softmax off the tape, along a non-negative axis. */
export function softmaxValue(x: tf.Tensor, axis: number): tf.Tensor {
  if (axis === x.rank - 1) {
    const kernel = useKernel("GlofSoftmax");
    return kernel === undefined ? tf.softmax(x) : tf.reshape(kernel({ x: toRows(x) }), x.shape);
  }
  const exponentials = tf.exp(shifted(x, axis));
  return tf.div(exponentials, tf.sum(exponentials, axis, true));
}

/** Gradient through a softmax with result `y`: y * (dy - sum(dy * y)). */
export function softmaxPullback(dy: tf.Tensor, y: tf.Tensor, axis: number): tf.Tensor {
  const kernel = axis === y.rank - 1 ? useGradientKernel("GlofSoftmaxGrad") : undefined;
  if (kernel !== undefined) return tf.reshape(kernel({ y: toRows(y), dy: toRows(dy) })[0]!, y.shape);
  const weighted = tf.mul(dy, y);
  return tf.sub(weighted, tf.mul(y, tf.sum(weighted, axis, true)));
}

/** x - log(sum(exp(x))) along `axis` (default the last), without overflow. */
export function logSoftmax<T extends tf.Tensor>(x: T, axis = -1): T {
  const at = axisOf(x, axis, "logSoftmax");
  return withGradient<T, "x", "y">({
    inputs: { x },
    forward: () => {
      const low = shifted(x, at);
      const value = tf.sub(low, tf.log(tf.sum(tf.exp(low), at, true)));
      return { value, saved: { y: value } };
    },
    backward: (dy, { y }) => ({ x: tf.sub(dy, tf.mul(tf.exp(y), tf.sum(dy, at, true))) }),
  });
}
