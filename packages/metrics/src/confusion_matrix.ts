import { GlofError } from "@glof/core";
import { type Counts, checkLengths } from "./counts.js";

/** How often each class was taken for each: `values[truth * classes + prediction]`. */
export interface ConfusionMatrix {
  readonly classes: number;
  readonly values: Float64Array;
}

/** Options of `confusionMatrix`. */
export interface ConfusionMatrixOptions {
  /** Number of classes; labels are 0 to classes - 1. */
  readonly classes: number;
  /** Truth value of pixels that count nowhere. Default 255; `null`: none. */
  readonly ignore?: number | null;
  /** How much each pixel counts. Default 1. */
  readonly weights?: ArrayLike<number>;
}

/**
 * Confusion matrix of class numbers, rows by truth and columns by prediction.
 *
 * @throws GlofError `shape-mismatch` when lengths differ; `bad-argument` for a label that is no class
 */
export function confusionMatrix(
  pred: ArrayLike<number>,
  truth: ArrayLike<number>,
  { classes, ignore = 255, weights }: ConfusionMatrixOptions,
): ConfusionMatrix {
  checkLengths("confusionMatrix", pred, truth);
  if (weights) checkLengths("confusionMatrix", weights, truth);
  const values = new Float64Array(classes * classes);
  for (let index = 0; index < truth.length; index++) {
    const is = truth[index]!;
    if (is === ignore) continue;
    const said = pred[index]!;
    checkLabel(is, classes);
    checkLabel(said, classes);
    values[is * classes + said]! += weights ? weights[index]! : 1;
  }
  return { classes, values };
}

/** Two matrices of the same classes taken together. */
export function addConfusion(a: ConfusionMatrix, b: ConfusionMatrix): ConfusionMatrix {
  if (a.classes === b.classes)
    return { classes: a.classes, values: a.values.map((value, at) => value + b.values[at]!) };
  throw new GlofError(
    "shape-mismatch",
    `addConfusion: expected as many classes, got ${a.classes} and ${b.classes}. Use one list of classes.`,
  );
}

/** Counts of each class against all others, in the order of the classes. */
export function perClassCounts({ classes, values }: ConfusionMatrix): Counts[] {
  const total = values.reduce((sum, value) => sum + value, 0);
  return Array.from({ length: classes }, (_, one) => {
    const tp = values[one * classes + one]!;
    const fn = rowSum(values, classes, one) - tp;
    const fp = columnSum(values, classes, one) - tp;
    return { tp, fp, fn, tn: total - tp - fp - fn };
  });
}

/** Shares instead of counts: of each truth's row, of each prediction's column, or of all. 0 where there is nothing. */
export function normalizeConfusion(
  { classes, values }: ConfusionMatrix,
  by: "truth" | "prediction" | "all",
): ConfusionMatrix {
  const total = values.reduce((sum, value) => sum + value, 0);
  const shares = values.map((value, at) => {
    const row = Math.floor(at / classes);
    const whole =
      by === "all"
        ? total
        : by === "truth"
          ? rowSum(values, classes, row)
          : columnSum(values, classes, at % classes);
    return whole === 0 ? 0 : value / whole;
  });
  return { classes, values: shares };
}

/** Share of all pixels on the diagonal. NaN for an empty matrix. */
export function overallAccuracy({ classes, values }: ConfusionMatrix): number {
  const total = values.reduce((sum, value) => sum + value, 0);
  return diagonalSum(values, classes) / total;
}

/** Mean recall over the classes that occur in the truth. NaN for an empty matrix. */
export function meanRecall({ classes, values }: ConfusionMatrix): number {
  const recalls = Array.from({ length: classes }, (_, one) => ({
    right: values[one * classes + one]!,
    all: rowSum(values, classes, one),
  })).filter(({ all }) => all > 0);
  return recalls.reduce((sum, { right, all }) => sum + right / all, 0) / recalls.length;
}

/** Cohen's kappa: agreement beyond what chance would give with the same margins. */
export function cohenKappa({ classes, values }: ConfusionMatrix): number {
  const total = values.reduce((sum, value) => sum + value, 0);
  let expected = 0;
  for (let one = 0; one < classes; one++) {
    expected += (rowSum(values, classes, one) * columnSum(values, classes, one)) / total;
  }
  return (diagonalSum(values, classes) - expected) / (total - expected);
}

/** Matthews correlation coefficient for any number of classes (Gorodkin 2004). 0 where a margin holds one class only. */
export function matthewsCorrelation({ classes, values }: ConfusionMatrix): number {
  const total = values.reduce((sum, value) => sum + value, 0);
  let [cross, truthSquares, predictionSquares] = [0, 0, 0];
  for (let one = 0; one < classes; one++) {
    const [row, column] = [rowSum(values, classes, one), columnSum(values, classes, one)];
    cross += row * column;
    truthSquares += row * row;
    predictionSquares += column * column;
  }
  const covariance = diagonalSum(values, classes) * total - cross;
  const spread = (total * total - truthSquares) * (total * total - predictionSquares);
  return spread === 0 ? 0 : covariance / Math.sqrt(spread);
}

function rowSum(values: Float64Array, classes: number, row: number): number {
  let sum = 0;
  for (let column = 0; column < classes; column++) sum += values[row * classes + column]!;
  return sum;
}

function columnSum(values: Float64Array, classes: number, column: number): number {
  let sum = 0;
  for (let row = 0; row < classes; row++) sum += values[row * classes + column]!;
  return sum;
}

function diagonalSum(values: Float64Array, classes: number): number {
  let sum = 0;
  for (let one = 0; one < classes; one++) sum += values[one * classes + one]!;
  return sum;
}

function checkLabel(label: number, classes: number): void {
  if (Number.isInteger(label) && label >= 0 && label < classes) return;
  throw new GlofError(
    "bad-argument",
    `confusionMatrix: expected labels from 0 to ${classes - 1}, got ${label}. Raise classes, or name it as ignore.`,
    { label },
  );
}
