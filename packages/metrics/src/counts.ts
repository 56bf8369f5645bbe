import { GlofError } from "@glof/core";

/** Pixels (or other items) of one class, or of a yes/no question, by truth and prediction. */
export interface Counts {
  /** True positives: said yes, is yes. */
  readonly tp: number;
  /** False positives: said yes, is no. */
  readonly fp: number;
  /** False negatives: said no, is yes. */
  readonly fn: number;
  /** True negatives: said no, is no. */
  readonly tn: number;
}

/** No pixel seen yet: the start of a sum. */
export const noCounts: Counts = { tp: 0, fp: 0, fn: 0, tn: 0 };

/** Options of `confusionCounts`. */
export interface ConfusionCountsOptions {
  /** Truth value of pixels that count nowhere. Default 255; `null`: none. */
  readonly ignore?: number | null;
  /** Predictions at or above it are positive. Default 0.5, right for masks and probabilities alike. */
  readonly threshold?: number;
}

/**
 * Counts of a yes/no prediction against its truth.
 *
 * @param pred probabilities or 0/1
 * @param truth 0, 1 or `ignore`, as many
 * @throws GlofError `shape-mismatch` when the lengths differ
 */
export function confusionCounts(
  pred: ArrayLike<number>,
  truth: ArrayLike<number>,
  { ignore = 255, threshold = 0.5 }: ConfusionCountsOptions = {},
): Counts {
  checkLengths("confusionCounts", pred, truth);
  let [counted, yes, said, both] = [0, 0, 0, 0];
  // Without a branch: on masks that nobody can guess a processor guesses wrong half the time.
  for (let index = 0; index < truth.length; index++) {
    const is = truth[index]!;
    const counts = Number(is !== ignore);
    const isYes = Number(is > 0) & counts;
    const isSaid = Number(pred[index]! >= threshold) & counts;
    counted += counts;
    yes += isYes;
    said += isSaid;
    both += isYes & isSaid;
  }
  return { tp: both, fp: said - both, fn: yes - both, tn: counted - yes - said + both };
}

/** The counts of two sets of pixels taken together. */
export function addCounts(a: Counts, b: Counts): Counts {
  return { tp: a.tp + b.tp, fp: a.fp + b.fp, fn: a.fn + b.fn, tn: a.tn + b.tn };
}

/** Counts of many sets taken together. */
export const sumCounts = (all: readonly Counts[]): Counts => all.reduce(addCounts, noCounts);

/** Throws `shape-mismatch` unless both have as many values. */
export function checkLengths(where: string, pred: ArrayLike<number>, truth: ArrayLike<number>): void {
  if (pred.length === truth.length) return;
  throw new GlofError(
    "shape-mismatch",
    `${where}: expected as many predictions as truth values, got ${pred.length} and ${truth.length}. ` +
      "Bring both to one grid first.",
    { predictions: pred.length, truth: truth.length },
  );
}
