import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type ChannelNorm, everyNumber, floatInputs } from "./channel_pass.js";
import { slopeSums } from "./channel_slopes.js";
import type { ShaderBackend } from "./shader.js";

/**
 * Normalisation by known statistics per channel, weights and ReLU, and the gradient of all of it: what batch and group norm
 * share.
 *
 * Arithmetic: 5 FLOP a number over 8 bytes forwards; some 20 over 20 backwards, in two readings of x and dy, since dx needs sums
 * over all of them: bound by device memory. A thread keeps its channels and walks down the pixels, so that statistics and weights are
 * read once and no place is computed by division; it takes four channels side by side where they divide by four.
 */

/** Normalised x: one pass. */
export function normaliseChannels(backend: ShaderBackend, x: TensorInfo, norm: ChannelNorm): TensorInfo {
  const { gamma, beta, relu } = norm;
  const value = "(normed * weight + shift)";
  return everyNumber(backend, norm, {
    key: relu ? "relu" : "value",
    large: { x },
    inputs: floatInputs({ gamma, beta }),
    channel: { weight: "gamma[channel]", shift: "beta[channel]" },
    // NaN stays NaN, which max() does not promise.
    value: (type) => (relu ? `select(${value}, ${type}(), ${value} < ${type}())` : value),
  });
}

/**
 * dx, dgamma, dbeta: three passes.
 *
 * @param fixed the statistics are given numbers, not those of x
 */
export function pullBackChannels(
  backend: ShaderBackend,
  x: TensorInfo,
  dy: TensorInfo,
  norm: ChannelNorm,
  fixed: boolean,
): TensorInfo[] {
  const { gamma, beta, relu } = norm;
  const { slopes, dGamma, dBeta } = slopeSums(backend, x, dy, norm);
  const d = (type: string): string =>
    relu ? `select(${type}(), dy[at], normed * weight + shift > ${type}())` : "dy[at]";
  const terms = { along: "slopes[groupOf(image, channel)].x", level: "slopes[groupOf(image, channel)].y" };
  const dx = everyNumber(backend, norm, {
    key: `${relu ? "relu_" : ""}${fixed ? "fixed_" : ""}grad`,
    large: { x, dy },
    inputs: [
      ...floatInputs({ gamma, ...(relu && { beta }) }),
      ...(fixed ? [] : [{ name: "slopes", element: "vec2<f32>", tensor: slopes } as const]),
    ],
    channel: {
      weight: "gamma[channel]",
      ...(relu && { shift: "beta[channel]" }),
      ...(!fixed && terms),
    },
    value: (type) =>
      fixed ? `${d(type)} * weight * inverse` : `inverse * (${d(type)} * weight - level - normed * along)`,
  });
  backend.disposeData(slopes.dataId);
  return [dx, dGamma, dBeta];
}
