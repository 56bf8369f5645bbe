import { isGlofError } from "@glof/core";
import { describe, expect, it } from "vitest";
import { bandRatioMask, ndwiOtsuMask } from "./index_masks.js";
import { aweiNoShadow, aweiShadow, mndwi, ndsi, ndvi, ndwi, ndwiBlue } from "./indices.js";
import { otsuThreshold } from "./otsu.js";

const f32 = (...values: number[]): Float32Array => Float32Array.from(values);

describe("indices", () => {
  it("are what their papers say", () => {
    expect(ndwi(f32(0.3), f32(0.1))[0]).toBeCloseTo(0.5, 6);
    expect(ndwiBlue(f32(0.4), f32(0.1))[0]).toBeCloseTo(0.6, 6);
    expect(ndvi(f32(0.5), f32(0.1))[0]).toBeCloseTo(4 / 6, 6);
    expect(ndsi(f32(0.6), f32(0.2))).toEqual(mndwi(f32(0.6), f32(0.2)));
    // 4 (0.2 - 0.05) - (0.25 · 0.1 + 2.75 · 0.04)
    expect(aweiNoShadow(f32(0.2), f32(0.1), f32(0.05), f32(0.04))[0]).toBeCloseTo(0.465, 6);
    // 0.3 + 2.5 · 0.2 - 1.5 (0.1 + 0.05) - 0.25 · 0.04
    expect(aweiShadow(f32(0.3), f32(0.2), f32(0.1), f32(0.05), f32(0.04))[0]).toBeCloseTo(0.565, 6);
  });

  it("divide by 1 where the sum is 0, and pass NaN on", () => {
    expect(ndwi(f32(0, 0.25, Number.NaN), f32(0, -0.25, 1))).toEqual(f32(0, 0.5, Number.NaN));
  });

  it("refuse bands of different lengths", () => {
    expect(() => ndwi(f32(1, 2), f32(1))).toThrow(/lengths?, got 2, 1/);
    expect(() => aweiShadow(f32(1), f32(1), f32(1), f32(1), f32())).toThrow(/got 1, 1, 1, 1, 0/);
  });
});

describe("otsuThreshold", () => {
  it("falls between two clusters", () => {
    const low = Array.from({ length: 900 }, (_, index) => 0.1 + 0.0001 * (index % 100));
    const high = Array.from({ length: 100 }, (_, index) => 0.8 + 0.001 * (index % 50));
    const threshold = otsuThreshold([...low, ...high]);
    expect(threshold).toBeGreaterThan(0.109);
    expect(threshold).toBeLessThan(0.8);
  });

  it("maximises the variance between the classes, as trying every bin does", () => {
    const values = Float64Array.from({ length: 500 }, (_, index) => Math.sin(index) ** 3 + (index % 7) / 5);
    const bins = 16;
    const least = Math.min(...values);
    const width = (Math.max(...values) - least) / bins;
    const binOf = (value: number): number => Math.min(bins - 1, Math.floor((value - least) / width));
    const variance = (split: number): number => {
      const lower = [...values].map(binOf).filter((bin) => bin <= split);
      const upper = [...values].map(binOf).filter((bin) => bin > split);
      const mean = (list: number[]): number => list.reduce((sum, bin) => sum + bin, 0) / list.length;
      return lower.length && upper.length
        ? lower.length * upper.length * (mean(lower) - mean(upper)) ** 2
        : -1;
    };
    const best = Array.from({ length: bins }, (_, split) => split).sort(
      (a, b) => variance(b) - variance(a),
    )[0]!;
    expect(otsuThreshold(values, { bins })).toBeCloseTo(least + (best + 0.5) * width, 10);
  });

  it("leaves out what the mask and NaN take away", () => {
    const validMask = Uint8Array.from([1, 1, 1, 0, 1]);
    const threshold = otsuThreshold([0, 0, 1, 1000, Number.NaN], { validMask });
    expect(threshold).toBeGreaterThan(0);
    expect(threshold).toBeLessThan(1);
    expect(otsuThreshold([3, 3, 3])).toBe(3);
    expect(() => otsuThreshold([Number.NaN])).toThrow(/expected finite values/);
    expect(() => otsuThreshold([1], { validMask: new Uint8Array(2) })).toThrow(/mask of 1, got 2/);
    expect(() => otsuThreshold([1], { bins: 1 })).toThrow(/at least 2 bins/);
  });
});

describe("index masks", () => {
  it("finds bright-green water, and none where Otsu only splits land", () => {
    const green = f32(0.1, 0.1, 0.12, 0.1);
    const nir = f32(0.02, 0.3, 0.4, 0.02);
    const valid = Uint8Array.from([1, 1, 1, 0]);
    const { mask, threshold } = ndwiOtsuMask(green, nir, valid);
    expect([...mask]).toEqual([1, 0, 0, 255]);
    expect(threshold).toBeGreaterThanOrEqual(0);
    const land = ndwiOtsuMask(f32(0.1, 0.1), f32(0.3, 0.5), Uint8Array.from([1, 1]));
    expect(land.threshold).toBe(0);
    expect([...land.mask]).toEqual([0, 0]);
    expect([
      ...ndwiOtsuMask(f32(0.1, 0.1), f32(0.3, 0.5), Uint8Array.from([1, 1]), { leastThreshold: -1 }).mask,
    ]).toEqual([1, 0]);
    try {
      ndwiOtsuMask(green, nir, new Uint8Array(4));
      expect.unreachable();
    } catch (error) {
      expect(isGlofError(error, "no-valid-pixels")).toBe(true);
    }
  });

  it("finds ice by the band ratio, also over a SWIR of 0", () => {
    const bands = {
      blue: f32(0.5, 0.5, 0.05, 0.5),
      red: f32(0.5, 0.2, 0.5, 0.5),
      swir1: f32(0.1, 0.2, 0.1, 0),
    };
    const mask = bandRatioMask(bands, Uint8Array.from([1, 1, 1, 1]), { ratio: 2, blueRefl: 0.1 });
    expect([...mask]).toEqual([1, 0, 0, 1]);
    expect([...bandRatioMask(bands, new Uint8Array(4), { ratio: 2, blueRefl: 0.1 })]).toEqual([
      255, 255, 255, 255,
    ]);
  });
});
