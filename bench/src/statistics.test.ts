import { describe, expect, it } from "vitest";
import { maxAbs, maxAbsDifference, quantile, summarize } from "./statistics.js";

describe("summarize", () => {
  it("gives numpy's median and quartiles of odd and even counts", () => {
    expect(summarize([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5, quartiles: [2, 4], repeats: 3 });
    // np.percentile([1, 2, 4, 10], [25, 50, 75]) = [1.75, 3, 5.5]
    expect(summarize([10, 1, 4, 2])).toMatchObject({ median: 3, quartiles: [1.75, 5.5] });
  });

  it("leaves its argument in its order and takes one value", () => {
    const values = [3, 1, 2];
    summarize(values);
    expect(values).toEqual([3, 1, 2]);
    expect(summarize([7])).toMatchObject({ median: 7, quartiles: [7, 7], repeats: 1 });
  });

  it("refuses a summary of nothing", () => {
    expect(() => summarize([])).toThrow("at least one value");
    expect(quantile([1, 2], 1)).toBe(2);
  });
});

describe("maxAbsDifference", () => {
  it("finds the worst element and never calls a NaN or another length equal", () => {
    const a = new Float32Array([1, -2, 3]);
    expect(maxAbsDifference(a, new Float32Array([1, -2.5, 3.25]))).toBe(0.5);
    expect(maxAbsDifference(a, new Float32Array([1, Number.NaN, 3]))).toBe(Number.POSITIVE_INFINITY);
    expect(maxAbsDifference(a, new Float32Array(2))).toBe(Number.POSITIVE_INFINITY);
    expect(maxAbs(a)).toBe(3);
  });
});
