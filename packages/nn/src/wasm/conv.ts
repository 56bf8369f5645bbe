import { backend_util, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { type Epilogue, planEpilogue } from "./activation.js";
import { addParts } from "./add_parts.js";
import type { WasmHeap } from "./heap.js";
import { packRightFactor } from "./matmul.js";
import { dotPixels, isRowDot, spreadPixels, weighPixels } from "./one_channel.js";
import type { KernelCall, WasmKernel } from "./override.js";
import type { KernelTask } from "./threads/pool.js";
import { splitForSums, splitForThreads } from "./threads/split.js";

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
  if (isRowDot(info)) {
    dotPixels(heap, x, filter, out, { bias, activation });
  } else if (util.sizeFromShape(info.outShape) > 0) {
    const taps = { address: heap.address(filter), channels: info.inChannels, outChannels: info.outChannels };
    convolve(heap, info, x, packFilter(heap, info, taps), out, { bias, activation });
  }
  return after(out);
}

/** Geometry of a convolution: `setConv`'s arguments follow from it. */
type Geometry = Pick<
  ConvInfo,
  | "batchSize"
  | "inHeight"
  | "inWidth"
  | "inChannels"
  | "outHeight"
  | "outWidth"
  | "outChannels"
  | "filterHeight"
  | "filterWidth"
  | "strideHeight"
  | "strideWidth"
  | "dilationHeight"
  | "dilationWidth"
> & { readonly padInfo: { readonly top: number; readonly left: number } };

/** The call that tells a thread the geometry. */
function geometryCall(info: Geometry): KernelTask {
  return [
    "setConv",
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
  ];
}

/** Tells this thread the geometry, which the sizes of scratch depend on. */
function setGeometry({ kernels }: WasmHeap, info: Geometry): void {
  const [, ...sizes] = geometryCall(info);
  kernels.setConv(...(sizes as Parameters<typeof kernels.setConv>));
}

/** A filter in memory: [rows, columns, channels, outChannels]. */
interface Filter {
  readonly address: number;
  readonly channels: number;
  readonly outChannels: number;
}

/** Packs a filter as the right factor of patches [pixels, taps], from `offset` bytes of the scratch on. */
function packFilter(
  heap: WasmHeap,
  info: Geometry,
  { address, channels, outChannels }: Filter,
  offset = 0,
): number {
  const depth = info.filterHeight * info.filterWidth * channels;
  const factor = { address, depth, columns: outChannels, depthStride: outChannels, columnStride: 1 };
  return packRightFactor(heap, factor, offset);
}

/** Output pixels per task, a multiple of the kernel's block. */
const PIXEL_GRAIN = 96;

/** out = activation(conv(x, filter) + bias), the output pixels shared out to the threads. */
function convolve(
  heap: WasmHeap,
  info: Geometry,
  x: TensorInfo,
  packedFilter: number,
  out: TensorInfo,
  { bias, activation }: Pick<Epilogue, "bias" | "activation">,
): void {
  setGeometry(heap, info);
  const [from, to, biasAt] = [heap.address(x), heap.address(out), bias ? heap.address(bias) : 0];
  const pixels = info.batchSize * info.outHeight * info.outWidth;
  const tasks = splitForThreads(pixels, PIXEL_GRAIN, heap.threads).map(
    (range): KernelTask => [
      "convForward",
      from,
      packedFilter,
      to,
      biasAt,
      activation,
      range.from,
      range.count,
    ],
  );
  heap.run(tasks, { scratchBytes: heap.kernels.convForwardScratchBytes(), setUp: geometryCall(info) });
}

/** Rows of the image per task: neighbouring tasks compute the patches that reach into both. */
const ROW_GRAIN = 16;

function backwardInput(
  heap: WasmHeap,
  info: ConvInfo,
  dy: TensorInfo,
  filter: TensorInfo,
  dx: TensorInfo,
): void {
  if (util.sizeFromShape(info.inShape) === 0) return;
  if (isRowDot(info)) {
    spreadPixels(heap, dy, filter, dx);
    return;
  }
  if (util.sizeFromShape(info.outShape) > 0 && info.strideHeight === 1 && info.strideWidth === 1) {
    backwardInputByConv(heap, info, dy, filter, dx);
    return;
  }
  setGeometry(heap, info);
  const [from, weights, to] = [heap.address(dy), heap.address(filter), heap.address(dx)];
  const grain = Math.max(ROW_GRAIN, 4 * info.filterHeight * info.dilationHeight);
  const ranges = splitForThreads(info.inHeight, grain, heap.threads);
  const tasks = Array.from({ length: info.batchSize }, (_, image) =>
    ranges.map(
      (rows): KernelTask => [
        "convBackwardInput",
        from,
        weights,
        to,
        image,
        rows.from,
        rows.from + rows.count,
      ],
    ),
  ).flat();
  const scratchBytes = heap.kernels.convBackwardInputScratchBytes();
  heap.run(tasks, { scratchBytes, setUp: geometryCall(info) });
}

/** Stride 1: dx is the convolution of dy with the filter turned by half a turn, input and output channels swapped. */
function backwardInputByConv(
  heap: WasmHeap,
  info: ConvInfo,
  dy: TensorInfo,
  filter: TensorInfo,
  dx: TensorInfo,
): void {
  const { filterHeight, filterWidth, inChannels, outChannels, dilationHeight, dilationWidth, padInfo } = info;
  const turned: Geometry = {
    ...info,
    inHeight: info.outHeight,
    inWidth: info.outWidth,
    inChannels: outChannels,
    outHeight: info.inHeight,
    outWidth: info.inWidth,
    outChannels: inChannels,
    padInfo: {
      top: dilationHeight * (filterHeight - 1) - padInfo.top,
      left: dilationWidth * (filterWidth - 1) - padInfo.left,
    },
  };
  const flippedBytes = 4 * util.sizeFromShape(info.filterShape);
  // Room for both, so that packing does not move what it packs.
  const packedBytes = 4 * filterHeight * filterWidth * outChannels * Math.ceil(inChannels / 8) * 8;
  const flipped = heap.scratch(flippedBytes + packedBytes);
  heap.kernels.flipFilter(heap.address(filter), filterHeight, filterWidth, inChannels, outChannels, flipped);
  const weights = { address: flipped, channels: outChannels, outChannels: inChannels };
  const packed = packFilter(heap, turned, weights, flippedBytes);
  convolve(heap, turned, dy, packed, dx, noEpilogue);
}

/** Pixels that are summed apart at least, parts at most, and floats that the parts' sums may take together (32 MiB). */
const SUM_GRAIN = 2048;
const SUM_PARTS = 16;
const MOST_SUMS = 1 << 23;

function backwardFilter(
  heap: WasmHeap,
  info: ConvInfo,
  x: TensorInfo,
  dy: TensorInfo,
  dFilter: TensorInfo,
): void {
  const to = heap.address(dFilter);
  const weights = util.sizeFromShape(info.filterShape);
  if (weights === 0) return;
  if (util.sizeFromShape(info.outShape) === 0) {
    heap.bytes().fill(0, to, to + 4 * weights);
    return;
  }
  if (isRowDot(info)) {
    weighPixels(heap, x, dy, dFilter);
    return;
  }
  setGeometry(heap, info);
  const pixels = info.batchSize * info.outHeight * info.outWidth;
  const most = Math.min(SUM_PARTS, Math.max(1, Math.floor(MOST_SUMS / weights)));
  const parts = splitForSums(pixels, SUM_GRAIN, most);
  const [from, slopes] = [heap.address(x), heap.address(dy)];
  const sums = parts.length === 1 ? to : heap.scratch(4 * weights * parts.length);
  const tasks = parts.map(
    (part, i): KernelTask => [
      "convBackwardFilter",
      from,
      slopes,
      sums + 4 * i * weights,
      part.from,
      part.count,
    ],
  );
  const scratchBytes = heap.kernels.convBackwardFilterScratchBytes();
  heap.run(tasks, { scratchBytes, setUp: geometryCall(info) });
  if (parts.length > 1) addParts(heap, sums, parts.length, weights, to);
}
