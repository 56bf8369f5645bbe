import { backend_util, slice_util, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { WasmKernel } from "./override.js";

/** `Slice`: the stock kernel copies its whole source out of the heap first. */
export const slice: WasmKernel = {
  name: "Slice",
  compute: ({ heap, inputs, attrs, stock }) => {
    const x = inputs.x!;
    const given = slice_util.parseSliceParams(x as never, attrs.begin as number[], attrs.size as number[]);
    const [begin, size] = given as [number[], number[]];
    const runs = planSlice(x.shape, begin, size);
    if (!runs || !(x.dtype === "float32" || x.dtype === "int32")) return stock!();
    const out = heap.output(size, x.dtype);
    if (size.includes(0)) return out;
    const [[n0, s0], [n1, s1], [n2, s2]] = runs.loops;
    heap.kernels.copyRuns(
      heap.address(x) + 4 * runs.first,
      heap.address(out),
      runs.count,
      n0,
      s0,
      n1,
      s1,
      n2,
      s2,
    );
    return out;
  },
};

type Loop = readonly [count: number, stride: number];

interface Runs {
  readonly first: number;
  readonly count: number;
  readonly loops: readonly [Loop, Loop, Loop];
}

/** A slice as runs of neighbouring elements; `undefined` when it needs more than three loops over runs. */
function planSlice(
  shape: readonly number[],
  begin: readonly number[],
  size: readonly number[],
): Runs | undefined {
  const strides = [...util.computeStrides([...shape]), 1].slice(0, shape.length);
  const first = begin.reduce((sum, b, axis) => sum + b * strides[axis]!, 0);
  let count = 1;
  let axis = shape.length;
  // Axes taken whole melt into one run with the axis before them.
  while (axis > 0) {
    axis--;
    count *= size[axis]!;
    if (size[axis] !== shape[axis]) break;
  }
  const loops: Loop[] = [];
  for (let outer = 0; outer < axis; outer++)
    if (size[outer] !== 1) loops.push([size[outer]!, strides[outer]!]);
  if (loops.length > 3) return undefined;
  while (loops.length < 3) loops.unshift([1, 0]);
  return { first, count, loops: loops as [Loop, Loop, Loop] };
}

/** `Transpose` of up to four axes (after neighbours that stay together are merged); the stock kernel goes element by element. */
export const transpose: WasmKernel = {
  name: "Transpose",
  compute: ({ heap, inputs, attrs, stock }) => {
    const x = inputs.x!;
    const perm = attrs.perm as number[];
    const merged = mergeAxes(x.shape, perm);
    const isPlain = (x.dtype === "float32" || x.dtype === "int32") && !x.shape.includes(0);
    if (!isPlain || merged.perm.length < 2 || merged.perm.length > 4) return stock!();
    const out = heap.output(
      perm.map((axis) => x.shape[axis]!),
      x.dtype,
    );
    const from = heap.address(x);
    const to = heap.address(out);
    const plan = planTranspose(merged.shape, merged.perm);
    if (plan.kind === "runs") {
      const [[n0, s0], [n1, s1], [n2, s2]] = plan.loops;
      heap.kernels.copyRuns(from, to, plan.count, n0, s0, n1, s1, n2, s2);
    } else {
      const { rows, columns, ldSource, ldTarget } = plan;
      const [[n0, s0, d0], [n1, s1, d1]] = plan.loops;
      heap.kernels.transposePlanes(from, to, rows, columns, ldSource, ldTarget, n0, s0, d0, n1, s1, d1);
    }
    return out;
  },
};

/** Drops axes of size 1 and joins axes that follow each other before and after. */
export function mergeAxes(
  shape: readonly number[],
  perm: readonly number[],
): { shape: number[]; perm: number[] } {
  const kept = perm.filter((axis) => shape[axis] !== 1);
  const groups: number[][] = [];
  for (const axis of kept) {
    const group = groups.at(-1);
    const isNext = group !== undefined && areNeighbours(shape, group.at(-1)!, axis);
    if (isNext) group.push(axis);
    else groups.push([axis]);
  }
  const order = groups.map((group) => group[0]!).sort((a, b) => a - b);
  const sizes = groups.map((group) => group.reduce((product, axis) => product * shape[axis]!, 1));
  const mergedShape = order.map((axis) => sizes[groups.findIndex((group) => group[0] === axis)]!);
  return { shape: mergedShape, perm: groups.map((group) => order.indexOf(group[0]!)) };
}

function areNeighbours(shape: readonly number[], before: number, after: number): boolean {
  return after > before && shape.slice(before + 1, after).every((size) => size === 1);
}

type PlaneLoop = readonly [count: number, sourceStride: number, targetStride: number];

type TransposePlan =
  | { readonly kind: "runs"; readonly count: number; readonly loops: readonly [Loop, Loop, Loop] }
  | {
      readonly kind: "planes";
      readonly rows: number;
      readonly columns: number;
      readonly ldSource: number;
      readonly ldTarget: number;
      readonly loops: readonly [PlaneLoop, PlaneLoop];
    };

function planTranspose(shape: readonly number[], perm: readonly number[]): TransposePlan {
  const rank = shape.length;
  const source = stridesOf(shape);
  const target = stridesOf(perm.map((axis) => shape[axis]!));
  const last = rank - 1;
  if (perm[last] === last) {
    const loops: Loop[] = perm.slice(0, -1).map((axis) => [shape[axis]!, source[axis]!]);
    while (loops.length < 3) loops.unshift([1, 0]);
    return { kind: "runs", count: shape[last]!, loops: loops as [Loop, Loop, Loop] };
  }
  // Planes: the axis that becomes the last one, by the axis that was.
  const rowAxis = perm[last]!;
  const loops = perm.flatMap((axis, position): PlaneLoop[] =>
    axis === rowAxis || axis === last ? [] : [[shape[axis]!, source[axis]!, target[position]!]],
  );
  while (loops.length < 2) loops.unshift([1, 0, 0]);
  return {
    kind: "planes",
    rows: shape[rowAxis]!,
    columns: shape[last]!,
    ldSource: source[rowAxis]!,
    ldTarget: target[perm.indexOf(last)]!,
    loops: loops as unknown as [PlaneLoop, PlaneLoop],
  };
}

function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
}

/** `Sum` over leading axes (a bias's gradient) without the stock kernel's transpose; other axes go to the stock kernel. */
export const sum: WasmKernel = {
  name: "Sum",
  compute: ({ heap, inputs, attrs, stock }) => {
    const x = inputs.x!;
    const axes = util.parseAxisParam(attrs.axis as number | number[], [...x.shape]);
    const leads = axes.length < x.shape.length && axes.every((_, i) => axes.includes(i));
    if (x.dtype !== "float32" || !leads || axes.length === 0 || x.shape.includes(0)) return stock!();
    const [outShape, reduced] = backend_util.computeOutAndReduceShapes([...x.shape], axes);
    const width = util.sizeFromShape(outShape);
    const kept = attrs.keepDims === true ? backend_util.expandShapeToKeepDim(outShape, axes) : outShape;
    const out = heap.output(kept, "float32");
    const partial = heap.scratch(4 * width);
    heap.kernels.sumRows(heap.address(x), util.sizeFromShape(reduced), width, heap.address(out), partial);
    return out;
  },
};

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
