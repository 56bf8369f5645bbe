import type { WasmHeap } from "./heap.js";
import type { KernelTask } from "./threads/pool.js";
import { splitForThreads } from "./threads/split.js";

/** out = the sum of `count` rows of `width` floats, shared out by columns. */
export function addParts(heap: WasmHeap, rows: number, count: number, width: number, out: number): void {
  const tasks = splitForThreads(width, 1 << 12, heap.threads).map(
    (range): KernelTask => [
      "addRows",
      rows + 4 * range.from,
      count,
      range.count,
      width,
      out + 4 * range.from,
    ],
  );
  heap.run(tasks);
}
