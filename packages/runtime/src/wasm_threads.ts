import { importInNode, isNode } from "./environment.js";

/** Beyond this many the kernels wait for memory more than they compute. */
const MOST_THREADS = 8;

/** Threads worth having where the caller names no number: the processors there are, at most eight. */
export async function usefulThreads(): Promise<number> {
  return Math.max(1, Math.min(MOST_THREADS, await processors()));
}

async function processors(): Promise<number> {
  if (!isNode) return globalThis.navigator?.hardwareConcurrency ?? 1;
  const { availableParallelism } = await importInNode<typeof import("node:os")>("node:os");
  return availableParallelism();
}
