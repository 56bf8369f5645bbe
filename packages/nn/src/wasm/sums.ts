import { backend_util, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { WasmHeap } from "./heap.js";
import type { KernelCall, WasmKernel } from "./override.js";
import type { KernelTask } from "./threads/pool.js";
import { splitForSums, splitForThreads } from "./threads/split.js";

/** `Sum` over neighbouring axes: leading (a bias's gradient), trailing, all, a few between; others go to the stock kernel. */
export const sum: WasmKernel = {
  name: "Sum",
  compute: (call) => reduceNeighbours(call, () => 1),
};

/** `Mean` over neighbouring axes (the statistics of a batch); others go to the stock kernel. */
export const mean: WasmKernel = {
  name: "Mean",
  compute: (call) => reduceNeighbours(call, (count) => 1 / count),
};

/** Most rows of a stack that are added one after the other. */
const MOST_STACKED = 256;

function reduceNeighbours(
  { heap, inputs, attrs, stock }: KernelCall,
  factorOf: (count: number) => number,
): TensorInfo {
  const x = inputs.x!;
  const axes = util.parseAxisParam(attrs.axis as number | number[], [...x.shape]).sort((a, b) => a - b);
  const areNeighbours = axes.length > 0 && axes.every((axis, i) => axis === axes[0]! + i);
  if (x.dtype !== "float32" || !areNeighbours || x.shape.includes(0)) return stock!();
  const outer = util.sizeFromShape(x.shape.slice(0, axes[0]));
  const count = util.sizeFromShape(axes.map((axis) => x.shape[axis]!));
  const width = util.sizeFromShape(x.shape.slice(axes.at(-1)! + 1));
  if (outer > 1 && width > 1 && count > MOST_STACKED) return stock!();
  const [outShape] = backend_util.computeOutAndReduceShapes([...x.shape], axes);
  const kept = attrs.keepDims === true ? backend_util.expandShapeToKeepDim(outShape, axes) : outShape;
  const out = heap.output(kept, "float32");
  if (width === 1) sumAlongRows(heap, x, outer, count, out);
  else if (outer === 1) sumRows(heap, x, count, width, out);
  else sumStacks(heap, x, [outer, count, width], out);
  scale(heap, out, outer * width, factorOf(count));
  return out;
}

function scale(heap: WasmHeap, x: TensorInfo, size: number, factor: number): void {
  if (factor === 1) return;
  const values = new Float32Array(heap.bytes().buffer, heap.address(x), size);
  for (let i = 0; i < size; i++) values[i]! *= factor;
}

/** Floats that are summed apart at least, and parts at most. */
const SUM_GRAIN = 1 << 16;
const SUM_PARTS = 16;

/** out[width] = the sum of the rows of x [rows, width]. */
function sumRows(heap: WasmHeap, x: TensorInfo, rows: number, width: number, out: TensorInfo): void {
  const parts = splitForSums(rows, Math.ceil(SUM_GRAIN / width), SUM_PARTS);
  // A row of sums and one of working space for each part, then a working row for their total.
  const sums = heap.scratch(4 * width * (2 * parts.length + 1));
  const spare = sums + 4 * width * parts.length;
  const from = heap.address(x);
  const tasks = parts.map((part, i): KernelTask => {
    const row = 4 * width * i;
    return ["sumRows", from + 4 * part.from * width, part.count, width, sums + row, spare + row];
  });
  heap.run(tasks);
  const last = spare + 4 * width * parts.length;
  heap.kernels.sumRows(sums, parts.length, width, heap.address(out), last);
}

/** out[rows] = the sum of each row of x [rows, width]; a single row is cut into parts. */
function sumAlongRows(heap: WasmHeap, x: TensorInfo, rows: number, width: number, out: TensorInfo): void {
  const [from, to] = [heap.address(x), heap.address(out)];
  if (rows > 1) {
    const ranges = splitForThreads(rows, Math.ceil(SUM_GRAIN / width), heap.threads);
    heap.run(
      ranges.map((range): KernelTask => {
        const [skip, place] = [4 * range.from * width, 4 * range.from];
        return ["rowSums", from + skip, range.count, width, to + place];
      }),
    );
    return;
  }
  const parts = splitForSums(width, SUM_GRAIN, SUM_PARTS);
  const sums = heap.scratch(4 * parts.length);
  heap.run(
    parts.map((part, i): KernelTask => ["rowSums", from + 4 * part.from, 1, part.count, sums + 4 * i]),
  );
  heap.kernels.rowSums(sums, 1, parts.length, to);
}

/** out[outer, width] = the sums over the middle of x [outer, count, width], such as the gradient of doubling an image. */
function sumStacks(
  heap: WasmHeap,
  x: TensorInfo,
  [outer, count, width]: readonly [outer: number, count: number, width: number],
  out: TensorInfo,
): void {
  const [from, to] = [heap.address(x), heap.address(out)];
  const ranges = splitForThreads(outer, Math.ceil(SUM_GRAIN / (count * width)), heap.threads);
  heap.run(
    ranges.map((range): KernelTask => {
      const skip = 4 * range.from * width;
      return ["stackSums", from + count * skip, range.count, count, width, to + skip];
    }),
  );
}

/** `UnsortedSegmentSum`, the gradient of `gather`: TensorFlow.js has none for this backend. */
export const unsortedSegmentSum: WasmKernel = {
  name: "UnsortedSegmentSum",
  compute: ({ heap, inputs, attrs }) => {
    const { x, segmentIds } = inputs as Record<"x" | "segmentIds", TensorInfo>;
    const segments = attrs.numSegments as number;
    const rowShape = x.shape.slice(segmentIds.shape.length);
    const width = util.sizeFromShape(rowShape);
    const count = util.sizeFromShape(segmentIds.shape);
    const out = heap.output([segments, ...rowShape], x.dtype);
    const [from, ids, to] = [heap.address(x), heap.address(segmentIds), heap.address(out)];
    if (x.dtype === "float32") heap.kernels.segmentSum(from, ids, count, width, segments, to);
    else sumIntegers(heap.bytes().buffer, { from, ids, to, count, width, segments });
    return out;
  },
};

interface SegmentSum {
  readonly from: number;
  readonly ids: number;
  readonly to: number;
  readonly count: number;
  readonly width: number;
  readonly segments: number;
}

function sumIntegers(memory: ArrayBufferLike, { from, ids, to, count, width, segments }: SegmentSum): void {
  const x = new Int32Array(memory, from, count * width);
  const id = new Int32Array(memory, ids, count);
  const out = new Int32Array(memory, to, segments * width).fill(0);
  for (let i = 0; i < count; i++) {
    const segment = id[i]!;
    if (segment < 0 || segment >= segments) continue;
    for (let j = 0; j < width; j++) out[segment * width + j]! += x[i * width + j]!;
  }
}
