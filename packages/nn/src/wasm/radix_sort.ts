import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WasmHeap } from "./heap.js";
import type { WasmKernel } from "./override.js";
import type { KernelTask } from "./threads/pool.js";
import type { Range } from "./threads/split.js";

/** Bits of the digits of a key, from the lowest. */
const digitBits = [11, 11, 10] as const;
const mostDigits = 2 ** Math.max(...digitBits);

/** Items of a part at least: counting digits of several parts costs more than a thread saves on fewer. */
const LEAST_PART = 1 << 15;

/** Bytes of an item: a key above, a payload below. */
export const ITEM_BYTES = 8;

/** One part for each thread, each of which has a histogram of its own. The order does not depend on the cut. */
export function sortParts(total: number, threads: number): Range[] {
  const size = Math.max(LEAST_PART, Math.ceil(total / threads));
  return Array.from({ length: Math.ceil(total / size) }, (_, i) => ({
    from: i * size,
    count: Math.min(size, total - i * size),
  }));
}

/** Scratch for sorting: addresses, valid until the heap's next `scratch`. */
export interface SortSpace {
  /** Two lists of items, to move between. */
  readonly items: number;
  readonly spare: number;
  readonly histograms: number;
  /** `extraBytes` of the caller's. */
  readonly extra: number;
}

/** Room for `total` items. */
export function sortSpace(heap: WasmHeap, total: number, extraBytes = 0): SortSpace {
  const [list, counts] = [ITEM_BYTES * total, 4 * mostDigits * heap.threads];
  const items = heap.scratch(2 * list + counts + extraBytes);
  return { items, spare: items + list, histograms: items + 2 * list, extra: items + 2 * list + counts };
}

/**
 * Sorts items by their keys, stable, smallest first.
 *
 * @param parts where the items lie in `space.items`; there may be gaps between parts
 * @returns where the sorted ones lie, one after the other
 */
export function sortItems(heap: WasmHeap, space: SortSpace, parts: readonly Range[]): number {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  let [from, to, shift, lie] = [space.items, space.spare, 0, parts];
  for (const bits of digitBits) {
    const mask = 2 ** bits - 1;
    const histogram = (part: number): number => space.histograms + 4 * (mask + 1) * part;
    const tasks = (kernel: "countDigits" | "moveItems", ...rest: number[]): KernelTask[] =>
      lie.map((part, i) => [
        kernel,
        from + ITEM_BYTES * part.from,
        part.count,
        shift,
        mask,
        histogram(i),
        ...rest,
      ]);
    heap.run(tasks("countDigits"));
    heap.kernels.startDigits(space.histograms, lie.length, mask);
    heap.run(tasks("moveItems", to));
    [from, to, shift, lie] = [to, from, shift + bits, sortParts(total, heap.threads)];
  }
  return from;
}

/** `GlofSortDescending`: x [R, P] -> values [R, P] and indices [R, P]. */
export const sortDescending: WasmKernel = {
  name: "GlofSortDescending",
  compute: ({ heap, inputs }) => {
    const x = inputs.x!;
    const [rows, cols] = x.shape as [number, number];
    const [values, indices] = [heap.output(x.shape, "float32"), heap.output(x.shape, "int32")];
    const space = sortSpace(heap, cols);
    for (let row = 0; row < rows; row++) sortRow(heap, space, { x, values, indices }, row);
    return [values, indices];
  },
};

function sortRow(
  heap: WasmHeap,
  space: SortSpace,
  tensors: Readonly<Record<"x" | "values" | "indices", TensorInfo>>,
  row: number,
): void {
  const cols = tensors.x.shape[1]!;
  const start = (tensor: TensorInfo): number => heap.address(tensor) + 4 * row * cols;
  const [x, values, indices] = [start(tensors.x), start(tensors.values), start(tensors.indices)];
  const parts = sortParts(cols, heap.threads);
  heap.run(parts.map(({ from, count }): KernelTask => ["sortItems", x, from, count, space.items]));
  const sorted = sortItems(heap, space, parts);
  heap.run(
    parts.map(({ from, count }): KernelTask => ["sortedValues", sorted, from, count, x, values, indices]),
  );
}
