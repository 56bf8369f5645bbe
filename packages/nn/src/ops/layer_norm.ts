import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { useGradientKernel, useKernel } from "../kernels/door.js";
import { withGradient } from "../with_gradient.js";

/** Options of `layerNorm`. */
export interface LayerNormOptions {
  /** Added to the variance inside the square root. Default 1e-6, as DINOv2 (PyTorch's own default is 1e-5). */
  readonly epsilon?: number;
  /** As of `linear`. Default false. */
  readonly compact?: boolean;
}

/**
 * Layer normalisation over the last axis (Ba et al. 2016): (x - mean) / sqrt(var + epsilon) * gamma + beta, with the
 * biased variance.
 *
 * @param x [..., D]
 * @param gamma [D]
 * @param beta [D]
 * @throws GlofError `shape-mismatch`
 */
export function layerNorm<T extends tf.Tensor>(
  x: T,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  options: LayerNormOptions = {},
): T {
  const { epsilon = 1e-6, compact = false } = options;
  const width = x.shape.at(-1) ?? 0;
  if (gamma.size !== width || beta.size !== width || gamma.rank !== 1 || beta.rank !== 1) {
    throw new GlofError(
      "shape-mismatch",
      `layerNorm: expected gamma and beta [D] for x [..., D], got x [${x.shape}], gamma [${gamma.shape}], ` +
        `beta [${beta.shape}]. Check the width of the model.`,
    );
  }
  return withGradient<T, "x" | "gamma" | "beta", "x" | "gamma">({
    inputs: { x, gamma, beta },
    forward: () => ({ value: layerNormValue(x, gamma, beta, { epsilon, compact }), saved: { x, gamma } }),
    backward: (dy, saved, wants) => {
      const kernel = useGradientKernel("GlofLayerNormGrad");
      if (kernel !== undefined) {
        const rows: [number, number] = [saved.x.size / width, width];
        const [dx, dGamma, dBeta] = kernel(
          { x: tf.reshape(saved.x, rows), gamma: saved.gamma, dy: tf.reshape(dy, rows) },
          { epsilon },
        );
        return { x: tf.reshape(dx!, saved.x.shape), gamma: dGamma, beta: dBeta };
      }
      const { centred, inverseStd } = statistics(saved.x, epsilon);
      const normed = tf.mul(centred, inverseStd);
      const leading = dy.shape.slice(0, -1).map((_, axis) => axis);
      return {
        x: wants("x") ? normPullback(tf.mul(dy, saved.gamma), normed, inverseStd, -1) : undefined,
        gamma: wants("gamma") ? tf.sum(tf.mul(dy, normed), leading) : undefined,
        beta: wants("beta") ? tf.sum(dy, leading) : undefined,
      };
    },
  });
}

function layerNormValue(
  x: tf.Tensor,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  options: Required<LayerNormOptions>,
): tf.Tensor {
  const kernel = useKernel("GlofLayerNorm");
  if (kernel !== undefined) {
    const rows = tf.reshape(x, [x.size / gamma.size, gamma.size]);
    return tf.reshape(kernel({ x: rows, gamma, beta }, { ...options }), x.shape);
  }
  const { centred, inverseStd } = statistics(x, options.epsilon);
  return tf.add(tf.mul(tf.mul(centred, inverseStd), gamma), beta);
}

/** Two passes: the variance of centred values does not cancel. */
function statistics(x: tf.Tensor, epsilon: number): { centred: tf.Tensor; inverseStd: tf.Tensor } {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  return { centred, inverseStd: tf.rsqrt(tf.add(variance, epsilon)) };
}

/**
 * Gradient through (x - mean) / std over `axes`, from the gradient of the normalised values:
 * (g - mean(g) - normed * mean(g * normed)) / std.
 */
export function normPullback(
  gradient: tf.Tensor,
  normed: tf.Tensor,
  inverseStd: tf.Tensor,
  axes: number | number[],
): tf.Tensor {
  const along = tf.mul(normed, tf.mean(tf.mul(gradient, normed), axes, true));
  return tf.mul(inverseStd, tf.sub(tf.sub(gradient, tf.mean(gradient, axes, true)), along));
}
