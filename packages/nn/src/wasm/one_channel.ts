import { type backend_util, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { Epilogue } from "./activation.js";
import { addParts } from "./add_parts.js";
import type { WasmHeap } from "./heap.js";
import type { KernelTask } from "./threads/pool.js";
import { splitForSums, splitForThreads } from "./threads/split.js";

/** A 1 x 1 convolution to one channel, such as the logits': one product of vectors per pixel, bound by memory. */
export function isRowDot(info: backend_util.Conv2DInfo): boolean {
  const { outChannels, filterHeight, filterWidth, strideHeight, strideWidth, inShape, outShape } = info;
  // With a stride of 1 the sizes say that there is no padding.
  const isSameSize = inShape.slice(0, 3).every((size, axis) => size === outShape[axis]);
  const isByPixel = filterHeight === 1 && filterWidth === 1 && strideHeight === 1 && strideWidth === 1;
  return outChannels === 1 && isByPixel && isSameSize;
}

/** Pixels per task. */
const GRAIN = 1024;

/** out = activation(x . filter + bias), pixel by pixel. */
export function dotPixels(
  heap: WasmHeap,
  x: TensorInfo,
  filter: TensorInfo,
  out: TensorInfo,
  { bias, activation }: Pick<Epilogue, "bias" | "activation">,
): void {
  const width = x.shape[3]!;
  const [from, weights, to] = addresses(heap, [x, filter, out]);
  const biasAt = bias ? heap.address(bias) : 0;
  const tasks = splitForThreads(util.sizeFromShape(out.shape), GRAIN, heap.threads).map(
    (range): KernelTask => {
      const [row, result] = [from + 4 * range.from * width, to + 4 * range.from];
      return ["rowDots", row, weights, result, biasAt, activation, range.count, width];
    },
  );
  heap.run(tasks);
}

/** dx = dy filter: the filter times each pixel's number. */
export function spreadPixels(heap: WasmHeap, dy: TensorInfo, filter: TensorInfo, dx: TensorInfo): void {
  const width = dx.shape[3]!;
  const [from, weights, to] = addresses(heap, [dy, filter, dx]);
  const tasks = splitForThreads(util.sizeFromShape(dy.shape), GRAIN, heap.threads).map(
    (range): KernelTask => [
      "scaledCopies",
      from + 4 * range.from,
      weights,
      to + 4 * range.from * width,
      range.count,
      width,
    ],
  );
  heap.run(tasks);
}

/** Parts that are added up apart at most, and pixels of a part at least. */
const [SUM_PARTS, SUM_GRAIN] = [16, 2048];

/** dFilter = the sum over pixels of dy x. */
export function weighPixels(heap: WasmHeap, x: TensorInfo, dy: TensorInfo, dFilter: TensorInfo): void {
  const width = x.shape[3]!;
  const [from, slopes, to] = addresses(heap, [x, dy, dFilter]);
  const parts = splitForSums(util.sizeFromShape(dy.shape), SUM_GRAIN, SUM_PARTS);
  const sums = parts.length === 1 ? to : heap.scratch(4 * width * parts.length);
  heap.run(
    parts.map((part, i): KernelTask => {
      const [row, factor] = [from + 4 * part.from * width, slopes + 4 * part.from];
      return ["weightedSum", row, factor, sums + 4 * i * width, part.count, width];
    }),
  );
  if (parts.length > 1) addParts(heap, sums, parts.length, width, to);
}

function addresses(heap: WasmHeap, tensors: readonly TensorInfo[]): [number, number, number] {
  return tensors.map((tensor) => heap.address(tensor)) as [number, number, number];
}
