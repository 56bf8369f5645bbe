import type { Counts } from "./counts.js";

/** What a ratio is where its divisor is 0. */
export interface RatioOptions {
  /** Default NaN: there was nothing to measure. segmentation_models.pytorch takes 1, scikit-learn 0. */
  readonly zeroDivision?: number;
}

/** A ratio of counts, such as `iou`. */
export type Ratio = (counts: Counts, options?: RatioOptions) => number;

const divide = (part: number, whole: number, options: RatioOptions | undefined): number =>
  whole === 0 ? (options?.zeroDivision ?? Number.NaN) : part / whole;

const orElse = (value: number, options: RatioOptions | undefined): number =>
  Number.isNaN(value) ? (options?.zeroDivision ?? value) : value;

/** Intersection over union (Jaccard index): tp / (tp + fp + fn). */
export const iou: Ratio = ({ tp, fp, fn }, options) => divide(tp, tp + fp + fn, options);

/** F1 score (Dice coefficient): 2 tp / (2 tp + fp + fn). */
export const f1: Ratio = ({ tp, fp, fn }, options) => divide(2 * tp, 2 * tp + fp + fn, options);

/** F-beta score: (1 + b2) tp / ((1 + b2) tp + b2 fn + fp) with b2 = beta squared. */
export function fBeta({ tp, fp, fn }: Counts, beta: number, options?: RatioOptions): number {
  const weight = beta * beta;
  return divide((1 + weight) * tp, (1 + weight) * tp + weight * fn + fp, options);
}

/** Share of all that was told right: (tp + tn) / all. */
export const accuracy: Ratio = ({ tp, fp, fn, tn }, options) => divide(tp + tn, tp + fp + fn + tn, options);

/** Share of the found that is true: tp / (tp + fp). Also positive predictive value. */
export const precision: Ratio = ({ tp, fp }, options) => divide(tp, tp + fp, options);

/** Share of the true that was found: tp / (tp + fn). Also sensitivity. */
export const recall: Ratio = ({ tp, fn }, options) => divide(tp, tp + fn, options);

/** Share of the negative that was left alone: tn / (tn + fp). */
export const specificity: Ratio = ({ tn, fp }, options) => divide(tn, tn + fp, options);

/** Mean of recall and specificity. Where either has nothing to divide by, `zeroDivision` stands for the mean. */
export const balancedAccuracy: Ratio = (counts, options) =>
  orElse((recall(counts) + specificity(counts)) / 2, options);

/** Positive likelihood ratio: recall / (1 - specificity). Infinite without false positives. */
export const positiveLikelihoodRatio: Ratio = (counts, options) =>
  orElse(recall(counts) / falsePositiveRate(counts), options);

/** Negative likelihood ratio: (1 - recall) / specificity. Infinite without true negatives. */
export const negativeLikelihoodRatio: Ratio = (counts, options) =>
  orElse(falseNegativeRate(counts) / specificity(counts), options);

/** tn / (tn + fn). */
export const negativePredictiveValue: Ratio = ({ tn, fn }, options) => divide(tn, tn + fn, options);

/** fn / (fn + tp): 1 - recall. */
export const falseNegativeRate: Ratio = ({ fn, tp }, options) => divide(fn, fn + tp, options);

/** fp / (fp + tn): 1 - specificity. */
export const falsePositiveRate: Ratio = ({ fp, tn }, options) => divide(fp, fp + tn, options);

/** fp / (fp + tp): 1 - precision. */
export const falseDiscoveryRate: Ratio = ({ fp, tp }, options) => divide(fp, fp + tp, options);

/** fn / (fn + tn): 1 - negative predictive value. */
export const falseOmissionRate: Ratio = ({ fn, tn }, options) => divide(fn, fn + tn, options);
