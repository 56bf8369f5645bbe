import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { UniformValue } from "./dispatch.js";
import { isForwardOnly } from "./half_precision.js";
import { type KernelCall, runStock, type WebgpuKernel } from "./kernel.js";
import { runGathered } from "./product.js";
import type { ShaderBackend } from "./shader.js";

/**
 * Convolutions as products whose operands are gathered on the way (implicit GEMM): no patch matrix in memory.
 *
 * Arithmetic: 2 N outH outW kh kw C O FLOP for the value and for each gradient; bytes as those of a product, the nine reads of
 * a pixel by a 3 x 3 kernel coming from the caches.
 */

type Pair = readonly [number, number];

interface Sizes {
  readonly images: number;
  readonly kernel: Pair;
  readonly inSize: Pair;
  readonly outSize: Pair;
  readonly inWidth: number;
  readonly outWidth: number;
}

interface ConvAttributes {
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly pad: readonly (readonly [number, number])[];
}

function uniformsOf(sizes: Sizes, attributes: KernelCall["attributes"]): UniformValue[] {
  const { strides, dilations, pad } = attributes as unknown as ConvAttributes;
  const numbers = {
    C: sizes.inWidth,
    O: sizes.outWidth,
    kernelW: sizes.kernel[1],
    inH: sizes.inSize[0],
    inW: sizes.inSize[1],
    outH: sizes.outSize[0],
    outW: sizes.outSize[1],
    strideH: strides[0],
    strideW: strides[1],
    dilationH: dilations[0],
    dilationW: dilations[1],
    padH: pad[1]![0],
    padW: pad[2]![0],
  };
  return Object.entries(numbers).map(([name, value]): UniformValue => [name, "i32", value]);
}

/** floor((in + 2 pad - dilation (k - 1) - 1) / stride) + 1 */
function outSizeOf(inSize: Pair, kernel: Pair, attributes: KernelCall["attributes"]): Pair {
  const { strides, dilations, pad } = attributes as unknown as ConvAttributes;
  const along = (axis: 0 | 1): number => {
    const padded = inSize[axis] + pad[axis + 1]![0] + pad[axis + 1]![1];
    return Math.floor((padded - dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis]) + 1;
  };
  return [along(0), along(1)];
}

function reshaped(tensor: TensorInfo, shape: readonly number[]): TensorInfo {
  return { ...tensor, shape: [...shape] };
}

function forward({ backend, inputs, attributes }: KernelCall): TensorInfo {
  const [images, rows, cols, inWidth] = inputs.x!.shape as [number, number, number, number];
  const [kh, kw, , outWidth] = inputs.filter!.shape as [number, number, number, number];
  const outSize = outSizeOf([rows, cols], [kh, kw], attributes);
  const sizes: Sizes = { images, kernel: [kh, kw], inSize: [rows, cols], outSize, inWidth, outWidth };
  const y = runGathered(backend, {
    a: inputs.x!,
    b: inputs.filter!,
    bias: inputs.bias,
    m: images * outSize[0] * outSize[1],
    n: outWidth,
    k: kh * kw * inWidth,
    kindA: "patches",
    kindB: "outer",
    half: isForwardOnly(),
    sizes: uniformsOf(sizes, attributes),
  });
  return reshaped(y, [images, ...outSize, outWidth]);
}

function inputGradient({ backend, inputs, attributes }: KernelCall): TensorInfo {
  const [images, outRows, outCols, outWidth] = inputs.dy!.shape as [number, number, number, number];
  const [kh, kw, inWidth] = inputs.filter!.shape as [number, number, number, number];
  const [, rows, cols] = attributes.inputShape as [number, number, number, number];
  const sizes: Sizes = {
    images,
    kernel: [kh, kw],
    inSize: [rows, cols],
    outSize: [outRows, outCols],
    inWidth,
    outWidth,
  };
  const dx = runGathered(backend, {
    a: inputs.dy!,
    b: inputs.filter!,
    m: images * rows * cols,
    n: inWidth,
    k: kh * kw * outWidth,
    kindA: "spread",
    kindB: "filter",
    sizes: uniformsOf(sizes, attributes),
  });
  return reshaped(dx, [images, rows, cols, inWidth]);
}

/** Pixels that one group adds up at least: fewer would cost more in adding the parts than they gain. */
const pixelsPerSplit = 512;
/** Groups wanted: the filter alone gives only a handful of tiles. */
const wantedGroups = 256;

function filterGradient({ backend, inputs, attributes }: KernelCall): TensorInfo {
  const [images, rows, cols, inWidth] = inputs.x!.shape as [number, number, number, number];
  const [, outRows, outCols, outWidth] = inputs.dy!.shape as [number, number, number, number];
  const filterShape = attributes.filterShape as [number, number, number, number];
  const [kh, kw] = filterShape;
  const sizes: Sizes = {
    images,
    kernel: [kh, kw],
    inSize: [rows, cols],
    outSize: [outRows, outCols],
    inWidth,
    outWidth,
  };
  const [m, n, k] = [kh * kw * inWidth, outWidth, images * outRows * outCols];
  const tiles = Math.ceil(m / 64) * Math.ceil(n / 64);
  const splits = Math.max(1, Math.min(Math.ceil(wantedGroups / tiles), Math.floor(k / pixelsPerSplit)));
  const parts = runGathered(backend, {
    a: inputs.x!,
    b: inputs.dy!,
    m,
    n,
    k,
    kindA: "taps",
    kindB: "outer",
    splits,
    sizes: uniformsOf(sizes, attributes),
  });
  return reshaped(splits === 1 ? parts : addParts(backend, parts), filterShape);
}

function addParts(backend: ShaderBackend, parts: TensorInfo): TensorInfo {
  const sum = runStock(backend, "Sum", { x: parts }, { axis: 0, keepDims: false });
  backend.disposeData(parts.dataId);
  return sum;
}

/** `GlofConv2D`, `GlofConv2DInputGradient` and `GlofConv2DFilterGradient`. */
export const convKernels: readonly WebgpuKernel[] = [
  { name: "GlofConv2D", compute: forward },
  { name: "GlofConv2DInputGradient", compute: inputGradient },
  { name: "GlofConv2DFilterGradient", compute: filterGradient },
];
