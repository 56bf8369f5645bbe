import { performance } from "node:perf_hooks";
import { withReferenceKernels } from "@glof/nn";
import type { BenchCase } from "./bench_cases.js";

/** What one case took, in milliseconds. */
export interface BenchResult {
  readonly name: string;
  readonly flop: number;
  /** Median of the repeats with glof's kernels. */
  readonly ms: number;
  /** The fastest of them. */
  readonly minMs: number;
  /** Repeats that were counted; 1 where a run takes so long that the first is the measurement, compilation included. */
  readonly repeats: number;
  /** Median with TensorFlow.js's own kernels; `null` where there was no time for them. */
  readonly stockMs: number | null;
}

/** How often and how long to measure. */
export interface BenchEffort {
  readonly repeats: number;
  /** About as long as a case may take with glof's kernels, and with the others. Milliseconds. */
  readonly mostMs: number;
}

/**
 * Runs a case with glof's kernels and with TensorFlow.js's own, in turn, as often as there is time for. The first run of each is
 * not counted, for it compiles; one that takes all the time is the measurement, and of stock kernels one of two seconds is.
 */
export async function measureCase(one: BenchCase, { repeats, mostMs }: BenchEffort): Promise<BenchResult> {
  const { name, flop } = one;
  const first = await timeOf(() => one.run());
  if (first > mostMs) return { name, flop, ms: first, minMs: first, repeats: 1, stockMs: null };
  const count = Math.max(1, Math.min(repeats, Math.floor(mostMs / first)));
  const ours: number[] = [];
  const stock: number[] = [await timeOf(() => withReferenceKernels(() => one.run()))];
  const repeatStock = stock[0]! < 2000;
  for (let round = 0; round < count; round++) {
    ours.push(await timeOf(() => one.run()));
    if (repeatStock) stock.push(await timeOf(() => withReferenceKernels(() => one.run())));
  }
  const counted = repeatStock ? stock.slice(1) : stock;
  return {
    name,
    flop,
    ms: medianOf(ours),
    minMs: Math.min(...ours),
    repeats: count,
    stockMs: medianOf(counted),
  };
}

/** The middle value, or the mean of the two in the middle. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

async function timeOf(run: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}
