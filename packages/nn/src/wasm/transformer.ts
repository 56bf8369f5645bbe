import { type TensorInfo, util } from "@tensorflow/tfjs-core";
import { multiplyFused } from "./matmul.js";
import type { WasmKernel } from "./override.js";

const activations: Readonly<Record<string, number>> = { none: 0, gelu: 3 };

/** `GlofLinear`: x [M, in], w [in, out], b? [out] -> activation(x w + b) [M, out]. */
export const linear: WasmKernel = {
  name: "GlofLinear",
  compute: (call) => {
    const activation = activations[call.attrs.activation as string] ?? 0;
    return multiplyFused(call.heap, call.inputs.x!, call.inputs.w!, call.inputs.b, activation);
  },
};

/** `GlofGelu`: exact GELU of any shape. */
export const gelu: WasmKernel = {
  name: "GlofGelu",
  compute: ({ heap, inputs }) => {
    const x = inputs.x!;
    const y = heap.output(x.shape, "float32");
    heap.kernels.gelu(heap.address(x), heap.address(y), util.sizeFromShape(x.shape));
    return y;
  },
};

/** `GlofGeluGrad`: x, dy -> dx. */
export const geluGrad: WasmKernel = {
  name: "GlofGeluGrad",
  compute: ({ heap, inputs }) => {
    const x = inputs.x!;
    const dx = heap.output(x.shape, "float32");
    heap.kernels.geluGrad(
      heap.address(x),
      heap.address(inputs.dy!),
      heap.address(dx),
      util.sizeFromShape(x.shape),
    );
    return dx;
  },
};

/** `GlofReluGrad`: x, dy -> dx. */
export const reluGrad: WasmKernel = {
  name: "GlofReluGrad",
  compute: ({ heap, inputs }) => {
    const x = inputs.x!;
    const dx = heap.output(x.shape, "float32");
    heap.kernels.reluGrad(
      heap.address(x),
      heap.address(inputs.dy!),
      heap.address(dx),
      util.sizeFromShape(x.shape),
    );
    return dx;
  },
};

/** `GlofLayerNorm`: x [M, D], gamma [D], beta [D] -> [M, D]. */
export const layerNorm: WasmKernel = {
  name: "GlofLayerNorm",
  compute: ({ heap, inputs, attrs }) => {
    const x = inputs.x!;
    const [rows, width] = rowsOf(x);
    const y = heap.output(x.shape, "float32");
    const [gamma, beta] = [heap.address(inputs.gamma!), heap.address(inputs.beta!)];
    heap.kernels.layerNorm(
      heap.address(x),
      gamma,
      beta,
      heap.address(y),
      rows,
      width,
      attrs.epsilon as number,
    );
    return y;
  },
};

/** `GlofLayerNormGrad`: x [M, D], gamma [D], dy [M, D] -> dx [M, D], dgamma [D], dbeta [D]. */
export const layerNormGrad: WasmKernel = {
  name: "GlofLayerNormGrad",
  compute: ({ heap, inputs, attrs }) => {
    const x = inputs.x!;
    const [rows, width] = rowsOf(x);
    const dx = heap.output(x.shape, "float32");
    const dGamma = heap.output([width], "float32");
    const dBeta = heap.output([width], "float32");
    heap.kernels.layerNormGrad(
      heap.address(x),
      heap.address(inputs.gamma!),
      heap.address(inputs.dy!),
      heap.address(dx),
      heap.address(dGamma),
      heap.address(dBeta),
      rows,
      width,
      attrs.epsilon as number,
    );
    return [dx, dGamma, dBeta];
  },
};

function rowsOf(x: TensorInfo): [rows: number, width: number] {
  const width = x.shape.at(-1) ?? 1;
  return [width === 0 ? 0 : util.sizeFromShape(x.shape) / width, width];
}
