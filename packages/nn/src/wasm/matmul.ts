import { broadcast_util, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { type Epilogue, planEpilogue } from "./activation.js";
import type { WasmHeap } from "./heap.js";
import type { KernelCall, WasmKernel } from "./override.js";
import type { KernelTask } from "./threads/pool.js";
import { type Range, splitForThreads } from "./threads/split.js";

const noEpilogue: Epilogue = { bias: undefined, activation: 0, after: (product) => product };

/** `BatchMatMul`: [..., M, K] x [..., K, N] -> [..., M, N], either operand transposed, batch axes broadcast. */
export const batchMatMul: WasmKernel = {
  name: "BatchMatMul",
  compute: (call) => matMul(call, () => noEpilogue),
};

/**
 * `_FusedMatMul`: the same with bias and activation. The stock kernel is wrong where a bias meets a batch or a
 * transposed operand.
 */
export const fusedMatMul: WasmKernel = {
  name: "_FusedMatMul",
  compute: (call) => matMul(call, (columns) => planEpilogue(call, columns)),
};

function matMul(call: KernelCall, plan: (columns: number) => Epilogue): TensorInfo {
  const { heap, attrs, stock } = call;
  const a = call.inputs.a!;
  const b = call.inputs.b!;
  if (stock && (a.dtype !== "float32" || b.dtype !== "float32")) return stock();
  const left = operand(a, attrs.transposeA === true, "left");
  const right = operand(b, attrs.transposeB === true, "right");
  const outer = broadcast_util.assertAndGetBroadcastShape([...left.outer], [...right.outer]);
  const epilogue = plan(right.size);
  const out = heap.output([...outer, left.size, right.size], "float32");
  multiply(heap, out, left, right, outer, epilogue);
  return epilogue.after(out);
}

/** One factor: its matrices' extent outside the contraction, their depth, and the strides of both axes. */
interface Operand {
  readonly tensor: TensorInfo;
  readonly outer: readonly number[];
  readonly size: number;
  readonly depth: number;
  readonly sizeStride: number;
  readonly depthStride: number;
}

function operand(tensor: TensorInfo, transposed: boolean, side: "left" | "right"): Operand {
  const rows = tensor.shape.at(-2)!;
  const columns = tensor.shape.at(-1)!;
  // The contraction runs over the columns of a left factor and over the rows of a right one.
  const alongColumns = (side === "left") !== transposed;
  return {
    tensor,
    outer: tensor.shape.slice(0, -2),
    size: alongColumns ? rows : columns,
    depth: alongColumns ? columns : rows,
    sizeStride: alongColumns ? columns : 1,
    depthStride: alongColumns ? 1 : columns,
  };
}

/** What follows a product; each part may be missing. */
export interface ProductEnd {
  /** [columns] */
  readonly bias?: TensorInfo | undefined;
  /** A code of `KernelExports`. */
  readonly activation?: number;
  /** [columns]: a factor for each column. */
  readonly gamma?: TensorInfo | undefined;
  /** Added to the result; of its shape. */
  readonly residual?: TensorInfo | undefined;
}

function multiply(
  heap: WasmHeap,
  out: TensorInfo,
  left: Operand,
  right: Operand,
  outer: readonly number[],
  end: ProductEnd,
): void {
  const batch = util.sizeFromShape([...outer]);
  if (batch * left.size * right.size === 0) return;
  if (left.depth === 0) {
    finishZeros(heap, out, batch * left.size, right.size, end);
    return;
  }
  // Rows of a batch that shares one right factor follow each other in memory: one tall product.
  const isTall = util.sizeFromShape([...right.outer]) === 1 && left.depthStride === 1;
  if (isTall || batch === 1) {
    const tall = isTall ? { ...left, size: batch * left.size } : left;
    multiplyTogether(heap, heap.address(out), tall, right, end);
    return;
  }
  multiplyBatch(heap, out, left, right, outer, end);
}

/** A sum over nothing is zero; the rest of the work remains. */
function finishZeros(
  heap: WasmHeap,
  out: TensorInfo,
  rows: number,
  columns: number,
  { bias, activation = 0, gamma, residual }: ProductEnd,
): void {
  const c = heap.address(out);
  heap.bytes().fill(0, c, c + 4 * rows * columns);
  const [b, g, r] = [bias, gamma, residual].map((part) => (part ? heap.address(part) : 0));
  heap.kernels.finish(c, columns, rows, columns, b!, activation, g!, r!);
}

/** Floats of a packed right factor that are held at once: 32 MiB. Wider ones are multiplied a few columns at a time. */
const MOST_PACKED = 1 << 23;
/** Columns and rows per task: multiples of the kernel's tile, enough of them that packing the left factor costs little. */
const COLUMN_GRAIN = 256;
const ROW_GRAIN = 96;
/** Floats of a packed right factor from which on several threads pack it. */
const PACK_TOGETHER = 1 << 16;

/** One product, its rows and columns shared out to the threads: the right factor is packed once, then all multiply. */
function multiplyTogether(
  heap: WasmHeap,
  out: number,
  left: Operand,
  right: Operand,
  { bias, activation = 0, gamma, residual }: ProductEnd,
): void {
  const [a, b] = [heap.address(left.tensor), heap.address(right.tensor)];
  const [biasAt, gammaAt, residualAt] = [bias, gamma, residual].map((one) => (one ? heap.address(one) : 0));
  const at = (address: number, index: number) => (address === 0 ? 0 : address + 4 * index);
  const depth = left.depth;
  const widest = Math.max(8, Math.floor(MOST_PACKED / depth / 8) * 8);
  for (let first = 0; first < right.size; first += widest) {
    const columns = Math.min(widest, right.size - first);
    const packed = packRight(heap, b + 4 * first * right.sizeStride, right, columns);
    const tasks = planProduct(left.size, columns, heap.threads).map(({ rows, columns: part }): KernelTask => {
      const column = first + part.from;
      const corner = rows.from * right.size + column;
      return [
        "gemmPacked",
        rows.count,
        part.count,
        depth,
        a + 4 * rows.from * left.sizeStride,
        left.sizeStride,
        left.depthStride,
        packed,
        Math.ceil(columns / 8) * 8,
        part.from,
        out + 4 * corner,
        right.size,
        at(biasAt!, column),
        activation,
        at(gammaAt!, column),
        at(residualAt!, corner),
      ];
    });
    heap.run(tasks, { scratchBytes: heap.kernels.gemmPackedScratchBytes() });
  }
}

/** Packs some columns of a right factor from address `b` on; the address of the packed form. */
function packRight(
  heap: WasmHeap,
  b: number,
  { depth, depthStride, sizeStride }: Operand,
  columns: number,
): number {
  return packRightFactor(heap, { address: b, depth, columns, depthStride, columnStride: sizeStride });
}

/** A right factor in memory; strides in floats. */
export interface RightFactor {
  readonly address: number;
  readonly depth: number;
  readonly columns: number;
  readonly depthStride: number;
  readonly columnStride: number;
}

/** Packs a right factor into the heap's scratch, from `offset` bytes on; the address of the packed form. */
export function packRightFactor(heap: WasmHeap, factor: RightFactor, offset = 0): number {
  const { address, depth, columns, depthStride, columnStride } = factor;
  const floats = depth * Math.ceil(columns / 8) * 8;
  const packed = heap.scratch(offset + 4 * floats) + offset;
  const threads = floats < PACK_TOGETHER ? 1 : heap.threads;
  const tasks = splitForThreads(columns, 8, threads).map(
    ({ from, count }): KernelTask => [
      "packRight",
      address,
      depthStride,
      columnStride,
      depth,
      columns,
      from,
      from + count,
      packed,
    ],
  );
  heap.run(tasks);
  return packed;
}

/** Cuts a product into tasks: rows first, and columns where there are too few rows for all threads. */
function planProduct(rows: number, columns: number, threads: number): { rows: Range; columns: Range }[] {
  const rowRanges = splitForThreads(rows, ROW_GRAIN, threads);
  const isEnough = rowRanges.length >= 2 * threads;
  const columnRanges = splitForThreads(columns, COLUMN_GRAIN, isEnough ? 1 : threads);
  return rowRanges.flatMap((part) => columnRanges.map((other) => ({ rows: part, columns: other })));
}

/** Many products of their own, shared out one by one. */
function multiplyBatch(
  heap: WasmHeap,
  out: TensorInfo,
  left: Operand,
  right: Operand,
  outer: readonly number[],
  { bias, activation = 0 }: ProductEnd,
): void {
  const [a, b, c] = [left.tensor, right.tensor, out].map((one) => heap.address(one)) as [
    number,
    number,
    number,
  ];
  const biasAt = bias ? heap.address(bias) : 0;
  const bBlocks = blockIndices(right.outer, outer);
  const tasks = blockIndices(left.outer, outer).map(
    (block, i): KernelTask => [
      "gemm",
      left.size,
      right.size,
      left.depth,
      a + 4 * block * left.size * left.depth,
      left.sizeStride,
      left.depthStride,
      b + 4 * bBlocks[i]! * right.size * right.depth,
      right.depthStride,
      right.sizeStride,
      c + 4 * i * left.size * right.size,
      right.size,
      0,
      biasAt,
      activation,
    ],
  );
  heap.run(tasks, { scratchBytes: heap.kernels.gemmScratchBytes(right.size) });
}

/** A product of x [M, in] and w [in, out] with all that follows it -> [M, out]. */
export function multiplyFused(heap: WasmHeap, x: TensorInfo, w: TensorInfo, end: ProductEnd): TensorInfo {
  const left = operand(x, false, "left");
  const right = operand(w, false, "right");
  const out = heap.output([left.size, right.size], "float32");
  multiply(heap, out, left, right, [], end);
  return out;
}

/** For each matrix of the broadcast batch `outer`, in order, the index of the operand's matrix it uses. */
export function blockIndices(own: readonly number[], outer: readonly number[]): number[] {
  let indices = [0];
  for (let axis = 0; axis < outer.length; axis++) {
    const size = own[axis - (outer.length - own.length)] ?? 1;
    const step = size === 1 ? 0 : 1;
    indices = indices.flatMap((base) =>
      Array.from({ length: outer[axis]! }, (_, i) => base * size + step * i),
    );
  }
  return indices;
}
