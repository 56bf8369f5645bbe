import { util } from "@tensorflow/tfjs-core";
import { type Bands, toBands } from "../ops/bands.js";
import type { WasmKernel } from "./override.js";
import type { KernelTask } from "./threads/pool.js";
import { splitForThreads } from "./threads/split.js";

/**
 * `GlofAxisMap`: x of any shape; attrs values (a dense matrix [outSize, inSize] as a Float32Array), outSize, inSize, axis,
 * adjoint -> x with that axis multiplied by the matrix or its transpose. Only the matrix's non-zero stretches count, so a
 * resize or a pooling costs as much as its taps.
 */
export const axisMap: WasmKernel = {
  name: "GlofAxisMap",
  compute: ({ heap, inputs, attrs }) => {
    const x = inputs.x!;
    const { outSize, inSize, axis } = attrs as Record<"outSize" | "inSize" | "axis", number>;
    const adjoint = attrs.adjoint === true;
    const bands = toBands(attrs.values as unknown as Float32Array, outSize, inSize, adjoint);
    const outShape = x.shape.map((size, at) => (at === axis ? bands.firsts.length : size));
    const out = heap.output(outShape, "float32");
    const { firsts, counts, weights } = bands;
    const table = heap.scratch(4 * (firsts.length + counts.length + weights.length));
    const [countsAt, weightsAt] = [table + 4 * firsts.length, table + 8 * firsts.length];
    const memory = heap.bytes().buffer;
    new Int32Array(memory, table, firsts.length).set(firsts);
    new Int32Array(memory, countsAt, counts.length).set(counts);
    new Float32Array(memory, weightsAt, weights.length).set(weights);
    const outer = util.sizeFromShape(x.shape.slice(0, axis));
    const inner = util.sizeFromShape(x.shape.slice(axis + 1));
    const at = { from: heap.address(x), to: heap.address(out), table, countsAt, weightsAt };
    heap.run(planAxis(heap.threads, bands, { outer, inSize: x.shape[axis]!, inner }, at));
    return out;
  },
};

interface AxisSizes {
  readonly outer: number;
  readonly inSize: number;
  readonly inner: number;
}

interface AxisAddresses {
  readonly from: number;
  readonly to: number;
  readonly table: number;
  readonly countsAt: number;
  readonly weightsAt: number;
}

/** Floats of the result per task: some ten microseconds. */
const GRAIN = 1 << 14;

/** Shares the work out along the axes before the mapped one; along that one itself where there are too few of them. */
function planAxis(
  threads: number,
  { firsts, counts }: Bands,
  { outer, inSize, inner }: AxisSizes,
  { from, to, table, countsAt, weightsAt }: AxisAddresses,
): KernelTask[] {
  const outSize = firsts.length;
  if (outer >= 4 * threads) {
    const grain = Math.ceil(GRAIN / Math.max(1, outSize * inner));
    return splitForThreads(outer, grain, threads).map((range): KernelTask => {
      const [x, y] = [from + 4 * range.from * inSize * inner, to + 4 * range.from * outSize * inner];
      return ["mapAxis", x, y, range.count, inSize, outSize, inner, table, countsAt, weightsAt];
    });
  }
  const ranges = splitForThreads(outSize, Math.ceil(GRAIN / Math.max(1, inner)), threads);
  const weightsBefore = ranges.map(({ from: end }) =>
    counts.subarray(0, end).reduce((sum, one) => sum + one, 0),
  );
  return Array.from({ length: outer }, (_, o) =>
    ranges.map((range, i): KernelTask => {
      const [x, y] = [from + 4 * o * inSize * inner, to + 4 * (o * outSize + range.from) * inner];
      const [first, count] = [table + 4 * range.from, countsAt + 4 * range.from];
      return [
        "mapAxis",
        x,
        y,
        1,
        inSize,
        range.count,
        inner,
        first,
        count,
        weightsAt + 4 * weightsBefore[i]!,
      ];
    }),
  ).flat();
}
