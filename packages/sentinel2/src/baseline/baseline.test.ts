import { seededRng } from "@glof/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bandRatioMask } from "../index_masks.js";
import { ndwi } from "../indices.js";
import { searchBandRatio } from "./band_ratio_search.js";
import { requireSpectralIndex, SPECTRAL_INDICES, spectralIndex } from "./spectral_index.js";
import { indexMask, searchThreshold, steps } from "./threshold_search.js";

const f32 = (...values: number[]): Float32Array => Float32Array.from(values);

describe("SPECTRAL_INDICES", () => {
  it.each(Object.entries(SPECTRAL_INDICES))("%s computes its formula", (name, index) => {
    const rng = seededRng(name);
    const bands = index.bands.map(() => Float32Array.from({ length: 9 }, () => rng.uniform(0.01, 0.6)));
    const values = index.compute(...bands);
    // The formula's text as a program: products are written as "2 B03" and "2 (".
    const program = index.formula.replace(/([\d.]+) (?=B|\()/g, "$1 * ");
    const evaluate = new Function(...index.bands, `return ${program}`) as (...bands: number[]) => number;
    for (let pixel = 0; pixel < 9; pixel++) {
      expect(values[pixel]).toBeCloseTo(evaluate(...bands.map((band) => band[pixel]!)), 5);
    }
    expect(requireSpectralIndex(name.toUpperCase())).toBe(index);
  });

  it("is NaN where not valid, and divides by 1 instead of 0", () => {
    const valid = Uint8Array.of(1, 0, 1);
    expect(spectralIndex("ndwi", [f32(0, 0.3, 0.3), f32(0, 0.1, 0.1)], valid)).toEqual(
      f32(0, Number.NaN, ndwi(f32(0.3), f32(0.1))[0]!),
    );
    expect([...spectralIndex("ratio", [f32(0.5, 0.5), f32(0, 0.25)])]).toEqual([0.5, 2]);
    expect(() => spectralIndex("ndxi", [])).toThrow(/expected an index among ndwi, .*, got ndxi/);
    expect(() => spectralIndex("ndwi", [f32(1)])).toThrow(/expected the bands B03, B08 for ndwi, got 1/);
    expect(() => spectralIndex("ndwi", [f32(1), f32(1)], new Uint8Array(2))).toThrow(/got 1, 1, 2/);
  });
});

describe("searchThreshold", () => {
  const iou = (index: Float32Array, labels: Uint8Array, threshold: number): number => {
    const { mask } = indexMask(index, threshold);
    let [hits, union] = [0, 0];
    mask.forEach((value, pixel) => {
      if (value === 255 || labels[pixel] === 255) return;
      if (value === 1 && labels[pixel] === 1) hits++;
      if (value === 1 || labels[pixel] === 1) union++;
    });
    return union === 0 ? 1 : hits / union;
  };

  it("finds what trying every threshold on masks finds", () => {
    const value = fc.oneof(
      fc.constantFrom(-1, -0.5, 0, 0.25, 1),
      fc.float({ min: -1, max: 1, noNaN: false }),
    );
    const pixel = fc.tuple(value, fc.constantFrom(0, 1, 255));
    const sample = fc.record({
      pixels: fc.array(pixel, { minLength: 1, maxLength: 30 }),
      weight: fc.constantFrom(0.5, 1, 3),
    });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 4 }), (drawn) => {
        const samples = drawn.map(({ pixels, weight }) => ({
          index: Float32Array.from(pixels, ([number]) => number),
          labels: Uint8Array.from(pixels, ([, label]) => label),
          weight,
        }));
        const thresholds = steps(-1, 1, 0.25);
        const found = searchThreshold(samples, thresholds);
        const total = samples.reduce((sum, { weight }) => sum + weight, 0);
        const means = thresholds.map(
          (threshold) =>
            samples.reduce(
              (sum, { index, labels, weight }) => sum + weight * iou(index, labels, threshold),
              0,
            ) / total,
        );
        expect(found.iou).toBeCloseTo(Math.max(...means), 10);
        expect(means[thresholds.indexOf(found.threshold)]).toBeCloseTo(Math.max(...means), 10);
      }),
      { numRuns: 200, seed: 4 },
    );
  });

  it("refuses nothing to search", () => {
    expect(() => searchThreshold([])).toThrow(/at least one sample/);
    expect(() => searchThreshold([{ index: f32(1), labels: Uint8Array.of(1) }], [1, 0])).toThrow(/rising/);
    expect(steps(0, 0.3, 0.1)).toEqual([0, 0.1, 0.2, 0.3]);
  });

  it("makes masks by Otsu's threshold, not below the least", () => {
    const index = f32(0.1, 0.1, 0.9, Number.NaN, 0.8);
    const validMask = Uint8Array.of(1, 1, 1, 1, 0);
    expect([...indexMask(index, "otsu", { validMask }).mask]).toEqual([0, 0, 1, 255, 255]);
    expect(indexMask(f32(-0.9, -0.5), "otsu").threshold).toBe(0);
    expect(indexMask(f32(-0.9, -0.5), "otsu", { leastThreshold: -1 }).threshold).toBeLessThan(-0.5);
  });
});

describe("searchBandRatio", () => {
  it("finds what trying every pair on bandRatioMask finds, negative reflectances too", () => {
    const refl = fc.oneof(
      fc.constantFrom(0, 0.05, 0.1),
      fc.float({ min: Math.fround(-0.05), max: Math.fround(0.6), noNaN: true }),
    );
    const pixel = fc.tuple(refl, refl, refl, fc.constantFrom(0, 1, 1), fc.constantFrom(0, 1, 255));
    fc.assert(
      fc.property(
        fc.array(fc.array(pixel, { minLength: 1, maxLength: 25 }), { minLength: 1, maxLength: 3 }),
        (drawn) => {
          const samples = drawn.map((pixels, index) => ({
            blue: Float32Array.from(pixels, (p) => p[0]),
            red: Float32Array.from(pixels, (p) => p[1]),
            swir1: Float32Array.from(pixels, (p) => p[2]),
            validMask: Uint8Array.from(pixels, (p) => p[3]),
            labels: Uint8Array.from(pixels, (p) => p[4]),
            weight: 1 + index,
          }));
          const ratios = steps(0.5, 5.5, 0.5);
          const bluesRefl = steps(0, 0.15, 0.05);
          const score = (ratio: number, blueRefl: number): number => {
            let [sum, weights] = [0, 0];
            for (const sample of samples) {
              const mask = bandRatioMask(sample, sample.validMask, { ratio, blueRefl });
              let [hits, union] = [0, 0];
              mask.forEach((value, at) => {
                if (value === 255 || sample.labels[at] === 255) return;
                if (value === 1 && sample.labels[at] === 1) hits++;
                if (value === 1 || sample.labels[at] === 1) union++;
              });
              sum += sample.weight * (union === 0 ? 1 : hits / union);
              weights += sample.weight;
            }
            return sum / weights;
          };
          const best = Math.max(...ratios.flatMap((ratio) => bluesRefl.map((blue) => score(ratio, blue))));
          const found = searchBandRatio(samples, { ratios, bluesRefl });
          expect(found.iou).toBeCloseTo(best, 10);
          expect(score(found.ratio, found.blueRefl)).toBeCloseTo(best, 10);
        },
      ),
      { numRuns: 150, seed: 2 },
    );
  });

  it("tries DL4GAM's grid by default", () => {
    const sample = {
      blue: f32(0.1, 0.021, 0.1),
      red: f32(0.4, 0.4, 0.2),
      swir1: f32(0.1, 0.1, 0.1),
      validMask: Uint8Array.of(1, 1, 1),
      labels: Uint8Array.of(1, 0, 0),
    };
    const found = searchBandRatio([sample]);
    expect(found.iou).toBe(1);
    expect(found.ratio).toBeCloseTo(2.1, 10);
    expect(found.blueRefl).toBeCloseTo(0.0225, 10);
  });
});
