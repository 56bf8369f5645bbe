import { GlofError } from "@glof/core";
import { type Counts, sumCounts } from "./counts.js";
import { iou, type Ratio } from "./ratios.js";

/**
 * In which order counts are summed and ratios are taken and averaged.
 * - `micro`: sum over images and classes, then one ratio
 * - `macro`: sum over images, one ratio per class, their mean
 * - `weighted`: likewise with a weighted mean
 * - `micro-imagewise`: sum over classes, one ratio per image, their mean
 * - `macro-imagewise`: one ratio per image and class, their mean
 * - `weighted-imagewise`: likewise with a weighted mean over classes
 */
export type RatioReduction =
  | "micro"
  | "macro"
  | "weighted"
  | "micro-imagewise"
  | "macro-imagewise"
  | "weighted-imagewise";

/** Options of `reduceRatio`. */
export interface ReduceRatioOptions {
  readonly reduction: RatioReduction;
  /** Weight of each class for the weighted reductions; they are scaled to a sum of 1. */
  readonly classWeights?: readonly number[];
  /** Stands for a ratio without a divisor. Default NaN. */
  readonly zeroDivision?: number;
}

/**
 * One number from counts of many images and classes.
 *
 * @param counts `counts[image][class]`
 * @throws GlofError `bad-argument` for no counts, or for weights that do not fit
 */
export function reduceRatio(
  counts: readonly (readonly Counts[])[],
  ratio: Ratio,
  { reduction, classWeights, zeroDivision }: ReduceRatioOptions,
): number {
  const classes = counts[0]?.length ?? 0;
  if (classes === 0) {
    throw new GlofError(
      "bad-argument",
      "reduceRatio: expected counts of at least one image and class, got none.",
    );
  }
  const score = (one: Counts): number => ratio(one, { zeroDivision });
  const byClass = counts[0]!.map((_, index) => counts.map((image) => image[index]!));
  switch (reduction) {
    case "micro":
      return score(sumCounts(counts.flat()));
    case "macro":
      return mean(byClass.map((images) => score(sumCounts(images))));
    case "weighted":
      return weighted(
        byClass.map((images) => score(sumCounts(images))),
        classWeights,
      );
    case "micro-imagewise":
      return mean(counts.map((image) => score(sumCounts(image))));
    case "macro-imagewise":
      return mean(counts.flat().map(score));
    case "weighted-imagewise":
      return weighted(
        byClass.map((images) => mean(images.map(score))),
        classWeights,
      );
  }
}

/** Weights by how often each class occurs in the truth, for the weighted reductions. */
export const supportWeights = (perClass: readonly Counts[]): number[] =>
  perClass.map(({ tp, fn }) => tp + fn);

/**
 * Mean over batches of the mean IoU over all classes of each batch, with 0 for classes that a batch lacks. It is far
 * too low for small batches (its ceiling is the share of classes present) and is here only to reproduce results that
 * were computed this way: use `reduceRatio` with `"macro"` on counts of the whole data set.
 *
 * @param batches `batches[batch][class]`
 */
export function legacyBatchMeanIou(batches: readonly (readonly Counts[])[]): number {
  return mean(batches.map((classes) => mean(classes.map((one) => iou(one, { zeroDivision: 0 })))));
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function weighted(values: readonly number[], weights: readonly number[] | undefined): number {
  const total = weights?.reduce((sum, weight) => sum + weight, 0) ?? 0;
  if (weights?.length === values.length && total > 0) {
    return values.reduce((sum, value, index) => sum + (value * weights[index]!) / total, 0);
  }
  throw new GlofError(
    "bad-argument",
    `reduceRatio: expected ${values.length} class weights with a positive sum, got [${weights ?? ""}]. ` +
      "Pass classWeights, for instance supportWeights(counts).",
  );
}
