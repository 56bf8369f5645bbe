/** A stretch of indices. */
export interface Range {
  readonly from: number;
  readonly count: number;
}

/** Parts per thread: several, so that a thread that the system puts aside leaves the others something to do. */
const PARTS_PER_THREAD = 4;

/**
 * Cuts `total` indices into ranges for `threads` threads, of a multiple of `grain` each but the last. One thread gets one
 * range. For kernels whose results do not depend on the cut.
 */
export function splitForThreads(total: number, grain: number, threads: number): Range[] {
  if (total === 0) return [];
  if (threads === 1) return [{ from: 0, count: total }];
  const parts = Math.max(1, Math.min(Math.floor(total / grain), PARTS_PER_THREAD * threads));
  return splitEvery(total, roundUp(total / parts, grain));
}

/**
 * Cuts `total` indices into at most `parts` ranges of at least `grain` each, for sums: the cut depends on the sizes alone,
 * so that the result is the same on any number of threads.
 */
export function splitForSums(total: number, grain: number, parts: number): Range[] {
  return splitEvery(total, Math.max(grain, roundUp(total / parts, grain)));
}

/** Ranges of `size` indices; the last may be shorter. */
function splitEvery(total: number, size: number): Range[] {
  return Array.from({ length: Math.ceil(total / size) }, (_, i) => ({
    from: i * size,
    count: Math.min(size, total - i * size),
  }));
}

function roundUp(value: number, grain: number): number {
  return Math.ceil(value / grain) * grain;
}
