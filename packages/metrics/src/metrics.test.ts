import { isGlofError } from "@glof/core";
import { describe, expect, it } from "vitest";
import {
  accuracy,
  addConfusion,
  averagePrecision,
  balancedAccuracy,
  boundaryIou,
  boundaryMask,
  boundaryThickness,
  brierScore,
  cohenKappa,
  confusionCounts,
  confusionMatrix,
  f1,
  fBeta,
  iou,
  legacyBatchMeanIou,
  logLoss,
  matthewsCorrelation,
  meanRecall,
  normalizeConfusion,
  overallAccuracy,
  perClassCounts,
  positiveLikelihoodRatio,
  precision,
  recall,
  reduceRatio,
  reliability,
  rocAuc,
  rocCurve,
  specificity,
  sumCounts,
} from "./index.js";

const counts = { tp: 3, fp: 1, fn: 2, tn: 4 };
const nothing = { tp: 0, fp: 0, fn: 0, tn: 9 };

describe("counts and ratios", () => {
  it("counts, leaving out what is to be ignored, thresholds inclusive", () => {
    const pred = [0.5, 0.49, 0.9, 0.1, 0.7];
    expect(confusionCounts(pred, [1, 1, 0, 0, 255])).toEqual({ tp: 1, fp: 1, fn: 1, tn: 1 });
    expect(confusionCounts(pred, [1, 1, 0, 0, 255], { ignore: null })).toEqual({
      tp: 2,
      fp: 1,
      fn: 1,
      tn: 1,
    });
    expect(confusionCounts(pred, [1, 1, 0, 0, 0], { threshold: 0.8 })).toEqual({
      tp: 0,
      fp: 1,
      fn: 2,
      tn: 2,
    });
  });

  it("gives ratios worked by hand", () => {
    expect(iou(counts)).toBe(3 / 6);
    expect(f1(counts)).toBe(6 / 9);
    expect(fBeta(counts, 2)).toBeCloseTo((5 * 3) / (5 * 3 + 4 * 2 + 1), 12);
    expect([precision(counts), recall(counts), specificity(counts)]).toEqual([3 / 4, 3 / 5, 4 / 5]);
    expect(accuracy(counts)).toBe(0.7);
    expect(balancedAccuracy(counts)).toBeCloseTo(0.7, 12);
    expect(positiveLikelihoodRatio(counts)).toBeCloseTo(3, 12);
    expect(positiveLikelihoodRatio({ ...counts, fp: 0 })).toBe(Number.POSITIVE_INFINITY);
  });

  it("says NaN where there is nothing to measure, unless told otherwise", () => {
    expect(iou(nothing)).toBeNaN();
    expect(iou(nothing, { zeroDivision: 1 })).toBe(1);
    expect(balancedAccuracy(nothing, { zeroDivision: 0 })).toBe(0);
  });

  it("reduces in every order", () => {
    const images = [
      [counts, nothing],
      [
        { tp: 1, fp: 0, fn: 0, tn: 9 },
        { tp: 0, fp: 1, fn: 0, tn: 9 },
      ],
    ];
    const by = (reduction: Parameters<typeof reduceRatio>[2]["reduction"], classWeights?: number[]) =>
      reduceRatio(images, iou, { reduction, classWeights, zeroDivision: 0 });
    expect(by("micro")).toBeCloseTo(4 / 8, 12);
    expect(by("macro")).toBeCloseTo((4 / 7 + 0) / 2, 12);
    expect(by("weighted", [3, 1])).toBeCloseTo((4 / 7) * 0.75, 12);
    expect(by("micro-imagewise")).toBeCloseTo((3 / 6 + 1 / 2) / 2, 12);
    expect(by("macro-imagewise")).toBeCloseTo((0.5 + 0 + 1 + 0) / 4, 12);
    expect(by("weighted-imagewise", [3, 1])).toBeCloseTo(0.75 * 0.75, 12);
    expect(() => by("weighted")).toThrow(expect.toSatisfy((error) => isGlofError(error, "bad-argument")));
  });

  it("reproduces the mean over batches that is too low, beside the right one", () => {
    const present = { tp: 10, fp: 0, fn: 0, tn: 0 };
    const absent = { tp: 0, fp: 0, fn: 0, tn: 10 };
    const batches = [
      [present, absent],
      [absent, present],
    ];
    expect(legacyBatchMeanIou(batches)).toBe(0.5);
    expect(reduceRatio(batches, iou, { reduction: "macro" })).toBe(1);
  });
});

describe("confusionMatrix", () => {
  const matrix = confusionMatrix([0, 1, 1, 2, 0, 2], [0, 1, 2, 2, 1, 255], { classes: 3 });

  it("has rows of truth and columns of prediction", () => {
    expect([...matrix.values]).toEqual([1, 0, 0, 1, 1, 0, 0, 1, 1]);
    expect([...addConfusion(matrix, matrix).values]).toEqual([2, 0, 0, 2, 2, 0, 0, 2, 2]);
    expect([...normalizeConfusion(matrix, "truth").values]).toEqual([1, 0, 0, 0.5, 0.5, 0, 0, 0.5, 0.5]);
  });

  it("gives counts per class that add up", () => {
    const perClass = perClassCounts(matrix);
    expect(perClass[1]).toEqual({ tp: 1, fp: 1, fn: 1, tn: 2 });
    expect(sumCounts(perClass).tp).toBe(3);
  });

  it("gives overall measures", () => {
    expect(overallAccuracy(matrix)).toBe(0.6);
    expect(meanRecall(matrix)).toBeCloseTo((1 + 0.5 + 0.5) / 3, 12);
    const perfect = confusionMatrix([0, 1], [0, 1], { classes: 2 });
    expect([cohenKappa(perfect), matthewsCorrelation(perfect)]).toEqual([1, 1]);
    const oneSided = confusionMatrix([1, 1], [0, 1], { classes: 2 });
    expect(matthewsCorrelation(oneSided)).toBe(0);
  });

  it("refuses labels that are no class", () => {
    const call = () => confusionMatrix([3], [0], { classes: 3 });
    expect(call).toThrow(expect.toSatisfy((error) => isGlofError(error, "bad-argument")));
  });
});

describe("ranking", () => {
  it("counts ties half in the area", () => {
    expect(rocAuc([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 0])).toBe(0.875);
    expect(rocAuc([0.1, 0.2], [1, 0])).toBe(0);
    expect(rocAuc([0.1, 0.2], [1, 1])).toBeNaN();
  });

  it("sums steps for average precision", () => {
    expect(averagePrecision([0.9, 0.8, 0.7], [1, 0, 1])).toBeCloseTo(0.5 * 1 + 0.5 * (2 / 3), 12);
  });

  it("begins at nothing and ends at everything, leaving out no-data", () => {
    const { falsePositiveRate, truePositiveRate } = rocCurve([0.9, 0.8, 0.3], [1, 255, 0]);
    expect([...falsePositiveRate]).toEqual([0, 0, 1]);
    expect([...truePositiveRate]).toEqual([0, 1, 1]);
  });
});

describe("calibration", () => {
  it("measures the gap of each bin", () => {
    const { bins, ece, mce } = reliability([0.1, 0.2, 0.8, 1, 0.9], [0, 1, 1, 1, 255], { bins: 2 });
    expect(bins.map(({ count }) => count)).toEqual([2, 2]);
    expect(bins[0]).toMatchObject({ low: 0, high: 0.5, fraction: 0.5 });
    expect(ece).toBeCloseTo((Math.abs(0.15 - 0.5) + Math.abs(0.9 - 1)) / 2, 12);
    expect(mce).toBeCloseTo(0.35, 12);
  });

  it("can fill bins evenly", () => {
    const probs = Array.from({ length: 100 }, (_, index) => (index / 100) ** 3);
    const { bins } = reliability(
      probs,
      probs.map(() => 0),
      { bins: 4, strategy: "mass" },
    );
    expect(bins.map(({ count }) => count)).toEqual([25, 25, 25, 25]);
  });

  it("scores probabilities", () => {
    expect(brierScore([0.5, 1], [1, 1])).toBe(0.125);
    expect(logLoss([0.5, 0], [1, 0])).toBeCloseTo(Math.log(2) / 2, 6);
    expect(logLoss([0], [1])).toBeCloseTo(-Math.log(1e-7), 6);
  });
});

describe("boundary IoU", () => {
  const square = (from: number, to: number): Uint8Array =>
    Uint8Array.from({ length: 100 }, (_, index) => {
      const [row, col] = [Math.floor(index / 10), index % 10];
      return row >= from && row < to && col >= from && col < to ? 1 : 0;
    });

  it("takes a frame of the stated thickness, the image's edge being outside", () => {
    const size = { width: 10, height: 10, thicknessPx: 2 };
    const frame = boundaryMask(square(0, 10), size);
    expect(frame.reduce((sum, value) => sum + value, 0)).toBe(100 - 36);
    expect(boundaryMask(square(3, 6), size).reduce((sum, value) => sum + value, 0)).toBe(9);
  });

  it("rounds halves to the even number", () => {
    expect(boundaryThickness(3, 4, 0.5)).toBe(2);
    expect(boundaryThickness(3, 4, 0.7)).toBe(4);
    expect(boundaryThickness(3, 4, 0.001)).toBe(1);
  });

  it("is lower than IoU for a shifted outline", () => {
    const size = { width: 10, height: 10, dilationRatio: 0.07 };
    expect(boundaryIou(square(2, 8), square(2, 8), size).iou).toBe(1);
    const shifted = boundaryIou(square(3, 9), square(2, 8), size);
    expect(shifted.iou).toBeLessThan(iou(confusionCounts(square(3, 9), square(2, 8))));
    expect(boundaryIou(square(0, 0), square(0, 0), size).iou).toBeNaN();
  });
});

it("refuses masks of different sizes", () => {
  expect(() => confusionCounts([1], [1, 0])).toThrow(
    expect.toSatisfy((error) => isGlofError(error, "shape-mismatch")),
  );
});
