import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { withGradient } from "../with_gradient.js";

/**
 * Moves channels into pixels (Shi et al. 2016), in PyTorch's order: channel c * factor^2 + i * factor + j goes to pixel
 * (factor * h + i, factor * w + j) of channel c.
 *
 * @param x [N, H, W, C * factor^2]
 * @returns [N, H * factor, W * factor, C]
 * @throws GlofError `shape-mismatch`
 */
export function pixelShuffle(x: tf.Tensor4D, factor: number): tf.Tensor4D {
  const [batch, rows, cols, packed] = x.shape;
  const width = packed / (factor * factor);
  if (!Number.isInteger(factor) || factor < 1 || !Number.isInteger(width)) {
    throw new GlofError(
      "shape-mismatch",
      `pixelShuffle: expected x [N, H, W, C * ${factor}^2], got [${x.shape}]. Check the factor.`,
    );
  }
  // [N * H, W, C, i, j] <-> [N * H, i, W, j, C]
  const apart = [batch * rows, cols, width, factor, factor];
  const mixed = [batch * rows, factor, cols, factor, width];
  return withGradient<tf.Tensor4D, "x", never>({
    inputs: { x },
    forward: () => {
      const value = tf.transpose(tf.reshape(x, apart), [0, 3, 1, 4, 2]);
      return { value: tf.reshape(value, [batch, rows * factor, cols * factor, width]), saved: {} };
    },
    backward: (dy) => ({
      x: tf.reshape(tf.transpose(tf.reshape(dy, mixed), [0, 2, 4, 1, 3]), x.shape),
    }),
  });
}
