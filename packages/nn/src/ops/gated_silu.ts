import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { useGradientKernel, useKernel } from "../kernels/door.js";
import { withGradient } from "../with_gradient.js";
import { activationPullback, activationValue } from "./activations.js";

/**
 * silu(gate) * value, the two lying side by side: the middle of SwiGLU (Shazeer 2020, "GLU variants improve transformer").
 *
 * @param both [..., 2 D]: gate, then value
 * @returns [..., D]
 * @throws GlofError `shape-mismatch`
 */
export function gatedSilu<T extends tf.Tensor>(both: T): T {
  const width = (both.shape.at(-1) ?? 0) / 2;
  if (!Number.isInteger(width) || width < 1) {
    throw new GlofError(
      "shape-mismatch",
      `gatedSilu: expected [..., 2 D], gates before values, got [${both.shape}]. Check the width of the projection.`,
    );
  }
  const rows: [number, number] = [both.size / (2 * width), 2 * width];
  return withGradient<T, "both", "both">({
    inputs: { both },
    forward: () => {
      const value = gatedValue(tf.reshape(both, rows));
      return { value: tf.reshape(value, [...both.shape.slice(0, -1), width]), saved: { both } };
    },
    backward: (dy, saved) => {
      const gradient = gatedGradient(tf.reshape(saved.both, rows), tf.reshape(dy, [rows[0], width]));
      return { both: tf.reshape(gradient, saved.both.shape) };
    },
  });
}

function gatedValue(both: tf.Tensor2D): tf.Tensor {
  const kernel = useKernel("GlofGatedSilu");
  if (kernel !== undefined) return kernel({ both });
  const [gate, value] = tf.split(both, 2, 1) as [tf.Tensor, tf.Tensor];
  return tf.mul(activationValue("silu", gate), value);
}

function gatedGradient(both: tf.Tensor2D, dy: tf.Tensor2D): tf.Tensor {
  const kernel = useGradientKernel("GlofGatedSiluGrad");
  if (kernel !== undefined) return kernel({ both, dy })[0]!;
  const [gate, value] = tf.split(both, 2, 1) as [tf.Tensor, tf.Tensor];
  const ofGate = activationPullback("silu", gate, tf.mul(dy, value));
  return tf.concat([ofGate, tf.mul(dy, activationValue("silu", gate))], 1);
}
