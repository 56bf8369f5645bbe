import { backend_util, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { KernelCall, WasmKernel } from "./override.js";

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
  const partial = heap.scratch(4 * width);
  heap.kernels.sumRows(heap.address(x), rows, width, heap.address(out), partial);
  const factor = factorOf(rows);
  if (factor !== 1) {
    const sums = new Float32Array(heap.bytes().buffer, heap.address(out), width);
    for (let i = 0; i < width; i++) sums[i]! *= factor;
  }
  return out;
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
