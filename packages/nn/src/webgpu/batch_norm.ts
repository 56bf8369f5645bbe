import type { TensorInfo } from "@tensorflow/tfjs-core";
import { channelMoments } from "./channel_moments.js";
import { normaliseChannels, pullBackChannels } from "./channel_norm.js";
import type { ChannelNorm } from "./channel_pass.js";
import type { KernelCall, WebgpuKernel } from "./kernel.js";

/**
 * Batch normalisation: moments of the batch with the running statistics that follow from them in two passes, normalisation with
 * ReLU in one, the gradient in three.
 *
 * Arithmetic: about 9 FLOP a number forwards over 12 bytes, some 20 over 20 backwards: bound by device memory. See
 * channel_moments.ts and channel_norm.ts.
 */

/** `GlofMoments`: x [M, C], runningMean, runningVar [C]; attrs momentum. */
function moments({ backend, inputs, attributes }: KernelCall): TensorInfo[] {
  const { x, runningMean, runningVar } = inputs;
  const [rows, cols] = x!.shape as [number, number];
  const momentum = attributes.momentum as number;
  return channelMoments(
    backend,
    x!,
    { images: 1, rows, cols },
    {
      key: "batch_norm",
      perGroup: 1,
      outputs: ["means", "variances", "nextMeans", "nextVariances"].map((name) => ({
        name,
        element: "f32",
        into: [cols],
      })),
      inputs: [
        { name: "runningMeans", element: "f32", tensor: runningMean! },
        { name: "runningVariances", element: "f32", tensor: runningVar! },
      ],
      uniforms: [
        ["kept", "f32", 1 - momentum],
        ["momentum", "f32", momentum],
        // The running variance takes the unbiased one.
        ["unbiased", "f32", (momentum * rows) / (rows - 1)],
      ],
      store: `means[at] = mean;
  variances[at] = variance;
  nextMeans[at] = uniforms.kept * runningMeans[at] + uniforms.momentum * mean;
  nextVariances[at] = uniforms.kept * runningVariances[at] + uniforms.unbiased * variance;`,
    },
  );
}

/** The norm by the moments that a call is given. */
function normOf({ inputs, attributes }: KernelCall): ChannelNorm {
  const { x, mean, variance, gamma, beta } = inputs;
  const [rows, cols] = x!.shape as [number, number];
  return {
    key: "batch_norm",
    sizes: { images: 1, rows, cols },
    perGroup: 1,
    statistics: `fn statisticsOf(image : i32, channel : i32) -> vec2<f32> {
  return vec2<f32>(means[channel], inverseSqrt(variances[channel] + uniforms.epsilon));
}`,
    inputs: [
      { name: "means", element: "f32", tensor: mean! },
      { name: "variances", element: "f32", tensor: variance! },
    ],
    uniforms: [["epsilon", "f32", attributes.epsilon as number]],
    gamma: gamma!,
    beta: beta!,
    relu: attributes.activation === "relu",
  };
}

/** `GlofMoments`, `GlofNormalise` and `GlofNormaliseGrad`: two passes, one, and three. */
export const batchNormKernels: readonly WebgpuKernel[] = [
  { name: "GlofMoments", compute: moments },
  {
    name: "GlofNormalise",
    compute: (call) => normaliseChannels(call.backend, call.inputs.x!, normOf(call)),
  },
  {
    name: "GlofNormaliseGrad",
    compute: (call) =>
      pullBackChannels(
        call.backend,
        call.inputs.x!,
        call.inputs.dy!,
        normOf(call),
        call.attributes.fixed === true,
      ),
  },
];
