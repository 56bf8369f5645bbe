import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WasmHeap } from "./heap.js";
import type { WasmKernel } from "./override.js";
import type { KernelTask } from "./threads/pool.js";
import { type Range, splitForThreads } from "./threads/split.js";

/** Gates per task: some ten microseconds. */
const GRAIN = 1 << 13;

/** `GlofGatedSilu`: both [M, 2 D] -> silu(left half) * right half, [M, D]. */
export const gatedSilu: WasmKernel = {
  name: "GlofGatedSilu",
  compute: ({ heap, inputs }) => {
    const { rows, width } = rowsOf(inputs.both!);
    const y = heap.output([rows, width], "float32");
    const [from, to] = [heap.address(inputs.both!), heap.address(y)];
    const task = (range: Range): KernelTask => {
      const skip = 4 * range.from * width;
      return ["gatedSilu", from + 2 * skip, to + skip, range.count, width];
    };
    heap.run(rangesOf(heap, rows, width).map(task));
    return y;
  },
};

/** `GlofGatedSiluGrad`: both [M, 2 D], dy [M, D] -> dboth. */
export const gatedSiluGrad: WasmKernel = {
  name: "GlofGatedSiluGrad",
  compute: ({ heap, inputs }) => {
    const { rows, width } = rowsOf(inputs.both!);
    const dBoth = heap.output(inputs.both!.shape, "float32");
    const [from, slopes, to] = [heap.address(inputs.both!), heap.address(inputs.dy!), heap.address(dBoth)];
    const task = (range: Range): KernelTask => {
      const skip = 4 * range.from * width;
      return ["gatedSiluGrad", from + 2 * skip, slopes + skip, to + 2 * skip, range.count, width];
    };
    heap.run(rangesOf(heap, rows, width).map(task));
    return dBoth;
  },
};

function rowsOf({ shape }: TensorInfo): { readonly rows: number; readonly width: number } {
  const wide = shape.at(-1)!;
  return { rows: shape.slice(0, -1).reduce((product, size) => product * size, 1), width: wide / 2 };
}

function rangesOf(heap: WasmHeap, rows: number, width: number): Range[] {
  return splitForThreads(rows, Math.ceil(GRAIN / width), heap.threads);
}
