import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { useGradientKernel, useKernel } from "../kernels/door.js";
import { withGradient } from "../with_gradient.js";
import { activationPullback, activationValue } from "./activations.js";
import { normPullback } from "./layer_norm.js";

/** Options of `groupNorm`. */
export interface GroupNormOptions {
  /** Number of groups; it divides C. 1 is layer norm over the image, C is instance norm. */
  readonly groups: number;
  /** Added to the variance inside the square root. Default 1e-5. */
  readonly epsilon?: number;
  /** Applied to the result, in the same pass where the backend can. Default none. */
  readonly activation?: "relu";
}

/**
 * Group normalisation (Wu and He 2018): each group of channels of each image is normalised over its pixels and channels.
 *
 * @param x [N, H, W, C]
 * @param gamma [C]
 * @param beta [C]
 * @throws GlofError `shape-mismatch`
 */
export function groupNorm(
  x: tf.Tensor4D,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  options: GroupNormOptions,
): tf.Tensor4D {
  const { groups, epsilon = 1e-5, activation } = options;
  const [batch, rows, cols, width] = x.shape;
  if (width % groups !== 0 || gamma.size !== width || beta.size !== width) {
    throw new GlofError(
      "shape-mismatch",
      `groupNorm: expected gamma and beta [C] and C divisible by ${groups} groups for x [N, H, W, C], ` +
        `got x [${x.shape}], gamma [${gamma.shape}], beta [${beta.shape}]. Choose groups that divide the channels.`,
    );
  }
  // [N, pixels, groups, channels of a group], normalised over axes 1 and 3.
  const grouped: [number, number, number, number] = [batch, rows * cols, groups, width / groups];
  return withGradient<tf.Tensor4D, "x" | "gamma" | "beta", "x" | "gamma" | "beta">({
    inputs: { x, gamma, beta },
    forward: () => ({
      value: normedValue(x, gamma, beta, { groups, epsilon, activation }),
      saved: { x, gamma, beta },
    }),
    backward: (dy, saved, wants) => {
      const kernel = useGradientKernel("GlofGroupNormGrad");
      if (kernel !== undefined) {
        const attributes = { groups, epsilon, activation: activation ?? "none" };
        const [dx, dGamma, dBeta] = kernel({ ...saved, dy }, attributes);
        return { x: dx, gamma: dGamma, beta: dBeta };
      }
      const { normed, inverseStd } = normalise(tf.reshape(saved.x, grouped), epsilon);
      const flat = tf.reshape(normed, x.shape);
      const y = (): tf.Tensor => tf.add(tf.mul(flat, saved.gamma), saved.beta);
      const passed = activation === undefined ? dy : activationPullback(activation, y(), dy);
      const gradient = tf.reshape(tf.mul(passed, saved.gamma), grouped);
      return {
        x: wants("x") ? tf.reshape(normPullback(gradient, normed, inverseStd, [1, 3]), x.shape) : undefined,
        gamma: wants("gamma") ? tf.sum(tf.mul(passed, flat), [0, 1, 2]) : undefined,
        beta: wants("beta") ? tf.sum(passed, [0, 1, 2]) : undefined,
      };
    },
  });
}

function normedValue(
  x: tf.Tensor4D,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  {
    groups,
    epsilon,
    activation,
  }: Required<Pick<GroupNormOptions, "groups" | "epsilon">> & { activation: "relu" | undefined },
): tf.Tensor {
  const kernel = useKernel("GlofGroupNorm");
  if (kernel !== undefined) {
    return kernel({ x, gamma, beta }, { groups, epsilon, activation: activation ?? "none" });
  }
  const [batch, rows, cols, width] = x.shape;
  const grouped = tf.reshape(x, [batch, rows * cols, groups, width / groups]);
  const normed = tf.reshape(normalise(grouped, epsilon).normed, x.shape);
  const y = tf.add(tf.mul(normed, gamma), beta);
  return activation === undefined ? y : activationValue(activation, y);
}

function normalise(x: tf.Tensor, epsilon: number): { normed: tf.Tensor; inverseStd: tf.Tensor } {
  const centred = tf.sub(x, tf.mean(x, [1, 3], true));
  const inverseStd = tf.rsqrt(tf.add(tf.mean(tf.square(centred), [1, 3], true), epsilon));
  return { normed: tf.mul(centred, inverseStd), inverseStd };
}
