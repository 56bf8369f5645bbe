import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { UniformValue } from "./dispatch.js";
import { isForwardOnly } from "./half_precision.js";
import type { KernelCall, WebgpuKernel } from "./kernel.js";
import { runGathered } from "./product.js";
import type { ProductNorm } from "./product_end.js";

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

type Shape = [number, number, number, number];

function sizesBetween(x: Shape, y: Shape, filter: Shape): Sizes {
  return {
    images: x[0],
    kernel: [filter[0], filter[1]],
    inSize: [x[1], x[2]],
    outSize: [y[1], y[2]],
    inWidth: x[3],
    outWidth: y[3],
  };
}

function reshaped(tensor: TensorInfo, shape: readonly number[]): TensorInfo {
  return { ...tensor, shape: [...shape] };
}

/** Convolution, bias, batch norm where there is one, activation: one pass. */
function forward({ backend, inputs, attributes }: KernelCall): TensorInfo {
  const [images, rows, cols, inWidth] = inputs.x!.shape as [number, number, number, number];
  const [kh, kw, , outWidth] = inputs.filter!.shape as [number, number, number, number];
  const outSize = outSizeOf([rows, cols], [kh, kw], attributes);
  const sizes: Sizes = { images, kernel: [kh, kw], inSize: [rows, cols], outSize, inWidth, outWidth };
  const y = runGathered(backend, {
    a: inputs.x!,
    b: inputs.filter!,
    bias: inputs.bias,
    norm: inputs.mean && normOf(inputs, attributes),
    activation: attributes.activation === "relu" ? "relu" : "none",
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

function normOf(
  { mean, variance, weight, shift }: KernelCall["inputs"],
  { epsilon }: KernelCall["attributes"],
): ProductNorm {
  return { mean: mean!, variance: variance!, weight: weight!, shift: shift!, epsilon: epsilon as number };
}

function inputGradient({ backend, inputs, attributes }: KernelCall): TensorInfo {
  const inputShape = attributes.inputShape as Shape;
  const sizes = sizesBetween(inputShape, inputs.dy!.shape as Shape, inputs.filter!.shape as Shape);
  const { images, kernel, inSize, inWidth, outWidth } = sizes;
  const dx = runGathered(backend, {
    a: inputs.dy!,
    b: inputs.filter!,
    m: images * inSize[0] * inSize[1],
    n: inWidth,
    k: kernel[0] * kernel[1] * outWidth,
    kindA: "spread",
    kindB: "filter",
    sizes: uniformsOf(sizes, attributes),
  });
  return reshaped(dx, inputShape);
}

function filterGradient({ backend, inputs, attributes }: KernelCall): TensorInfo {
  const filterShape = attributes.filterShape as Shape;
  const sizes = sizesBetween(inputs.x!.shape as Shape, inputs.dy!.shape as Shape, filterShape);
  const { images, kernel, outSize, inWidth, outWidth } = sizes;
  const gradient = runGathered(backend, {
    a: inputs.x!,
    b: inputs.dy!,
    m: kernel[0] * kernel[1] * inWidth,
    n: outWidth,
    k: images * outSize[0] * outSize[1],
    kindA: "taps",
    kindB: "outer",
    sizes: uniformsOf(sizes, attributes),
  });
  return reshaped(gradient, filterShape);
}

/** `GlofConv2D`, `GlofConvNorm`, `GlofConv2DInputGradient` and `GlofConv2DFilterGradient`. */
export const convKernels: readonly WebgpuKernel[] = [
  { name: "GlofConv2D", compute: forward },
  { name: "GlofConvNorm", compute: forward },
  { name: "GlofConv2DInputGradient", compute: inputGradient },
  { name: "GlofConv2DFilterGradient", compute: filterGradient },
];
