import { GlofError, seededRng } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import type { ForwardMode } from "../types.js";
import { withGradient } from "../with_gradient.js";

/**
 * Stochastic depth (Huang et al. 2016): in training, drops whole samples of a residual branch with probability `rate`
 * and divides the others by 1 - rate. Otherwise the input.
 *
 * Each call site needs a seed of its own: derive it from `mode.seed` and the site.
 *
 * @param x [N, ...]
 * @param rate in [0, 1]
 * @throws GlofError `bad-argument`
 */
export function dropPath<T extends tf.Tensor>(x: T, rate: number, mode: ForwardMode): T {
  const shape = x.shape.map((size, axis) => (axis === 0 ? size : 1));
  return maskRandomly(x, shape, rate, mode, "dropPath");
}

/**
 * Dropout (Srivastava et al. 2014): in training, zeroes each value with probability `rate` and divides the others by
 * 1 - rate. Otherwise the input. Each call site needs a seed of its own.
 *
 * @param x of any shape
 * @param rate in [0, 1]
 * @throws GlofError `bad-argument`
 */
export function dropout<T extends tf.Tensor>(x: T, rate: number, mode: ForwardMode): T {
  return maskRandomly(x, x.shape, rate, mode, "dropout");
}

function maskRandomly<T extends tf.Tensor>(
  x: T,
  maskShape: number[],
  rate: number,
  mode: ForwardMode,
  where: string,
): T {
  if (!(rate >= 0 && rate <= 1)) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected a rate in [0, 1], got ${rate}. It is a probability.`,
    );
  }
  if (!mode.training || rate === 0) return x.clone();
  return withGradient<T, "x", "mask">({
    inputs: { x },
    forward: () => {
      const mask = drawMask(maskShape, rate, mode.seed);
      return { value: tf.mul(x, mask), saved: { mask } };
    },
    backward: (dy, saved) => ({ x: tf.mul(dy, saved.mask) }),
  });
}

/** Drawn outside tfjs, so that every backend drops the same values. */
function drawMask(shape: number[], rate: number, seed: number): tf.Tensor {
  const rng = seededRng(seed);
  const kept = rate === 1 ? 0 : 1 / (1 - rate);
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length: size }, () => (rng.next() < rate ? 0 : kept));
  return tf.tensor(values, shape, "float32");
}
