import type { TensorInfo } from "@tensorflow/tfjs-core";
import { channelMoments } from "./channel_moments.js";
import { normaliseChannels, pullBackChannels } from "./channel_norm.js";
import type { ChannelNorm } from "./channel_pass.js";
import type { KernelCall, WebgpuKernel } from "./kernel.js";

/**
 * Group normalisation of images: statistics in two passes, then one more; backwards the statistics again, then three.
 *
 * Arithmetic: about 9 FLOP a number forwards over 12 bytes, since the statistics must be whole before the first result; backwards
 * some 24 FLOP over 24 bytes. Bound by device memory. See channel_moments.ts and channel_norm.ts.
 */

/** Runs `use` with the norm by the statistics of x. */
function withNorm<T>({ backend, inputs, attributes }: KernelCall, use: (norm: ChannelNorm) => T): T {
  const [images, height, width, cols] = inputs.x!.shape as [number, number, number, number];
  const { groups, epsilon } = attributes as Record<"groups" | "epsilon", number>;
  const sizes = { images, rows: height * width, cols };
  const perGroup = cols / groups;
  const [stats] = channelMoments(backend, inputs.x!, sizes, {
    key: "group_norm",
    perGroup,
    outputs: [{ name: "stats", element: "vec2<f32>", into: [images, groups, 2] }],
    uniforms: [["epsilon", "f32", epsilon]],
    store: "stats[at] = vec2<f32>(mean, inverseSqrt(variance + uniforms.epsilon));",
  });
  const result = use({
    key: "group_norm",
    sizes,
    perGroup,
    statistics: `fn statisticsOf(image : i32, channel : i32) -> vec2<f32> { return stats[groupOf(image, channel)]; }`,
    inputs: [{ name: "stats", element: "vec2<f32>", tensor: stats! }],
    uniforms: [],
    gamma: inputs.gamma!,
    beta: inputs.beta!,
    relu: attributes.activation === "relu",
  });
  backend.disposeData(stats!.dataId);
  return result;
}

const groupNorm = (call: KernelCall): TensorInfo =>
  withNorm(call, (norm) => normaliseChannels(call.backend, call.inputs.x!, norm));

const groupNormGradient = (call: KernelCall): TensorInfo[] =>
  withNorm(call, (norm) => pullBackChannels(call.backend, call.inputs.x!, call.inputs.dy!, norm, false));

/** `GlofGroupNorm` and `GlofGroupNormGrad`: three passes forwards, five backwards. */
export const groupNormKernels: readonly WebgpuKernel[] = [
  { name: "GlofGroupNorm", compute: groupNorm },
  { name: "GlofGroupNormGrad", compute: groupNormGradient },
];
