import { type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { WasmHeap } from "./heap.js";
import type { WasmKernel } from "./override.js";
import type { KernelTask } from "./threads/pool.js";
import { splitForThreads } from "./threads/split.js";

/**
 * `Add`, `Sub`, `Multiply` and `Maximum` of float32 tensors where the second one has the first's shape, is one row of it (a bias, a
 * factor per channel) or one number; all but `Sub` also the other way round. The stock kernels find the place of every
 * broadcast element anew, and the stock `Maximum` loses a NaN that comes second. Other shapes go to them.
 */
export const elementwiseKernels: readonly WasmKernel[] = [
  combining("Add", 0, true),
  combining("Sub", 1, false),
  combining("Multiply", 2, true),
  combining("Maximum", 3, true),
];

function combining(name: string, operation: number, isCommutative: boolean): WasmKernel {
  return {
    name,
    compute: ({ heap, inputs, stock }) => {
      const [a, b] = [inputs.a!, inputs.b!];
      const plan = planOf(a, b) ?? (isCommutative ? planOf(b, a) : undefined);
      if (!plan || a.dtype !== "float32" || b.dtype !== "float32") return stock!();
      const out = heap.output(plan.large.shape, "float32");
      heap.run(tasksOf(heap, plan, out, operation));
      return out;
    },
  };
}

/** A large tensor as rows, and what each row is combined with. */
interface Plan {
  readonly large: TensorInfo;
  readonly small: TensorInfo;
  readonly rows: number;
  readonly width: number;
  /** 0 where the small one is a single number. */
  readonly step: 0 | 1;
}

/** `undefined` where `small` is no row of `large`. */
function planOf(large: TensorInfo, small: TensorInfo): Plan | undefined {
  const size = util.sizeFromShape(large.shape);
  const width = util.sizeFromShape(small.shape);
  if (size === 0 || small.shape.length > large.shape.length) return undefined;
  if (width === 1) return { large, small, rows: 1, width: size, step: 0 };
  const lead = small.shape.findIndex((extent) => extent !== 1);
  const tail = small.shape.slice(lead);
  const isRow = tail.every((extent, i) => extent === large.shape[large.shape.length - tail.length + i]);
  if (!isRow) return undefined;
  return { large, small, rows: size / width, width, step: 1 };
}

/** Floats per task: some ten microseconds. */
const GRAIN = 1 << 15;

function tasksOf(
  heap: WasmHeap,
  { large, small, rows, width, step }: Plan,
  out: TensorInfo,
  operation: number,
): KernelTask[] {
  const [a, b, y] = [large, small, out].map((one) => heap.address(one)) as [number, number, number];
  if (rows > 1) {
    return splitForThreads(rows, Math.ceil(GRAIN / width), heap.threads).map(
      ({ from, count }): KernelTask => {
        const skip = 4 * from * width;
        return ["combine", a + skip, b, y + skip, count, width, step, operation];
      },
    );
  }
  return splitForThreads(width, GRAIN, heap.threads).map(
    ({ from, count }): KernelTask => [
      "combine",
      a + 4 * from,
      b + 4 * from * step,
      y + 4 * from,
      1,
      count,
      step,
      operation,
    ],
  );
}
