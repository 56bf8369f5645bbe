import { GlofError } from "@glof/core";
import { checkLengths } from "./counts.js";

/** Predictions of similar probability. */
export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean probability; NaN for an empty bin. */
  readonly meanProb: number;
  /** Share that is true; NaN for an empty bin. */
  readonly fraction: number;
}

/** How far probabilities can be taken at their word. */
export interface Reliability {
  readonly bins: readonly ReliabilityBin[];
  /** Expected calibration error: mean over pixels of the gap between probability and share, by bin. */
  readonly ece: number;
  /** Maximum calibration error: the widest gap of a bin. */
  readonly mce: number;
}

/** Options of `reliability`. */
export interface ReliabilityOptions {
  /** Default 15. */
  readonly bins?: number;
  /** Bins of equal width (default), or of equal numbers of pixels. */
  readonly strategy?: "width" | "mass";
}

/**
 * Reliability diagram and calibration errors of a yes/no prediction (Naeini et al. 2015; Guo et al. 2017). Bins are
 * [low, high), the last closed.
 *
 * @param probs in [0, 1]
 * @param truth 0 or 1; other values (255) count nowhere
 * @throws GlofError `shape-mismatch`; `bad-argument` when nothing counts or `bins` is no whole number above 0
 */
export function reliability(
  probs: ArrayLike<number>,
  truth: ArrayLike<number>,
  { bins = 15, strategy = "width" }: ReliabilityOptions = {},
): Reliability {
  checkLengths("reliability", probs, truth);
  if (!Number.isInteger(bins) || bins < 1) {
    throw new GlofError(
      "bad-argument",
      `reliability: expected bins to be a whole number above 0, got ${bins}.`,
    );
  }
  const counted = countedIndices(truth);
  const edges =
    strategy === "width"
      ? evenEdges(bins)
      : massEdges(
          counted.map((index) => probs[index]!),
          bins,
        );
  const sums = edges.slice(1).map(() => ({ count: 0, prob: 0, hits: 0 }));
  for (const index of counted) {
    const sum = sums[binOf(probs[index]!, edges)]!;
    sum.count++;
    sum.prob += probs[index]!;
    sum.hits += truth[index]!;
  }
  const gaps = sums.map(({ count, prob, hits }) => (count === 0 ? 0 : Math.abs(prob - hits) / count));
  return {
    bins: sums.map(({ count, prob, hits }, index) => ({
      low: edges[index]!,
      high: edges[index + 1]!,
      count,
      meanProb: prob / count,
      fraction: hits / count,
    })),
    ece: gaps.reduce((sum, gap, index) => sum + gap * sums[index]!.count, 0) / counted.length,
    mce: Math.max(...gaps),
  };
}

/** Mean squared error of probabilities. Pixels other than 0 and 1 count nowhere; NaN if none is left. */
export function brierScore(probs: ArrayLike<number>, truth: ArrayLike<number>): number {
  checkLengths("brierScore", probs, truth);
  const counted = countedIndices(truth);
  return counted.reduce((sum, index) => sum + (probs[index]! - truth[index]!) ** 2, 0) / counted.length;
}

/**
 * Mean negative log-likelihood of probabilities, kept `epsilon` away from 0 and 1. Pixels other than 0 and 1 count
 * nowhere; NaN if none is left.
 */
export function logLoss(
  probs: ArrayLike<number>,
  truth: ArrayLike<number>,
  { epsilon = 1e-7 }: { readonly epsilon?: number } = {},
): number {
  checkLengths("logLoss", probs, truth);
  const counted = countedIndices(truth);
  const sum = counted.reduce((total, index) => {
    const prob = Math.min(Math.max(probs[index]!, epsilon), 1 - epsilon);
    return total - Math.log(truth[index] === 1 ? prob : 1 - prob);
  }, 0);
  return sum / counted.length;
}

function countedIndices(truth: ArrayLike<number>): number[] {
  const counted: number[] = [];
  for (let index = 0; index < truth.length; index++) {
    if (truth[index] === 0 || truth[index] === 1) counted.push(index);
  }
  return counted;
}

const evenEdges = (bins: number): number[] => Array.from({ length: bins + 1 }, (_, index) => index / bins);

/** Edges between equal numbers of values; edges that fall together are one, so there may be fewer bins. */
function massEdges(values: readonly number[], bins: number): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  const inner = Array.from(
    { length: bins - 1 },
    (_, index) => sorted[Math.floor(((index + 1) * sorted.length) / bins)]!,
  );
  return [...new Set([0, ...inner, 1])].sort((a, b) => a - b);
}

function binOf(value: number, edges: readonly number[]): number {
  let [low, high] = [0, edges.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (value >= edges[middle]!) low = middle;
    else high = middle - 1;
  }
  return low;
}
