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
  /** Median with TensorFlow.js's own kernels. */
  readonly stockMs: number;
}

/**
 * Runs a case with glof's kernels and with TensorFlow.js's own, in turn. The first run of each is not counted: it
 * compiles. A stock run of more than two seconds is not repeated.
 */
export async function measureCase(one: BenchCase, repeats: number): Promise<BenchResult> {
  await one.run();
  const ours: number[] = [];
  const stock: number[] = [await timeOf(() => withReferenceKernels(() => one.run()))];
  const repeatStock = stock[0]! < 2000;
  for (let round = 0; round < repeats; round++) {
    ours.push(await timeOf(() => one.run()));
    if (repeatStock) stock.push(await timeOf(() => withReferenceKernels(() => one.run())));
  }
  const counted = repeatStock ? stock.slice(1) : stock;
  const { name, flop } = one;
  return { name, flop, ms: medianOf(ours), minMs: Math.min(...ours), stockMs: medianOf(counted) };
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
