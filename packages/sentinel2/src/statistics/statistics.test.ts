import { isGlofError } from "@glof/core";
import { crsFromEpsg, projector, WGS84 } from "@glof/geo";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openScene } from "../open_scene.js";
import { testTiff } from "../test_tiff.js";
import type { SceneLayer } from "../types.js";
import { type BandAccumulatorState, beginBandStatistics } from "./band_accumulator.js";
import { regionStatistics } from "./region_statistics.js";
import { sceneRegion } from "./scene_region.js";
import { binOf, binValue } from "./value_bins.js";

const value = fc.oneof(
  fc.double({ min: -2, max: 3, noNaN: true }),
  fc.double({ min: 4990, max: 5010, noNaN: true }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 0),
);
const rasters = fc.array(fc.array(value, { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 8 });

/** Mean and deviation in two exact-as-can-be passes over everything. */
function onePass(all: readonly number[]): { readonly mean: number; readonly std: number } {
  const finite = all.filter(Number.isFinite);
  const mean = finite.reduce((sum, number) => sum + number, 0) / finite.length;
  const squares = finite.reduce((sum, number) => sum + (number - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / finite.length) };
}

describe("beginBandStatistics", () => {
  it("equals one pass over all values to 1e-12, however it was split and merged", () => {
    fc.assert(
      fc.property(rasters, fc.integer({ min: 0, max: 8 }), (drawn, cut) => {
        const all = drawn.flat().filter(Number.isFinite);
        fc.pre(all.length > 0);
        const left = beginBandStatistics(["B03"]);
        const right = beginBandStatistics(["B03"]);
        drawn.forEach((raster, index) => void (index < cut ? left : right).add([raster]));
        const stored = JSON.parse(JSON.stringify(right)) as BandAccumulatorState;
        left.merge(beginBandStatistics(stored));
        const [found] = left.summary();
        const expected = onePass(drawn.flat());
        const scale = Math.max(...all.map(Math.abs), 1e-300);
        expect(found!.count).toBe(all.length);
        expect(Math.abs(found!.mean - expected.mean)).toBeLessThanOrEqual(1e-12 * scale);
        expect(Math.abs(found!.std - expected.std)).toBeLessThanOrEqual(
          1e-12 * Math.max(expected.std, scale),
        );
        const whole = beginBandStatistics(["B03"]);
        for (const raster of drawn) whole.add([raster]);
        for (const share of [0, 0.02, 0.5, 0.98, 1]) {
          expect(left.quantile("B03", share)).toBe(whole.quantile("B03", share));
        }
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  it("has a relative error of 1e-12 in the deviation, also far from 0", () => {
    const offset = Float64Array.from({ length: 20_000 }, (_, index) => 5000 + Math.sin(index) / 10);
    const parts = beginBandStatistics(["dem"]);
    for (let start = 0; start < offset.length; start += 777) parts.add([offset.subarray(start, start + 777)]);
    const expected = onePass([...offset]);
    expect(Math.abs(parts.summary()[0]!.std / expected.std - 1)).toBeLessThan(1e-12);
  });

  it("counts valid pixels only: the mean of DL4GAM's gaps would be lower", () => {
    const statistics = beginBandStatistics(["a", "b"]);
    statistics.add(
      [
        [2, 4, 100, Number.NaN],
        [1, 1, 1, 1],
      ],
      [1, 1, 0, 1],
    );
    expect(statistics.summary().map(({ count, mean, std }) => [count, mean, std])).toEqual([
      [2, 3, 1],
      [3, 1, 0],
    ]);
    expect(beginBandStatistics(["a"]).summary()[0]).toMatchObject({ count: 0, mean: Number.NaN });
  });

  it("takes the quantiles of the rasters' ends, as pandas", () => {
    const statistics = beginBandStatistics(["a"]);
    for (const [low, high] of [
      [0.1, 5],
      [0.3, 4],
      [0.2, 9],
    ] as const) {
      statistics.add([[low, 1, high]]);
    }
    const [found] = statistics.summary();
    // pandas: Series([.1, .3, .2]).quantile(.01), Series([5, 4, 9]).quantile(.99)
    expect(found!.vmin).toBeCloseTo(0.102, 12);
    expect(found!.vmax).toBeCloseTo(8.92, 12);
  });

  it("finds quantiles to 0.1 % of the value", () => {
    const values = Float32Array.from({ length: 10_001 }, (_, index) => ((index * 7919) % 10_001) / 10_000);
    const statistics = beginBandStatistics(["a"]);
    statistics.add([values]);
    for (const share of [0.001, 0.02, 0.25, 0.5, 0.98, 1]) {
      expect(Math.abs(statistics.quantile("a", share) / share - 1)).toBeLessThan(0.0011);
    }
    expect(() => statistics.quantile("a", 2)).toThrow(/share from 0 to 1/);
    expect(() => statistics.quantile("b", 0.5)).toThrow(/band among a, got b/);
  });

  it("has bins that rise with the value, on both sides of 0", () => {
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        (a, b) => {
          const [low, high] = a <= b ? [a, b] : [b, a];
          expect(binOf(low)).toBeLessThanOrEqual(binOf(high) + (low === 0 && high === 0 ? 1 : 0));
          if (Math.abs(a) > 1e-30) expect(Math.abs(binValue(binOf(a)) / a - 1)).toBeLessThan(0.001);
        },
      ),
      { seed: 2 },
    );
  });

  it("refuses what does not fit", () => {
    const statistics = beginBandStatistics(["a"]);
    expect(() => statistics.add([[1], [2]])).toThrow(/expected 1 bands/);
    expect(() => statistics.add([[1]], [1, 1])).toThrow(/one length/);
    expect(() => statistics.merge(beginBandStatistics(["b"]))).toThrow(/expected the bands a, got b/);
    expect(() =>
      beginBandStatistics({ bands: ["a"], count: [1] } as unknown as BandAccumulatorState),
    ).toThrow(/what toJSON gave/);
  });
});

const grid = {
  width: 8,
  height: 6,
  geoTransform: [500_000, 10, 0, 3_100_000, 0, -10],
  crs: crsFromEpsg(32645),
} as const;
const square = (x: number, y: number, size: number) => [
  [
    [
      [x, y],
      [x + size, y],
      [x + size, y + size],
      [x, y + size],
      [x, y],
    ] as const,
  ],
];

describe("sceneRegion", () => {
  it("marks pixels of polygons, with a buffer, from longitude and latitude too", () => {
    const box = square(500_020, 3_099_960, 20);
    const region = sceneRegion(grid, box);
    expect(region).toMatchObject({ window: { x: 2, y: 2, width: 2, height: 2 } });
    const wide = sceneRegion(grid, box, { buffer: 10 });
    expect(wide.window).toEqual({ x: 1, y: 1, width: 4, height: 4 });
    expect([...wide.mask!]).toEqual([0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0]);
    const lonLat = box.map((polygon) => polygon.map((ring) => ring.map(projector(grid.crs, WGS84))));
    const { mask } = sceneRegion(grid, lonLat, { crs: WGS84 });
    expect(mask!.filter((inside) => inside === 1)).toEqual(region.mask);
  });

  it("counts shapes beside the grid as far as the buffer reaches", () => {
    const beside = square(499_970, 3_099_960, 20);
    expect(() => sceneRegion(grid, beside)).toThrow(/hold a pixel of the scene/);
    const { window, mask } = sceneRegion(grid, beside, { buffer: 20 });
    expect(window.x).toBe(0);
    expect([...mask!].filter((inside) => inside === 1)).toHaveLength(2);
    expect(() => sceneRegion(grid, [])).toThrow(/got none/);
    expect(() => sceneRegion({ ...grid, crs: undefined }, beside, { crs: WGS84 })).toThrow(/grid with a CRS/);
  });
});

describe("regionStatistics", () => {
  /** Rows of water, snow, rock; the first pixel has no data. */
  const scene = async (bandCount = 5) => {
    const kinds = [
      [600, 700, 500, 200, 100],
      [8000, 8000, 8000, 7000, 500],
      [2000, 2000, 2200, 2500, 3000],
    ];
    const bands = Array.from({ length: bandCount }, (_, band) =>
      Uint16Array.from({ length: 48 }, (_, pixel) =>
        pixel === 0 ? 0 : kinds[Math.floor(pixel / 16)]![band]!,
      ),
    );
    const names = ["B02", "B03", "B04", "B08", "B11"].slice(0, bandCount);
    const file = testTiff({ width: 8, height: 6, bands, names, nodata: "0" });
    return openScene(file, { offsetDn: 0, checkValues: false });
  };

  it("tells snow, water and the means from the bands", async () => {
    const opened = await scene();
    const found = await regionStatistics(opened);
    expect(found).toMatchObject({ pixelCount: 48, dataFraction: 47 / 48, validFraction: 47 / 48 });
    expect(found.waterFraction).toBeCloseTo(15 / 47, 12);
    expect(found.snowFraction).toBeCloseTo(16 / 47, 12);
    const ndsi = (15 * 0.75 + 16 * (7500 / 8500) + 16 * -0.2) / 47;
    expect(found.ndsiMean).toBeCloseTo(ndsi, 6);
    const albedo = (b: number, g: number, r: number): number => 0.5621 * b + 0.1479 * g + 0.2512 * r + 0.0015;
    expect(found.albedoMean).toBeCloseTo(
      (15 * albedo(0.06, 0.07, 0.05) + 16 * albedo(0.8, 0.8, 0.8) + 16 * albedo(0.2, 0.2, 0.22)) / 47,
      6,
    );
    expect(found.redSwirMean).toBeCloseTo((15 * 5 + 16 * 16 + 16 * (22 / 30)) / 47, 4);
    expect("cloudFraction" in found).toBe(false);
    const snow = sceneRegion(opened.grid, square(500_000, 3_099_960, 80));
    const part = await regionStatistics(opened, { window: snow.window, mask: snow.mask! });
    expect(part.pixelCount).toBe(32);
    await opened.close();
  });

  it("leaves out what bands or pixels do not suffice for", async () => {
    const opened = await scene(3);
    const found = await regionStatistics(opened);
    expect(Object.keys(found).sort()).toEqual(["albedoMean", "dataFraction", "pixelCount", "validFraction"]);
    const few = await regionStatistics(opened, { window: { x: 0, y: 0, width: 5, height: 5 } });
    expect("albedoMean" in few).toBe(false);
    expect("albedoMean" in (await regionStatistics(opened, undefined, { minPixels: 48 }))).toBe(false);
    const stopped = regionStatistics(opened, undefined, { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toSatisfy((error) => isGlofError(error, "aborted"));
    await opened.close();
  });

  it("takes clouds, snow and water from a classification where there is one", async () => {
    const opened = await scene();
    const classification: SceneLayer = {
      readWindow: async ({ x, y, width, height }) =>
        Uint8Array.from({ length: width * height }, (_, pixel) => {
          const at = (y + Math.floor(pixel / width)) * 8 + x + (pixel % width);
          return at === 0 ? 0 : at < 24 ? 9 : at < 36 ? 11 : 6;
        }),
    };
    const found = await regionStatistics({ ...opened, classification });
    expect(found.cloudFraction).toBeCloseTo(23 / 47, 12);
    expect(found.snowFraction).toBeCloseTo(12 / 47, 12);
    expect(found.waterFraction).toBeCloseTo(12 / 47, 12);
    await opened.close();
  });
});
