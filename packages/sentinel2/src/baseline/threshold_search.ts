import { GlofError } from "@glof/core";
import type { IndexMask } from "../index_masks.js";
import { checkLengths } from "../indices.js";
import { otsuThreshold } from "../otsu.js";

/** Where water (or ice) is said to be, over how much of it was right. */
export interface ThresholdScore {
  /** Pixels above the threshold are the class. */
  readonly threshold: number;
  /** Weighted mean of the samples' IoU; a sample where neither labels nor mask have the class counts as 1. */
  readonly iou: number;
}

/** An index with labels. */
export interface IndexSample {
  /** NaN does not count. */
  readonly index: Float32Array;
  /** 1 the class, 0 other, 255 does not count. */
  readonly labels: Uint8Array;
  /** Weight of its IoU, such as the area of its lakes. Default 1. */
  readonly weight?: number;
}

/**
 * The mask of an index: 1 above the threshold, 0 not, 255 where the index is NaN or not valid.
 *
 * @param threshold a number, or `"otsu"` for Otsu's of the image
 * @param options.leastThreshold what Otsu's may not fall below; default 0, since it splits land from land where there is no water
 * @throws GlofError `shape-mismatch`; `no-valid-pixels` for Otsu's threshold of nothing
 */
export function indexMask(
  index: Float32Array,
  threshold: number | "otsu",
  options: { readonly validMask?: Uint8Array; readonly leastThreshold?: number } = {},
): IndexMask {
  const { validMask, leastThreshold = 0 } = options;
  if (validMask) checkLengths("indexMask", index, validMask);
  const limit =
    threshold === "otsu"
      ? Math.max(leastThreshold, otsuThreshold(index, validMask ? { validMask } : {}))
      : threshold;
  const mask = new Uint8Array(index.length);
  for (let pixel = 0; pixel < index.length; pixel++) {
    const value = index[pixel]!;
    const usable = !Number.isNaN(value) && (validMask === undefined || validMask[pixel] === 1);
    mask[pixel] = usable ? (value > limit ? 1 : 0) : 255;
  }
  return { mask, threshold: limit };
}

/**
 * Tries thresholds against labels and gives the one of the highest mean IoU, each sample by its weight; of equal ones the
 * lowest. One sample gives its own best (an oracle), all of a region the regional one. One pass over the pixels.
 *
 * @param thresholds to try; default -1, -0.95, … 1
 * @throws GlofError `bad-argument` for no samples or thresholds that do not rise; `shape-mismatch`
 */
export function searchThreshold(
  samples: readonly IndexSample[],
  thresholds: readonly number[] = steps(-1, 1, 0.05),
): ThresholdScore {
  checkSearch("searchThreshold", samples, thresholds);
  const mean = new Float64Array(thresholds.length);
  let weights = 0;
  for (const { index, labels, weight = 1 } of samples) {
    checkLengths("searchThreshold", index, labels);
    // Pixels by the number of thresholds that they are above.
    const insideAbove = new Float64Array(thresholds.length + 1);
    const outsideAbove = new Float64Array(thresholds.length + 1);
    let inside = 0;
    for (let pixel = 0; pixel < index.length; pixel++) {
      const value = index[pixel]!;
      if (Number.isNaN(value) || labels[pixel] === 255) continue;
      const passed = countBelow(thresholds, value);
      if (labels[pixel] === 1) {
        inside++;
        insideAbove[passed]!++;
      } else outsideAbove[passed]!++;
    }
    let hits = 0;
    let falseAlarms = 0;
    for (let at = thresholds.length - 1; at >= 0; at--) {
      hits += insideAbove[at + 1]!;
      falseAlarms += outsideAbove[at + 1]!;
      mean[at]! += weight * iouOf(hits, inside, falseAlarms);
    }
    weights += weight;
  }
  const best = mean.indexOf(Math.max(...mean));
  return { threshold: thresholds[best]!, iou: mean[best]! / weights };
}

/** Intersection over union; 1 where there is nothing on either side. */
export const iouOf = (hits: number, inside: number, falseAlarms: number): number =>
  inside + falseAlarms === 0 ? 1 : hits / (inside + falseAlarms);

/** `from`, `from + step`, … up to `to`, without sums of rounding errors. */
export const steps = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.round((to - from) / step) + 1 }, (_, index) =>
    Number((from + index * step).toPrecision(12)),
  );

/** How many of these rising numbers are below a value. */
function countBelow(thresholds: readonly number[], value: number): number {
  let [low, high] = [0, thresholds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (thresholds[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @throws GlofError `bad-argument` */
export function checkSearch(
  where: string,
  samples: readonly unknown[],
  ...grids: (readonly number[])[]
): void {
  const rises = (grid: readonly number[]): boolean =>
    grid.length > 0 &&
    grid.every((value, at) => Number.isFinite(value) && (at === 0 || value > grid[at - 1]!));
  if (samples.length > 0 && grids.every(rises)) return;
  throw new GlofError(
    "bad-argument",
    `${where}: expected at least one sample and rising thresholds, got ${samples.length} and ` +
      `${grids.map((grid) => `[${grid.slice(0, 4).join(", ")}…]`).join(", ")}. Correct the call.`,
  );
}
