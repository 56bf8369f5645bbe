import { availableParallelism } from "node:os";
import type { BackendName } from "@glof/runtime";

/** More threads than this wait for the memory more than they compute. */
const MOST_JOBS = 4;

/**
 * Jobs where the user names none: one for a GPU, which is one device, and for `tensorflow`, whose kernels use all cores;
 * else half of the logical processors, which is about the number of cores, at most four.
 */
export function defaultJobs(backend: BackendName, processors: number = availableParallelism()): number {
  if (!canShare(backend)) return 1;
  return Math.min(MOST_JOBS, Math.max(1, Math.floor(processors / 2)));
}

/** Whether several processes on this backend are faster than one. */
export function canShare(backend: BackendName): boolean {
  return backend === "wasm" || backend === "cpu";
}
