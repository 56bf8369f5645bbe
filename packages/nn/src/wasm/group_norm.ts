import type { NamedAttrMap, TensorInfo } from "@tensorflow/tfjs-core";
import type { WasmKernel } from "./override.js";
import type { KernelTask } from "./threads/pool.js";

/** `GlofGroupNorm`: x [N, H, W, C], gamma [C], beta [C]; attrs groups, epsilon, activation -> [N, H, W, C]. An image is a task. */
export const groupNorm: WasmKernel = {
  name: "GlofGroupNorm",
  compute: ({ heap, inputs, attrs, run }) => {
    const x = inputs.x!;
    const y = heap.output(x.shape, "float32");
    const { batch, pixels, channels, perGroup, epsilon } = sizesOf(x, attrs);
    const [from, gamma, beta, to] = [x, inputs.gamma!, inputs.beta!, y].map((one) => heap.address(one));
    const tasks = Array.from({ length: batch }, (_, n): KernelTask => {
      const skip = 4 * n * pixels * channels;
      return ["groupNorm", from! + skip, gamma!, beta!, to! + skip, 1, pixels, channels, perGroup, epsilon];
    });
    heap.run(tasks, { scratchBytes: heap.kernels.groupNormScratchBytes(channels) });
    if (attrs.activation !== "relu") return y;
    const positive = run("Relu", { x: y });
    heap.release(y);
    return positive;
  },
};

/** `GlofGroupNormGrad`: x [N, H, W, C], gamma [C], dy; attrs groups, epsilon -> dx, dgamma [C], dbeta [C]. */
export const groupNormGrad: WasmKernel = {
  name: "GlofGroupNormGrad",
  compute: ({ heap, inputs, attrs }) => {
    const x = inputs.x!;
    const dx = heap.output(x.shape, "float32");
    const dGamma = heap.output(inputs.gamma!.shape, "float32");
    const dBeta = heap.output(inputs.gamma!.shape, "float32");
    const { batch, pixels, channels, perGroup, epsilon } = sizesOf(x, attrs);
    // Each image has its own sums, which are added up at the end in the order of the images.
    const gammas = heap.scratch(4 * channels * (2 * batch + 1));
    const betas = gammas + 4 * channels * batch;
    const [from, gamma, dy, to] = [x, inputs.gamma!, inputs.dy!, dx].map((one) => heap.address(one));
    const tasks = Array.from({ length: batch }, (_, n): KernelTask => {
      const skip = 4 * n * pixels * channels;
      const [dGammaAt, dBetaAt] = [gammas + 4 * n * channels, betas + 4 * n * channels];
      const ends = [to! + skip, dGammaAt, dBetaAt];
      return [
        "groupNormGrad",
        from! + skip,
        gamma!,
        dy! + skip,
        ...ends,
        1,
        pixels,
        channels,
        perGroup,
        epsilon,
      ];
    });
    heap.run(tasks, { scratchBytes: heap.kernels.groupNormScratchBytes(channels) });
    const partial = betas + 4 * channels * batch;
    heap.kernels.sumRows(gammas, batch, channels, heap.address(dGamma), partial);
    heap.kernels.sumRows(betas, batch, channels, heap.address(dBeta), partial);
    return [dx, dGamma, dBeta];
  },
};

interface Sizes {
  readonly batch: number;
  readonly pixels: number;
  readonly channels: number;
  readonly perGroup: number;
  readonly epsilon: number;
}

function sizesOf({ shape }: TensorInfo, attrs: NamedAttrMap): Sizes {
  const [batch, rows, columns, channels] = shape as [number, number, number, number];
  const perGroup = channels / (attrs.groups as number);
  return { batch, pixels: rows * columns, channels, perGroup, epsilon: attrs.epsilon as number };
}
