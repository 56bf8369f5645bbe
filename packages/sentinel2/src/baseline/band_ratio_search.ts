import type { BandRatioOptions } from "../index_masks.js";
import { checkLengths } from "../indices.js";
import { checkSearch, iouOf, steps } from "./threshold_search.js";

/** Bands with labels. */
export interface BandRatioSample {
  readonly blue: Float32Array;
  readonly red: Float32Array;
  readonly swir1: Float32Array;
  readonly validMask: Uint8Array;
  /** 1 the class, 0 other, 255 does not count. */
  readonly labels: Uint8Array;
  /** Weight of its IoU, such as the glacier's area. Default 1. */
  readonly weight?: number;
}

/** Thresholds to try. */
export interface BandRatioSearchOptions {
  /** Of red / SWIR. Default 0.5, 0.6, … 5.5. */
  readonly ratios?: readonly number[];
  /** Of the blue reflectance. Default 0, 0.0025, … 0.15. */
  readonly bluesRefl?: readonly number[];
}

/** The thresholds found, for `bandRatioMask`, and what they reach. */
export interface BandRatioScore extends BandRatioOptions {
  /** Weighted mean of the samples' IoU; a sample where neither labels nor mask have the class counts as 1. */
  readonly iou: number;
}

/**
 * The band-ratio baseline: thresholds of `bandRatioMask` by trying every pair against labels for the highest mean IoU, each
 * sample by its weight (DL4GAM's search, its grid as the default); of equal pairs the lowest ratio, then the lowest blue.
 * All glaciers of the training part together give the regional thresholds, a glacier alone its own (an oracle).
 *
 * Each pixel is looked at once: it passes an unbroken run of ratios and of blues, so counts of runs suffice.
 *
 * @throws GlofError `bad-argument` for no samples or thresholds that do not rise; `shape-mismatch`
 */
export function searchBandRatio(
  samples: readonly BandRatioSample[],
  options: BandRatioSearchOptions = {},
): BandRatioScore {
  const { ratios = steps(0.5, 5.5, 0.1), bluesRefl = steps(0, 0.15, 0.0025) } = options;
  checkSearch("searchBandRatio", samples, ratios, bluesRefl);
  const columns = bluesRefl.length;
  const mean = new Float64Array(ratios.length * columns);
  let weights = 0;
  for (const sample of samples) {
    const { weight = 1 } = sample;
    const { hits, falseAlarms, inside } = countPassing(sample, ratios, bluesRefl);
    for (let at = 0; at < mean.length; at++) mean[at]! += weight * iouOf(hits[at]!, inside, falseAlarms[at]!);
    weights += weight;
  }
  let best = 0;
  for (let at = 1; at < mean.length; at++) if (mean[at]! > mean[best]!) best = at;
  return {
    ratio: ratios[Math.floor(best / columns)]!,
    blueRefl: bluesRefl[best % columns]!,
    iou: mean[best]! / weights,
  };
}

/** For each pair of thresholds, how many pixels pass: of the class, and of the rest. */
function countPassing(
  { blue, red, swir1, validMask, labels }: BandRatioSample,
  ratios: readonly number[],
  blues: readonly number[],
): { readonly hits: Float64Array; readonly falseAlarms: Float64Array; readonly inside: number } {
  checkLengths("searchBandRatio", blue, red, swir1, validMask, labels);
  const rows = ratios.length + 1;
  // +1 where a run of ratios begins and -1 behind its end, at the last blue that is passed.
  const runs = [new Float64Array(rows * blues.length), new Float64Array(rows * blues.length)] as const;
  let inside = 0;
  for (let pixel = 0; pixel < validMask.length; pixel++) {
    if (validMask[pixel] === 0 || labels[pixel] === 255) continue;
    const isClass = labels[pixel] === 1;
    if (isClass) inside++;
    const [first, end] = passedRatios(red[pixel]!, swir1[pixel]!, ratios);
    const lastBlue = passedCount(blues, (limit) => blue[pixel]! >= limit) - 1;
    if (first === end || lastBlue < 0) continue;
    const run = runs[isClass ? 1 : 0];
    run[first * blues.length + lastBlue]!++;
    run[end * blues.length + lastBlue]!--;
  }
  return {
    hits: sumUp(runs[1], rows, blues.length),
    falseAlarms: sumUp(runs[0], rows, blues.length),
    inside,
  };
}

/** The run of ratios with `red >= ratio * swir`: from the lowest where SWIR is positive, to the highest where it is negative. */
function passedRatios(red: number, swir: number, ratios: readonly number[]): readonly [number, number] {
  const passes = (ratio: number): boolean => red >= ratio * swir;
  if (swir >= 0) return [0, passedCount(ratios, passes)];
  return [passedCount(ratios, (ratio) => !passes(ratio)), ratios.length];
}

/** How many at the front pass a test that none passes behind the first failure. */
function passedCount(limits: readonly number[], passes: (limit: number) => boolean): number {
  let [low, high] = [0, limits.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (passes(limits[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Sums along ratios from the lowest, and along blues from the highest: the counts of each pair. */
function sumUp(runs: Float64Array, rows: number, columns: number): Float64Array {
  for (let at = columns; at < runs.length; at++) runs[at]! += runs[at - columns]!;
  for (let row = 0; row < rows; row++) {
    for (let column = columns - 2; column >= 0; column--) {
      runs[row * columns + column]! += runs[row * columns + column + 1]!;
    }
  }
  return runs.subarray(0, (rows - 1) * columns);
}
