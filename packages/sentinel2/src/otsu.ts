import { GlofError } from "@glof/core";

/** Options of `otsuThreshold`. */
export interface OtsuOptions {
  /** Bins of the histogram between the least and the greatest value. Default 256. */
  readonly bins?: number;
  /** Only values where this is 1 count. Default: all. */
  readonly validMask?: Uint8Array;
}

/**
 * The threshold that splits values into two classes with the greatest variance between them (Otsu 1979), over a
 * histogram; the centre of the last bin of the lower class. Values above it are the upper class. NaN and infinities are
 * left out. Values that are all equal give that value.
 *
 * @throws GlofError `no-valid-pixels` when no value is left; `shape-mismatch`; `bad-argument`
 */
export function otsuThreshold(values: ArrayLike<number>, options: OtsuOptions = {}): number {
  const { bins = 256, validMask } = options;
  checkOptions(values, bins, validMask);
  const counts = (pixel: number): boolean =>
    (validMask === undefined || validMask[pixel] === 1) && Number.isFinite(values[pixel]);
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let pixel = 0; pixel < values.length; pixel++) {
    if (!counts(pixel)) continue;
    least = Math.min(least, values[pixel]!);
    greatest = Math.max(greatest, values[pixel]!);
  }
  if (least > greatest) {
    throw new GlofError(
      "no-valid-pixels",
      "otsuThreshold: expected finite values, got none. Check the mask.",
    );
  }
  if (least === greatest) return least;
  const histogram = new Float64Array(bins);
  const perValue = bins / (greatest - least);
  for (let pixel = 0; pixel < values.length; pixel++) {
    if (!counts(pixel)) continue;
    histogram[Math.min(bins - 1, Math.floor((values[pixel]! - least) * perValue))]! += 1;
  }
  return least + (bestSplit(histogram) + 0.5) / perValue;
}

/** Takes values piece by piece, in two rounds: their range, then their histogram. */
export interface OtsuPasses {
  /** First round: every piece once. */
  addToRange(values: ArrayLike<number>): void;
  /** Second round: the same pieces. */
  addToHistogram(values: ArrayLike<number>): void;
  /** The threshold of all pieces together, that of `otsuThreshold`. Throws `no-valid-pixels`. */
  threshold(): number;
}

/** `otsuThreshold` of values that are too many for memory; NaN and infinities are left out. */
export function beginOtsu({ bins = 256 }: Pick<OtsuOptions, "bins"> = {}): OtsuPasses {
  let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const histogram = new Float64Array(bins);
  return {
    addToRange(values) {
      for (let at = 0; at < values.length; at++) {
        const value = values[at]!;
        if (!Number.isFinite(value)) continue;
        if (value < least) least = value;
        if (value > greatest) greatest = value;
      }
    },
    addToHistogram(values) {
      const perValue = bins / (greatest - least);
      for (let at = 0; at < values.length; at++) {
        const value = values[at]!;
        if (Number.isFinite(value))
          histogram[Math.min(bins - 1, Math.floor((value - least) * perValue))]! += 1;
      }
    },
    threshold() {
      if (least > greatest) {
        throw new GlofError(
          "no-valid-pixels",
          "beginOtsu: expected finite values, got none. Check the mask.",
        );
      }
      if (least === greatest) return least;
      return least + (bestSplit(histogram) + 0.5) / (bins / (greatest - least));
    },
  };
}

/** The last bin of the lower class. */
function bestSplit(histogram: Float64Array): number {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  const moment = histogram.reduce((sum, count, bin) => sum + count * bin, 0);
  let lowerCount = 0;
  let lowerMoment = 0;
  let best = 0;
  let bestVariance = -1;
  for (let bin = 0; bin < histogram.length - 1; bin++) {
    lowerCount += histogram[bin]!;
    lowerMoment += histogram[bin]! * bin;
    const upperCount = total - lowerCount;
    if (lowerCount === 0 || upperCount === 0) continue;
    const between = lowerMoment / lowerCount - (moment - lowerMoment) / upperCount;
    const variance = lowerCount * upperCount * between * between;
    if (variance > bestVariance) {
      bestVariance = variance;
      best = bin;
    }
  }
  return best;
}

function checkOptions(values: ArrayLike<number>, bins: number, validMask: Uint8Array | undefined): void {
  if (!Number.isSafeInteger(bins) || bins < 2) {
    throw new GlofError(
      "bad-argument",
      `otsuThreshold: expected at least 2 bins, got ${bins}. Use 256 unless you have a reason.`,
    );
  }
  if (validMask !== undefined && validMask.length !== values.length) {
    throw new GlofError(
      "shape-mismatch",
      `otsuThreshold: expected a mask of ${values.length}, got ${validMask.length}. Read both from one window.`,
    );
  }
}
