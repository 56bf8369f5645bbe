import type { LovaszOptions } from "../ops/lovasz_types.js";
import type { WasmHeap } from "./heap.js";
import type { WasmKernel } from "./override.js";
import { ITEM_BYTES, type SortSpace, sortItems, sortParts, sortSpace } from "./radix_sort.js";
import type { KernelTask } from "./threads/pool.js";
import { type Range, splitForSums } from "./threads/split.js";

/** Items that are added up apart at least, and parts at most. */
const [SUM_GRAIN, SUM_PARTS] = [1 << 15, 16];

/** `GlofLovasz`: scores and labels [R, P] -> value [R] and derivative [R, P]. Only pixels with an error are sorted. */
export const lovasz: WasmKernel = {
  name: "GlofLovasz",
  compute: ({ heap, inputs, attrs }) => {
    const [scores, labels] = [inputs.scores!, inputs.labels!];
    const [rows, pixels] = scores.shape as [number, number];
    const value = heap.output([rows], "float32");
    const derivative = heap.output([rows, pixels], "float32");
    const space = sortSpace(heap, pixels, ITEM_BYTES * Math.max(SUM_PARTS, heap.threads));
    const [x, y, slopes] = [scores, labels, derivative].map((one) => heap.address(one)) as [
      number,
      number,
      number,
    ];
    const values = Array.from({ length: rows }, (_, row) => {
      const skip = 4 * row * pixels;
      const places: Row = { scores: x + skip, labels: y + skip, derivative: slopes + skip, pixels };
      return lovaszRow(heap, space, places, attrs as unknown as LovaszOptions);
    });
    new Float32Array(heap.bytes().buffer, heap.address(value), rows).set(values);
    return [value, derivative];
  },
};

/** Addresses of a row. */
interface Row {
  readonly scores: number;
  readonly labels: number;
  readonly derivative: number;
  readonly pixels: number;
}

function lovaszRow(heap: WasmHeap, space: SortSpace, row: Row, options: LovaszOptions): number {
  const { form, ignore, scale } = options;
  const isHinge = form === "hinge" ? 1 : 0;
  const parts = sortParts(row.pixels, heap.threads);
  const rowPlaces = [row.scores, row.labels, row.derivative];
  const flags = [isHinge, ignore === null ? 0 : 1, ignore ?? 0];
  heap.run(
    parts.map(({ from, count }, i): KernelTask => {
      return ["lovaszItems", ...rowPlaces, from, count, ...flags, space.items, space.extra + 8 * i];
    }),
  );
  const counts = readWords(heap, space.extra, 2 * parts.length);
  const wrong = parts.map(({ from }, i): Range => ({ from, count: counts[2 * i]! }));
  const positives = parts.reduce((sum, _, i) => sum + counts[2 * i + 1]!, 0);
  const sorted = sortItems(heap, space, wrong);
  const total = wrong.reduce((sum, { count }) => sum + count, 0);
  return addSlopes(heap, splitForSums(total, SUM_GRAIN, SUM_PARTS), {
    sorted,
    sums: space.extra,
    rest: [positives, isHinge, scale, row.derivative],
  });
}

interface Slopes {
  readonly sorted: number;
  /** Room for 8 bytes per part. */
  readonly sums: number;
  /** Arguments of `lovaszSlopes` that are the same for all parts. */
  readonly rest: readonly number[];
}

/** Writes the slopes; gives the value of the row. The parts are the same on any number of threads, and so is the sum. */
function addSlopes(heap: WasmHeap, parts: readonly Range[], { sorted, sums, rest }: Slopes): number {
  const place = ({ from }: Range): number => sorted + ITEM_BYTES * from;
  if (parts.length > 1) {
    heap.run(parts.map((part, i): KernelTask => ["countTruths", place(part), part.count, sums + 4 * i]));
  }
  const truths = readWords(heap, sums, parts.length);
  let seen = 0;
  const tasks = parts.map((part, i): KernelTask => {
    const before = seen;
    seen += truths[i]!;
    return ["lovaszSlopes", place(part), part.count, part.from, before, ...rest, sums + 8 * i];
  });
  heap.run(tasks);
  const totals = new Float64Array(heap.bytes().buffer, sums, parts.length);
  return totals.reduce((sum, one) => sum + one, 0);
}

/** Counts that kernels have written, copied. */
function readWords(heap: WasmHeap, address: number, count: number): Uint32Array {
  return new Uint32Array(heap.bytes().buffer, address, count).slice();
}
