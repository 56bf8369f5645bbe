/** What repeated measurements of one thing say. Milliseconds, or whatever unit went in. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** First and third quartile: half of the measurements lie between them. */
  readonly quartiles: readonly [first: number, third: number];
  readonly repeats: number;
}

/**
 * Median, least, greatest and quartiles (linear between neighbours, as numpy's default).
 *
 * @param values at least one
 * @throws RangeError for none: a summary of nothing would hide a measurement that never ran
 */
export function summarize(values: readonly number[]): Summary {
  if (values.length === 0)
    throw new RangeError("summarize: expected at least one value, got none. Measure first.");
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    min: sorted[0]!,
    max: sorted.at(-1)!,
    quartiles: [quantile(sorted, 0.25), quantile(sorted, 0.75)],
    repeats: sorted.length,
  };
}

/** Quantile of values in ascending order, linear between neighbours. */
export function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share;
  const below = Math.floor(place);
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return low + (high - low) * (place - below);
}

/** Greatest |a - b|; Infinity where one is not finite and the other is, or the lengths differ. */
export function maxAbsDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (difference > worst) worst = difference;
    else if (Number.isNaN(difference) && !Object.is(a[i], b[i])) return Number.POSITIVE_INFINITY;
  }
  return worst;
}

/** Greatest |value|. */
export function maxAbs(values: Float32Array): number {
  let worst = 0;
  for (const value of values) worst = Math.max(worst, Math.abs(value));
  return worst;
}
