import { util } from "@tensorflow/tfjs-core";
import { type Bands, toBands } from "../ops/bands.js";
import type { AxisMap } from "../ops/separable_map.js";
import type { WasmHeap } from "./heap.js";
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
    const table = writeBands(heap, heap.scratch(tableBytes(bands)), bands);
    const outer = util.sizeFromShape(x.shape.slice(0, axis));
    const inner = util.sizeFromShape(x.shape.slice(axis + 1));
    const at = { from: heap.address(x), to: heap.address(out), ...table };
    heap.run(planAxis(heap.threads, bands, { outer, inSize: x.shape[axis]!, inner }, at));
    return out;
  },
};

/**
 * `GlofImageMap`: x [N, H, W, C]; attrs rows and cols (dense matrices), adjoint -> x with both axes multiplied by them, or by their
 * transposes.
 */
export const imageMap: WasmKernel = {
  name: "GlofImageMap",
  compute: ({ heap, inputs, attrs }) => {
    const x = inputs.x!;
    const [batch, inRows, inCols, channels] = x.shape as [number, number, number, number];
    const [rows, cols] = [attrs.rows, attrs.cols].map((map) => {
      const { values, outSize, inSize } = map as unknown as AxisMap;
      return toBands(values, outSize, inSize, attrs.adjoint === true);
    }) as [Bands, Bands];
    const [outRows, outCols] = [rows.firsts.length, cols.firsts.length];
    const out = heap.output([batch, outRows, outCols, channels], "float32");
    const tables = heap.scratch(tableBytes(rows) + tableBytes(cols));
    const row = writeBands(heap, tables, rows);
    const col = writeBands(heap, tables + tableBytes(rows), cols);
    const [from, to] = [heap.address(x), heap.address(out)];
    const ranges = splitForThreads(outRows, Math.ceil(GRAIN / Math.max(1, outCols * channels)), heap.threads);
    const tasks = Array.from({ length: batch }, (_, n) =>
      ranges.map((range): KernelTask => {
        const weights = row.weightsAt + 4 * weightsBefore(rows, range.from);
        const image = from + 4 * n * inRows * inCols * channels;
        const target = to + 4 * (n * outRows + range.from) * outCols * channels;
        const byRow = [row.table + 4 * range.from, row.countsAt + 4 * range.from, weights];
        const byCol = [col.table, col.countsAt, col.weightsAt];
        return ["mapImage", image, target, range.count, inCols, outCols, channels, ...byRow, ...byCol];
      }),
    );
    heap.run(tasks.flat(), { scratchBytes: 4 * inCols * channels });
    return out;
  },
};

/** Where the tables of a matrix lie: its firsts, counts and weights. */
interface BandsAddresses {
  readonly table: number;
  readonly countsAt: number;
  readonly weightsAt: number;
}

const tableBytes = ({ firsts, counts, weights }: Bands): number =>
  4 * (firsts.length + counts.length + weights.length);

function writeBands(heap: WasmHeap, table: number, { firsts, counts, weights }: Bands): BandsAddresses {
  const [countsAt, weightsAt] = [table + 4 * firsts.length, table + 8 * firsts.length];
  const memory = heap.bytes().buffer;
  new Int32Array(memory, table, firsts.length).set(firsts);
  new Int32Array(memory, countsAt, counts.length).set(counts);
  new Float32Array(memory, weightsAt, weights.length).set(weights);
  return { table, countsAt, weightsAt };
}

const weightsBefore = ({ counts }: Bands, row: number): number =>
  counts.subarray(0, row).reduce((sum, one) => sum + one, 0);

interface AxisSizes {
  readonly outer: number;
  readonly inSize: number;
  readonly inner: number;
}

interface AxisAddresses extends BandsAddresses {
  readonly from: number;
  readonly to: number;
}

/** Floats of the result per task: some ten microseconds. */
const GRAIN = 1 << 14;

/** Shares the work out along the axes before the mapped one; along that one itself where there are too few of them. */
function planAxis(
  threads: number,
  bands: Bands,
  { outer, inSize, inner }: AxisSizes,
  { from, to, table, countsAt, weightsAt }: AxisAddresses,
): KernelTask[] {
  const outSize = bands.firsts.length;
  if (outer >= 4 * threads) {
    const grain = Math.ceil(GRAIN / Math.max(1, outSize * inner));
    return splitForThreads(outer, grain, threads).map((range): KernelTask => {
      const [x, y] = [from + 4 * range.from * inSize * inner, to + 4 * range.from * outSize * inner];
      return ["mapAxis", x, y, range.count, inSize, outSize, inner, table, countsAt, weightsAt];
    });
  }
  const ranges = splitForThreads(outSize, Math.ceil(GRAIN / Math.max(1, inner)), threads);
  const before = ranges.map((range) => weightsBefore(bands, range.from));
  return Array.from({ length: outer }, (_, o) =>
    ranges.map((range, i): KernelTask => {
      const [x, y] = [from + 4 * o * inSize * inner, to + 4 * (o * outSize + range.from) * inner];
      const [first, count] = [table + 4 * range.from, countsAt + 4 * range.from];
      return ["mapAxis", x, y, 1, inSize, range.count, inner, first, count, weightsAt + 4 * before[i]!];
    }),
  ).flat();
}
