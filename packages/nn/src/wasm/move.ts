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

/** Floats of a run from which on a run is worth a call. */
const LEAST_RUN = 16;

/** `PadV2`, such as the gradient of a crop: the stock kernel asks of each number where it lies. */
export const padV2: WasmKernel = {
  name: "PadV2",
  compute: ({ heap, inputs, attrs, stock }) => {
    const x = inputs.x!;
    const paddings = attrs.paddings as [number, number][];
    const shape = x.shape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]);
    const begin = paddings.map(([before]) => before);
    const runs = x.dtype === "float32" ? planSlice(shape, begin, x.shape) : undefined;
    if (!runs || runs.count < LEAST_RUN) return stock!();
    const out = heap.output(shape, "float32");
    const [from, to] = [heap.address(x), heap.address(out)];
    const memory = heap.bytes();
    new Float32Array(memory.buffer, to, util.sizeFromShape(shape)).fill(attrs.constantValue as number);
    const [[n0, s0], [n1, s1], [n2, s2]] = runs.loops;
    const bytes = 4 * runs.count;
    let source = from;
    for (let i = 0; i < n0; i++) {
      for (let j = 0; j < n1; j++) {
        for (let k = 0; k < n2; k++) {
          memory.copyWithin(to + 4 * (runs.first + i * s0 + j * s1 + k * s2), source, source + bytes);
          source += bytes;
        }
      }
    }
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

/** `Identity`: a second name for the same data, where the stock kernel copies it. tfjs tensors are never written to. */
export const identity: WasmKernel = {
  name: "Identity",
  compute: ({ heap, inputs }) => heap.share(inputs.x!),
};

/** `Concat` along any axis; the stock kernel makes a JavaScript call per run, and an image has one run per pixel. */
export const concat: WasmKernel = {
  name: "Concat",
  compute: ({ heap, inputs, attrs, stock }) => {
    const parts = Object.values(inputs) as TensorInfo[];
    const dtype = parts[0]!.dtype;
    const isPlain = parts.every((part) => part.dtype === dtype) && (dtype === "float32" || dtype === "int32");
    if (!isPlain || parts.some(({ shape }) => shape.includes(0))) return stock!();
    const shapes = parts.map(({ shape }) => shape);
    const axis = util.parseAxisParam(attrs.axis as number, shapes[0]!)[0]!;
    backend_util.assertParamsConsistent(shapes, axis);
    const outShape = backend_util.computeOutShape(shapes, axis);
    const out = heap.output(outShape, dtype);
    const rows = util.sizeFromShape(outShape.slice(0, axis));
    const wide = util.sizeFromShape(outShape.slice(axis));
    let to = heap.address(out);
    for (const part of parts) {
      const width = util.sizeFromShape(part.shape.slice(axis));
      heap.kernels.copyRows(heap.address(part), to, width, rows, width, wide);
      to += 4 * width;
    }
    return out;
  },
};

/** `Tile`: repeating is reading with a step of zero. The stock kernel goes element by element. */
export const tile: WasmKernel = {
  name: "Tile",
  compute: ({ heap, inputs, attrs, stock }) => {
    const x = inputs.x!;
    const reps = attrs.reps as number[];
    const plan = planTile(x.shape, reps);
    const outShape = x.shape.map((size, axis) => size * reps[axis]!);
    if (!plan || !(x.dtype === "float32" || x.dtype === "int32") || outShape.includes(0)) return stock!();
    const out = heap.output(outShape, x.dtype);
    if (plan.count === 1 && util.sizeFromShape(x.shape) === 1) {
      const memory = heap.bytes().buffer;
      const [value] = new Int32Array(memory, heap.address(x), 1);
      new Int32Array(memory, heap.address(out), util.sizeFromShape(outShape)).fill(value!);
      return out;
    }
    const [[n0, s0], [n1, s1], [n2, s2]] = plan.loops;
    heap.kernels.copyRuns(heap.address(x), heap.address(out), plan.count, n0, s0, n1, s1, n2, s2);
    return out;
  },
};

/** A tiling as runs; `undefined` when it needs more than three loops over runs. */
function planTile(shape: readonly number[], reps: readonly number[]): Omit<Runs, "first"> | undefined {
  let axis = shape.length;
  let count = 1;
  // The last axes that are not repeated lie side by side in the source and in the result.
  while (axis > 0 && reps[axis - 1] === 1) count *= shape[--axis]!;
  const strides = stridesOf(shape);
  const loops: Loop[] = [];
  for (let outer = 0; outer < axis; outer++) {
    if (reps[outer] !== 1) loops.push([reps[outer]!, 0]);
    if (shape[outer] === 1) continue;
    const before = loops.at(-1);
    const isOneWalk =
      reps[outer] === 1 && before !== undefined && before[1] === strides[outer]! * shape[outer]!;
    if (isOneWalk) loops[loops.length - 1] = [before[0] * shape[outer]!, strides[outer]!];
    else loops.push([shape[outer]!, strides[outer]!]);
  }
  if (loops.length > 3) return undefined;
  while (loops.length < 3) loops.unshift([1, 0]);
  return { count, loops: loops as [Loop, Loop, Loop] };
}
