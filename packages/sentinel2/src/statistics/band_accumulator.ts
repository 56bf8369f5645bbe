import { GlofError } from "@glof/core";
import { binOf, binValue } from "./value_bins.js";

/** What a `BandAccumulator` holds, as plain JSON. */
export interface BandAccumulatorState {
  readonly bands: readonly string[];
  readonly count: readonly number[];
  readonly mean: readonly number[];
  /** Sum of squared differences from the mean. */
  readonly squares: readonly number[];
  /** Least and greatest value of each raster that was added, per band; none for rasters without a value. */
  readonly minima: readonly (readonly number[])[];
  readonly maxima: readonly (readonly number[])[];
  /** Per band, number of values by bin: [bin, count] by rising bin. */
  readonly bins: readonly (readonly (readonly [bin: number, count: number])[])[];
}

/** Statistics of a band for normalising. */
export interface BandSummary {
  readonly band: string;
  readonly count: number;
  readonly mean: number;
  /** Of the population: the root of the mean squared difference. */
  readonly std: number;
  /** 1 % quantile of the rasters' minima and 99 % quantile of their maxima (linear between ranks), for min-max scaling. */
  readonly vmin: number;
  readonly vmax: number;
}

/** Gathers statistics of bands, raster by raster; parts gathered apart can be merged. */
export interface BandAccumulator {
  readonly bands: readonly string[];
  /**
   * Adds a raster: values of each band, in the bands' order. NaN, infinities and pixels where the mask is not 1 do not count.
   * @throws GlofError `shape-mismatch`
   */
  add(values: readonly ArrayLike<number>[], validMask?: ArrayLike<number>): void;
  /** Adds what another one gathered. @throws GlofError `grid-mismatch` for other bands */
  merge(other: BandAccumulator | BandAccumulatorState): void;
  /** One per band; NaN where no value was seen. */
  summary(): BandSummary[];
  /**
   * The value below which a share of a band's values lies, from a histogram whose bins are 0.2 % of a value wide: right to
   * about 0.1 % of it. The same whatever the order of adding and merging.
   */
  quantile(band: string, share: number): number;
  toJSON(): BandAccumulatorState;
}

/** Numbers of one band. */
interface BandSums {
  count: number;
  mean: number;
  squares: number;
  readonly minima: number[];
  readonly maxima: number[];
  readonly bins: Map<number, number>;
}

/**
 * Gathers mean, standard deviation, range and quantiles of bands over the training rasters, without holding them.
 *
 * A raster's mean and squares are taken in two passes in 64 bits and merged by Chan et al. 1983, so nothing is lost where the
 * mean is large against the spread. Only valid pixels count; DL4GAM divided their sum by all pixels when it filled gaps
 * with "the mean", which is too low, and is not copied. `JSON.stringify` of it, parsed, goes on where it stood.
 *
 * @param start band names, or a state from `toJSON`
 * @throws GlofError `corrupt-file` for a state that is none
 */
export function beginBandStatistics(start: readonly string[] | BandAccumulatorState): BandAccumulator {
  const state = "count" in start ? start : undefined;
  const bands = [...("count" in start ? start.bands : start)];
  const sums = bands.map(
    (): BandSums => ({ count: 0, mean: 0, squares: 0, minima: [], maxima: [], bins: new Map() }),
  );
  const accumulator: BandAccumulator = {
    bands,
    add: (values, validMask) => addRaster(sums, values, validMask),
    merge: (other) => mergeState(bands, sums, "toJSON" in other ? other.toJSON() : other),
    summary: () => bands.map((band, index) => summariseBand(band, sums[index]!)),
    quantile: (band, share) => binQuantile(requireBand(bands, sums, band), share),
    toJSON: () => ({
      bands,
      count: sums.map((sum) => sum.count),
      mean: sums.map((sum) => sum.mean),
      squares: sums.map((sum) => sum.squares),
      minima: sums.map((sum) => [...sum.minima]),
      maxima: sums.map((sum) => [...sum.maxima]),
      bins: sums.map((sum) => [...sum.bins].sort((a, b) => a[0] - b[0])),
    }),
  };
  if (state) accumulator.merge(state);
  return accumulator;
}

function addRaster(
  sums: readonly BandSums[],
  values: readonly ArrayLike<number>[],
  validMask: ArrayLike<number> | undefined,
): void {
  const length = values[0]?.length ?? 0;
  if (
    values.length !== sums.length ||
    [...values, validMask].some((list) => list && list.length !== length)
  ) {
    throw new GlofError(
      "shape-mismatch",
      `BandAccumulator.add: expected ${sums.length} bands and a mask of one length, got ${values.length} of ` +
        `${values.map((list) => list.length).join(", ")} and ${validMask?.length}. Read them from one window.`,
    );
  }
  sums.forEach((sum, band) => {
    addValues(sum, values[band]!, (pixel) => validMask === undefined || validMask[pixel] === 1);
  });
}

function addValues(sum: BandSums, values: ArrayLike<number>, counts: (pixel: number) => boolean): void {
  let [count, total, least, greatest] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let pixel = 0; pixel < values.length; pixel++) {
    const value = values[pixel]!;
    if (!Number.isFinite(value) || !counts(pixel)) continue;
    count++;
    total += value;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
    const bin = binOf(value);
    sum.bins.set(bin, (sum.bins.get(bin) ?? 0) + 1);
  }
  if (count === 0) return;
  const mean = total / count;
  let squares = 0;
  for (let pixel = 0; pixel < values.length; pixel++) {
    const value = values[pixel]!;
    if (Number.isFinite(value) && counts(pixel)) squares += (value - mean) ** 2;
  }
  sum.minima.push(least);
  sum.maxima.push(greatest);
  mergeMoments(sum, count, mean, squares);
}

/** Chan, Golub and LeVeque 1983. */
function mergeMoments(sum: BandSums, count: number, mean: number, squares: number): void {
  if (count === 0) return;
  const all = sum.count + count;
  const difference = mean - sum.mean;
  sum.mean += (difference * count) / all;
  sum.squares += squares + difference * difference * ((sum.count * count) / all);
  sum.count = all;
}

function mergeState(bands: readonly string[], sums: readonly BandSums[], state: BandAccumulatorState): void {
  const lists = [state.count, state.mean, state.squares, state.minima, state.maxima, state.bins];
  if (!lists.every((list) => Array.isArray(list) && list.length === state.bands.length)) {
    throw new GlofError(
      "corrupt-file",
      "beginBandStatistics: expected what toJSON gave, got something else. Gather the statistics again.",
    );
  }
  if (state.bands.join() !== bands.join()) {
    throw new GlofError(
      "grid-mismatch",
      `BandAccumulator.merge: expected the bands ${bands.join(", ")}, got ${state.bands.join(", ")}. Merge like with like.`,
    );
  }
  sums.forEach((sum, band) => {
    mergeMoments(sum, state.count[band]!, state.mean[band]!, state.squares[band]!);
    // One by one: spreading long lists into a call overflows the stack.
    for (const value of state.minima[band]!) sum.minima.push(value);
    for (const value of state.maxima[band]!) sum.maxima.push(value);
    for (const [bin, count] of state.bins[band]!) sum.bins.set(bin, (sum.bins.get(bin) ?? 0) + count);
  });
}

function summariseBand(band: string, { count, mean, squares, minima, maxima }: BandSums): BandSummary {
  if (count === 0) {
    return { band, count, mean: Number.NaN, std: Number.NaN, vmin: Number.NaN, vmax: Number.NaN };
  }
  return {
    band,
    count,
    mean,
    std: Math.sqrt(squares / count),
    vmin: rankQuantile(minima, 0.01),
    vmax: rankQuantile(maxima, 0.99),
  };
}

/** Linear between ranks, as pandas' and NumPy's default. */
function rankQuantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  const rank = share * (sorted.length - 1);
  const below = Math.floor(rank);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (sorted[above]! - sorted[below]!) * (rank - below);
}

function binQuantile({ count, bins }: BandSums, share: number): number {
  if (!(share >= 0 && share <= 1)) {
    throw new GlofError(
      "bad-argument",
      `BandAccumulator.quantile: expected a share from 0 to 1, got ${share}. 0.01 is one percent.`,
    );
  }
  let left = share * (count - 1);
  for (const [bin, inBin] of [...bins].sort((a, b) => a[0] - b[0])) {
    left -= inBin;
    if (left < 0) return binValue(bin);
  }
  return Number.NaN;
}

function requireBand(bands: readonly string[], sums: readonly BandSums[], band: string): BandSums {
  const found = sums[bands.indexOf(band)];
  if (found) return found;
  throw new GlofError(
    "missing-band",
    `BandAccumulator.quantile: expected a band among ${bands.join(", ")}, got ${band}. Name one of them.`,
  );
}
