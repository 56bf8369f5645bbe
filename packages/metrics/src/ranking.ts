import { GlofError } from "@glof/core";
import { checkLengths } from "./counts.js";

/** Precision and recall at each threshold. */
export interface PrecisionRecallCurve {
  /** Distinct scores, ascending: "at least this" is positive. */
  readonly thresholds: Float64Array;
  /** At each threshold, and a final 1. */
  readonly precision: Float64Array;
  /** At each threshold, and a final 0. */
  readonly recall: Float64Array;
}

/** False and true positive rate at each threshold. */
export interface RocCurve {
  /** Infinity, and then distinct scores, descending. */
  readonly thresholds: Float64Array;
  readonly falsePositiveRate: Float64Array;
  readonly truePositiveRate: Float64Array;
}

interface Steps {
  /** Distinct scores, descending. */
  readonly thresholds: number[];
  /** True positives with a score of at least the threshold. */
  readonly tp: number[];
  readonly fp: number[];
}

/**
 * Precision against recall, as `sklearn.metrics.precision_recall_curve`. Without a positive, recall is 1 throughout.
 *
 * @param scores higher means more likely positive
 * @param truth 0 or 1; other values (255) count nowhere
 * @throws GlofError `shape-mismatch`; `bad-argument` when nothing counts
 */
export function precisionRecallCurve(
  scores: ArrayLike<number>,
  truth: ArrayLike<number>,
): PrecisionRecallCurve {
  const { thresholds, tp, fp } = cumulate("precisionRecallCurve", scores, truth);
  const positives = tp.at(-1)!;
  const precision = tp.map((hits, index) => hits / (hits + fp[index]!));
  const recall = tp.map((hits) => (positives === 0 ? 1 : hits / positives));
  return {
    thresholds: Float64Array.from(thresholds.reverse()),
    precision: Float64Array.from([...precision.reverse(), 1]),
    recall: Float64Array.from([...recall.reverse(), 0]),
  };
}

/**
 * Average precision: sum of precision times growth of recall, a step sum and no trapezoid.
 *
 * @throws as `precisionRecallCurve`
 */
export function averagePrecision(scores: ArrayLike<number>, truth: ArrayLike<number>): number {
  const { precision, recall } = precisionRecallCurve(scores, truth);
  let sum = 0;
  for (let index = 0; index + 1 < recall.length; index++) {
    sum += (recall[index]! - recall[index + 1]!) * precision[index]!;
  }
  return sum;
}

/**
 * Receiver operating characteristic, as `sklearn.metrics.roc_curve` without dropping points. A rate without its kind of
 * truth is NaN.
 *
 * @throws as `precisionRecallCurve`
 */
export function rocCurve(scores: ArrayLike<number>, truth: ArrayLike<number>): RocCurve {
  const { thresholds, tp, fp } = cumulate("rocCurve", scores, truth);
  const [positives, negatives] = [tp.at(-1)!, fp.at(-1)!];
  return {
    thresholds: Float64Array.from([Number.POSITIVE_INFINITY, ...thresholds]),
    falsePositiveRate: Float64Array.from([0, ...fp], (count) => count / negatives),
    truePositiveRate: Float64Array.from([0, ...tp], (count) => count / positives),
  };
}

/**
 * Area under the ROC curve: the chance that a positive scores above a negative, ties counting half. NaN if either is
 * absent.
 *
 * @throws as `precisionRecallCurve`
 */
export function rocAuc(scores: ArrayLike<number>, truth: ArrayLike<number>): number {
  const { falsePositiveRate: x, truePositiveRate: y } = rocCurve(scores, truth);
  let area = 0;
  for (let index = 1; index < x.length; index++)
    area += ((x[index]! - x[index - 1]!) * (y[index]! + y[index - 1]!)) / 2;
  return area;
}

/** Counts of positives and negatives at and above each distinct score. */
function cumulate(where: string, scores: ArrayLike<number>, truth: ArrayLike<number>): Steps {
  checkLengths(where, scores, truth);
  const counted = Array.from({ length: truth.length }, (_, index) => index).filter(
    (index) => truth[index] === 0 || truth[index] === 1,
  );
  if (counted.length === 0) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected labels of 0 or 1, got none. Check the truth mask.`,
    );
  }
  counted.sort((a, b) => scores[b]! - scores[a]!);
  const steps: Steps = { thresholds: [], tp: [], fp: [] };
  let [tp, fp] = [0, 0];
  for (const [place, index] of counted.entries()) {
    if (truth[index] === 1) tp++;
    else fp++;
    if (place + 1 < counted.length && scores[counted[place + 1]!] === scores[index]) continue;
    steps.thresholds.push(scores[index]!);
    steps.tp.push(tp);
    steps.fp.push(fp);
  }
  return steps;
}
