import { availableParallelism } from "node:os";
import type { BackendName } from "@glof/runtime";

/** More jobs than this wait for the memory more than they compute. */
const MOST_JOBS = 4;

/** All jobs together hold no more weights than this, bytes, unless a single one does. */
const MOST_WEIGHT_BYTES = 1e9;

/**
 * Jobs where the user names none: one for a GPU, which is one device, and for `tensorflow`, whose kernels use all cores;
 * else as many as there are processors and as the weights leave room for, at most four. Jobs of one thread each are faster
 * than one job of many threads: none waits for another at the end of each operation, and what goes on beside the model slows
 * down one of them and not all.
 *
 * @param weightBytes of one copy of the model's weights
 */
export function defaultJobs(
  backend: BackendName,
  weightBytes: number,
  processors: number = availableParallelism(),
): number {
  return canShare(backend) ? jobsOnProcessors(weightBytes, processors) : 1;
}

/** `defaultJobs` of whatever computes on the processors. */
export function jobsOnProcessors(weightBytes: number, processors: number = availableParallelism()): number {
  return Math.max(1, Math.min(MOST_JOBS, processors, Math.floor(MOST_WEIGHT_BYTES / weightBytes)));
}

/** Threads of each job: the processors, shared out among the jobs. */
export function threadsPerJob(jobs: number, processors: number = availableParallelism()): number {
  return Math.max(1, Math.floor(processors / jobs));
}

/** Whether several jobs on this backend are faster than one. */
export function canShare(backend: BackendName): boolean {
  return backend === "wasm" || backend === "cpu";
}
