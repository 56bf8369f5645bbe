import { backend_util, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { type Epilogue, planEpilogue } from "./activation.js";
import type { WasmHeap } from "./heap.js";
import type { KernelCall, WasmKernel } from "./override.js";

type ConvInfo = backend_util.Conv2DInfo;

const noEpilogue: Epilogue = { bias: undefined, activation: 0, after: (product) => product };

/** `Conv2D` of NHWC images with HWIO filters: any stride, padding and dilation. */
export const conv2D: WasmKernel = {
  name: "Conv2D",
  compute: (call) => forward(call, () => noEpilogue),
};

/** `FusedConv2D`: the same with bias and activation. */
export const fusedConv2D: WasmKernel = {
  name: "FusedConv2D",
  compute: (call) => forward(call, (columns) => planEpilogue(call, columns)),
};

/** `Conv2DBackpropInput`: dx from dy, also the forward pass of a transposed convolution. */
export const conv2DBackpropInput: WasmKernel = {
  name: "Conv2DBackpropInput",
  compute: (call) => {
    const dy = call.inputs.dy!;
    const filter = call.inputs.filter!;
    const info = convInfo(call, call.attrs.inputShape as number[], filter.shape);
    if (call.stock && !isSupported(info, dy, filter)) return call.stock();
    const dx = call.heap.output(info.inShape, "float32");
    backwardInput(call.heap, info, dy, filter, dx);
    return dx;
  },
};

/** `Conv2DBackpropFilter`: dFilter from x and dy. TensorFlow.js has none for this backend. */
export const conv2DBackpropFilter: WasmKernel = {
  name: "Conv2DBackpropFilter",
  compute: (call) => {
    const x = call.inputs.x!;
    const dy = call.inputs.dy!;
    const info = convInfo(call, x.shape, call.attrs.filterShape as number[]);
    const dFilter = call.heap.output(info.filterShape, "float32");
    backwardFilter(call.heap, info, x, dy, dFilter);
    return dFilter;
  },
};

/**
 * `GlofConv2D`, `GlofConv2DInputGradient`, `GlofConv2DFilterGradient`: the same three under names that only fast backends
 * have, with dilation also in the gradients.
 */
export const glofConvolutions: readonly WasmKernel[] = [
  { ...fusedConv2D, name: "GlofConv2D" },
  { ...conv2DBackpropInput, name: "GlofConv2DInputGradient" },
  { ...conv2DBackpropFilter, name: "GlofConv2DFilterGradient" },
];

function convInfo(
  { attrs }: KernelCall,
  inShape: readonly number[],
  filterShape: readonly number[],
): ConvInfo {
  type Shape4 = [number, number, number, number];
  const dataFormat = (attrs.dataFormat as "NHWC" | "NCHW" | undefined) ?? "NHWC";
  return backend_util.computeConv2DInfo(
    inShape as Shape4,
    filterShape as Shape4,
    attrs.strides as number | [number, number],
    (attrs.dilations as number | [number, number] | undefined) ?? 1,
    attrs.pad as number,
    attrs.dimRoundingMode as "floor" | "round" | "ceil" | undefined,
    false,
    backend_util.convertConv2DDataFormat(dataFormat),
  );
}

function isSupported(info: ConvInfo, ...tensors: TensorInfo[]): boolean {
  return info.dataFormat === "channelsLast" && tensors.every((t) => t.dtype === "float32");
}

function forward(call: KernelCall, plan: (columns: number) => Epilogue): TensorInfo {
  const x = call.inputs.x!;
  const filter = call.inputs.filter!;
  const info = convInfo(call, x.shape, filter.shape);
  if (call.stock && !isSupported(info, x, filter)) return call.stock();
  const { heap } = call;
  const { bias, activation, after } = plan(info.outChannels);
  const out = heap.output(info.outShape, "float32");
  if (util.sizeFromShape(info.outShape) > 0) {
    setGeometry(heap, info);
    const scratch = heap.scratch(heap.kernels.convForwardScratchBytes());
    const biasAddress = bias ? heap.address(bias) : 0;
    const [from, weights, to] = [heap.address(x), heap.address(filter), heap.address(out)];
    heap.kernels.convForward(from, weights, to, biasAddress, activation, scratch);
  }
  return after(out);
}

function setGeometry({ kernels }: WasmHeap, info: ConvInfo): void {
  kernels.setConv(
    info.batchSize,
    info.inHeight,
    info.inWidth,
    info.inChannels,
    info.outHeight,
    info.outWidth,
    info.outChannels,
    info.filterHeight,
    info.filterWidth,
    info.strideHeight,
    info.strideWidth,
    info.padInfo.top,
    info.padInfo.left,
    info.dilationHeight,
    info.dilationWidth,
  );
}

function backwardInput(
  heap: WasmHeap,
  info: ConvInfo,
  dy: TensorInfo,
  filter: TensorInfo,
  dx: TensorInfo,
): void {
  const { kernels } = heap;
  const count = util.sizeFromShape(info.inShape);
  if (count === 0) return;
  if (util.sizeFromShape(info.outShape) > 0 && info.strideHeight === 1 && info.strideWidth === 1) {
    backwardInputByConv(heap, info, dy, filter, dx);
    return;
  }
  setGeometry(heap, info);
  const scratch = heap.scratch(kernels.convBackwardInputScratchBytes());
  kernels.convBackwardInput(heap.address(dy), heap.address(filter), heap.address(dx), count, scratch);
}

/** Stride 1: dx is the convolution of dy with the filter turned by half a turn, input and output channels swapped. */
function backwardInputByConv(
  heap: WasmHeap,
  info: ConvInfo,
  dy: TensorInfo,
  filter: TensorInfo,
  dx: TensorInfo,
): void {
  const { kernels } = heap;
  const { filterHeight, filterWidth, inChannels, outChannels, dilationHeight, dilationWidth, padInfo } = info;
  kernels.setConv(
    info.batchSize,
    info.outHeight,
    info.outWidth,
    outChannels,
    info.inHeight,
    info.inWidth,
    inChannels,
    filterHeight,
    filterWidth,
    1,
    1,
    dilationHeight * (filterHeight - 1) - padInfo.top,
    dilationWidth * (filterWidth - 1) - padInfo.left,
    dilationHeight,
    dilationWidth,
  );
  const convBytes = kernels.convForwardScratchBytes();
  const scratch = heap.scratch(convBytes + 4 * util.sizeFromShape(info.filterShape));
  const flipped = scratch + convBytes;
  kernels.flipFilter(heap.address(filter), filterHeight, filterWidth, inChannels, outChannels, flipped);
  kernels.convForward(heap.address(dy), flipped, heap.address(dx), 0, 0, scratch);
}

function backwardFilter(
  heap: WasmHeap,
  info: ConvInfo,
  x: TensorInfo,
  dy: TensorInfo,
  dFilter: TensorInfo,
): void {
  const { kernels } = heap;
  const to = heap.address(dFilter);
  if (util.sizeFromShape(info.outShape) === 0) {
    heap.bytes().fill(0, to, to + 4 * util.sizeFromShape(info.filterShape));
    return;
  }
  setGeometry(heap, info);
  const scratch = heap.scratch(kernels.convBackwardFilterScratchBytes());
  kernels.convBackwardFilter(heap.address(x), heap.address(dy), to, scratch);
}
