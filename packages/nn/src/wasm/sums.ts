import { backend_util, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { WasmHeap } from "./heap.js";
import type { KernelCall, WasmKernel } from "./override.js";
import type { KernelTask } from "./threads/pool.js";
import { splitForSums } from "./threads/split.js";

/** `Sum` over leading axes (a bias's gradient) without the stock kernel's transpose; other axes go to the stock kernel. */
export const sum: WasmKernel = {
  name: "Sum",
  compute: (call) => reduceLeading(call, () => 1),
};

/** `Mean` over leading axes (the statistics of a batch); other axes go to the stock kernel. */
export const mean: WasmKernel = {
  name: "Mean",
  compute: (call) => reduceLeading(call, (count) => 1 / count),
};

function reduceLeading(
  { heap, inputs, attrs, stock }: KernelCall,
  factorOf: (count: number) => number,
): TensorInfo {
  const x = inputs.x!;
  const axes = util.parseAxisParam(attrs.axis as number | number[], [...x.shape]);
  const leads = axes.length < x.shape.length && axes.every((_, i) => axes.includes(i));
  if (x.dtype !== "float32" || !leads || axes.length === 0 || x.shape.includes(0)) return stock!();
  const [outShape, reduced] = backend_util.computeOutAndReduceShapes([...x.shape], axes);
  const width = util.sizeFromShape(outShape);
  const rows = util.sizeFromShape(reduced);
  const kept = attrs.keepDims === true ? backend_util.expandShapeToKeepDim(outShape, axes) : outShape;
  const out = heap.output(kept, "float32");
  sumRows(heap, x, rows, width, out);
  const factor = factorOf(rows);
  if (factor !== 1) {
    const sums = new Float32Array(heap.bytes().buffer, heap.address(out), width);
    for (let i = 0; i < width; i++) sums[i]! *= factor;
  }
  return out;
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
