import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WasmHeap } from "./heap.js";
import type { KernelTask } from "./threads/pool.js";
import { splitForSums, splitForThreads } from "./threads/split.js";

/** Rows of channels within a tensor: an image, or a whole batch. */
export interface Rows {
  /** Address of the first number. */
  readonly at: number;
  readonly rows: number;
  readonly channels: number;
}

/** Per channel, in double precision. */
export interface ChannelSums {
  readonly first: Float64Array;
  readonly second: Float64Array;
}

/** What each channel is normalised with, addresses of rows of floats: (x - means) factors + shifts, then perhaps ReLU. */
export interface Channels {
  readonly means: number;
  readonly factors: number;
  readonly shifts: number;
  readonly relu: boolean;
}

/** Floats that are summed apart at least, and parts at most. */
const SUM_GRAIN = 1 << 15;
const SUM_PARTS = 16;
/** Floats of a task that sums nothing. */
const GRAIN = 1 << 14;

/** Sums of x, and of the squares about its mean, of each stack of rows. */
export function momentsOf(heap: WasmHeap, stacks: readonly Rows[]): ChannelSums[] {
  const totals = sumParts(heap, stacks, (_, at, part) => ["moments", at, part.rows, part.channels]);
  return totals.map((parts) => parts.reduce(joinMoments));
}

interface PartSums extends ChannelSums {
  readonly count: number;
}

/** As in the kernel: the squares of two parts, n and m numbers, add up with n m / (n + m) (difference of their means)^2. */
function joinMoments(a: PartSums, b: PartSums): PartSums {
  const count = a.count + b.count;
  const weight = (a.count * b.count) / count;
  const second = a.second.map((square, c) => {
    const apart = b.first[c]! / b.count - a.first[c]! / a.count;
    return square + b.second[c]! + weight * apart * apart;
  });
  return { first: a.first.map((sum, c) => sum + b.first[c]!), second, count };
}

/** Sums of d (x - means) and of d, the slopes that pass ReLU, of each stack; `slopes` are as many addresses of dy. */
export function slopeSumsOf(
  heap: WasmHeap,
  stacks: readonly Rows[],
  slopes: readonly number[],
  channels: readonly Channels[],
): ChannelSums[] {
  const totals = sumParts(heap, stacks, (stack, at, part) => {
    const dy = slopes[stack]! + at - stacks[stack]!.at;
    return ["slopeSums", at, dy, part.rows, part.channels, ...argumentsOf(channels[stack]!)];
  });
  return totals.map((parts) =>
    parts.reduce((a, b) => ({
      first: a.first.map((sum, c) => sum + b.first[c]!),
      second: a.second.map((sum, c) => sum + b.second[c]!),
      count: a.count + b.count,
    })),
  );
}

const argumentsOf = ({ means, factors, shifts, relu }: Channels): number[] => [
  means,
  factors,
  shifts,
  relu ? 1 : 0,
];

/** Runs a kernel that gives doubles [2, channels] on parts of each stack, cut by sizes alone. */
function sumParts(
  heap: WasmHeap,
  stacks: readonly Rows[],
  task: (stack: number, at: number, part: Rows) => KernelTask,
): PartSums[][] {
  const [{ rows, channels }] = stacks as [Rows];
  const parts = splitForSums(rows, Math.ceil(SUM_GRAIN / channels), SUM_PARTS);
  const results = heap.scratch(16 * channels * parts.length * stacks.length);
  const resultOf = (stack: number, part: number): number =>
    results + 16 * channels * (stack * parts.length + part);
  const tasks = stacks.flatMap((stack, s) =>
    parts.map(({ from, count }, p): KernelTask => {
      const at = stack.at + 4 * from * channels;
      return [...task(s, at, { at, rows: count, channels }), resultOf(s, p)];
    }),
  );
  heap.run(tasks, { scratchBytes: heap.kernels.channelSumsScratchBytes(channels) });
  const { buffer } = heap.bytes();
  return stacks.map((_, s) =>
    parts.map(({ count }, p) => ({
      first: new Float64Array(buffer, resultOf(s, p), channels).slice(),
      second: new Float64Array(buffer, resultOf(s, p) + 8 * channels, channels).slice(),
      count,
    })),
  );
}

/** y of each stack, at as many addresses. */
export function normaliseRows(
  heap: WasmHeap,
  stacks: readonly Rows[],
  results: readonly number[],
  channels: readonly Channels[],
): void {
  forParts(heap, stacks, (s, skip, part) => [
    "normalise",
    part.at,
    results[s]! + skip,
    part.rows,
    part.channels,
    ...argumentsOf(channels[s]!),
  ]);
}

/** What dx takes beside d factors: (x - means) along + level, addresses of rows of floats. */
export interface Terms {
  readonly along: number;
  readonly level: number;
}

/** dx of each stack. */
export function pullBackRows(
  heap: WasmHeap,
  stacks: readonly Rows[],
  { slopes, results }: { readonly slopes: readonly number[]; readonly results: readonly number[] },
  channels: readonly Channels[],
  terms: readonly Terms[],
): void {
  forParts(heap, stacks, (s, skip, part) => {
    const { means, factors, shifts, relu } = channels[s]!;
    const { along, level } = terms[s]!;
    const [dy, dx] = [slopes[s]! + skip, results[s]! + skip];
    const ends = [means, factors, shifts, along, level, relu ? 1 : 0];
    return ["pullBackNormalise", part.at, dy, dx, part.rows, part.channels, ...ends];
  });
}

function forParts(
  heap: WasmHeap,
  stacks: readonly Rows[],
  task: (stack: number, skip: number, part: Rows) => KernelTask,
): void {
  const tasks = stacks.flatMap(({ at, rows, channels }, s) => {
    const grain = Math.ceil(GRAIN / channels);
    return splitForThreads(rows, grain, heap.threads).map(({ from, count }): KernelTask => {
      const skip = 4 * from * channels;
      return task(s, skip, { at: at + skip, rows: count, channels });
    });
  });
  heap.run(tasks);
}

/** Runs `use` with rows of numbers, all of one width, in the heap: with their addresses, which end with it. */
export function withRows<T>(
  heap: WasmHeap,
  rows: readonly ArrayLike<number>[],
  use: (addresses: readonly number[]) => T,
): T {
  const [{ length: width }] = rows as [ArrayLike<number>];
  const placed = heap.output([rows.length, width], "float32");
  const at = heap.address(placed);
  const floats = new Float32Array(heap.bytes().buffer, at, rows.length * width);
  for (const [i, row] of rows.entries()) floats.set(row, i * width);
  const result = use(rows.map((_, i) => at + 4 * i * width));
  heap.release(placed);
  return result;
}

/** A copy of a tensor's floats. */
export function floatsOf(heap: WasmHeap, tensor: TensorInfo): Float32Array {
  const size = tensor.shape.reduce((product, extent) => product * extent, 1);
  return new Float32Array(heap.bytes().buffer, heap.address(tensor), size).slice();
}

/** A new tensor [C]. */
export function rowTensor(heap: WasmHeap, values: ArrayLike<number>): TensorInfo {
  const tensor = heap.output([values.length], "float32");
  new Float32Array(heap.bytes().buffer, heap.address(tensor), values.length).set(values);
  return tensor;
}
