import type { NamedAttrMap, TensorInfo } from "@tensorflow/tfjs-core";
import type { WasmKernel } from "./override.js";

/** `GlofGroupNorm`: x [N, H, W, C], gamma [C], beta [C]; attrs groups, epsilon -> [N, H, W, C]. */
export const groupNorm: WasmKernel = {
  name: "GlofGroupNorm",
  compute: ({ heap, inputs, attrs }) => {
    const x = inputs.x!;
    const y = heap.output(x.shape, "float32");
    heap.kernels.groupNorm(
      heap.address(x),
      heap.address(inputs.gamma!),
      heap.address(inputs.beta!),
      heap.address(y),
      ...sizesOf(x, attrs),
      heap.scratch(heap.kernels.groupNormScratchBytes(x.shape.at(-1)!)),
    );
    return y;
  },
};

/** `GlofGroupNormGrad`: x [N, H, W, C], gamma [C], dy; attrs groups, epsilon -> dx, dgamma [C], dbeta [C]. */
export const groupNormGrad: WasmKernel = {
  name: "GlofGroupNormGrad",
  compute: ({ heap, inputs, attrs }) => {
    const x = inputs.x!;
    const gamma = inputs.gamma!;
    const dx = heap.output(x.shape, "float32");
    const dGamma = heap.output(gamma.shape, "float32");
    const dBeta = heap.output(gamma.shape, "float32");
    heap.kernels.groupNormGrad(
      heap.address(x),
      heap.address(gamma),
      heap.address(inputs.dy!),
      heap.address(dx),
      heap.address(dGamma),
      heap.address(dBeta),
      ...sizesOf(x, attrs),
      heap.scratch(heap.kernels.groupNormScratchBytes(x.shape.at(-1)!)),
    );
    return [dx, dGamma, dBeta];
  },
};

/** batch, pixels, channels, channels per group, epsilon. */
function sizesOf({ shape }: TensorInfo, attrs: NamedAttrMap): [number, number, number, number, number] {
  const [batch, rows, columns, channels] = shape as [number, number, number, number];
  return [batch, rows * columns, channels, channels / (attrs.groups as number), attrs.epsilon as number];
}
