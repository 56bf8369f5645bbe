import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGlofError, seededRng } from "@glof/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LayerPixels, RAW_ZERO } from "./band_layer.js";
import { openScene } from "./open_scene.js";
import { resampleLayer, sourceWindow } from "./resample.js";
import { type TestTiff, testTiff } from "./test_tiff.js";
import type { Resampling } from "./types.js";
import { INVALID_REASONS } from "./validity/reasons.js";

const layer = (values: readonly number[], flags: readonly number[] = values.map(() => 0)) => ({
  refl: Float32Array.from(values),
  flags: Uint8Array.from(flags),
});
const box = (width: number, height = width, x = 0, y = 0) => ({ x, y, width, height });
const { noData } = INVALID_REASONS;

describe("resampleLayer to coarser pixels", () => {
  const fine = layer(Array.from({ length: 36 }, (_, index) => index));
  const means = (ratio: number, method: Resampling, size: number): number[] => [
    ...resampleLayer(fine, box(6), box(size), ratio, method).refl,
  ];

  it("takes means by area, the centre, or what meets there", () => {
    expect(means(1 / 2, "area", 3)).toEqual([3.5, 5.5, 7.5, 15.5, 17.5, 19.5, 27.5, 29.5, 31.5]);
    expect(means(1 / 2, "bilinear", 3)).toEqual(means(1 / 2, "area", 3));
    expect(means(1 / 2, "nearest", 3)).toEqual([7, 9, 11, 19, 21, 23, 31, 33, 35]);
    expect(means(1 / 3, "area", 2)).toEqual([7, 10, 25, 28]);
    expect(means(1 / 3, "bilinear", 2)).toEqual([7, 10, 25, 28]);
    expect(means(1 / 3, "nearest", 2)).toEqual([7, 10, 25, 28]);
    expect(means(1 / 6, "area", 1)).toEqual([17.5]);
    expect(means(1 / 6, "bilinear", 1)).toEqual([17.5]);
    expect(means(1 / 6, "nearest", 1)).toEqual([21]);
  });

  it("averages what holds a number, and needs half of it", () => {
    const flags = [
      0,
      noData,
      noData,
      noData,
      0,
      noData,
      0,
      RAW_ZERO,
      0,
      noData,
      0,
      0,
      RAW_ZERO,
      RAW_ZERO,
      0,
      0,
    ];
    const out = resampleLayer(
      layer([1, 9, 9, 9, 3, 9, 5, -1, 2, 9, 4, 6, -1, -1, 8, 2], flags),
      box(4),
      box(2),
      1 / 2,
      "area",
    );
    expect([...out.refl]).toEqual([2, -1, -1, 5]);
    expect([...out.flags]).toEqual([0, noData | RAW_ZERO, noData | RAW_ZERO, 0]);
  });

  it("averages what there is of a block that the border cuts", () => {
    const out = resampleLayer(layer([1, 2, 3, 4, 5, 6, 7, 8, 9]), box(3), box(2), 1 / 2, "area");
    expect([...out.refl]).toEqual([3, 4.5, 7.5, 9]);
    const nearest = resampleLayer(layer([1, 2, 3, 4, 5, 6, 7, 8, 9]), box(3), box(2), 1 / 2, "nearest");
    expect([...nearest.refl]).toEqual([5, 6, 8, 9]);
    const bilinear = resampleLayer(layer([1, 2, 3, 4, 5, 6, 7, 8, 9]), box(3), box(2), 1 / 6, "bilinear");
    expect(bilinear.refl[0]).toBe(9);
  });
});

describe("resampleLayer to finer pixels", () => {
  it("repeats the coarse pixel by nearest and by area", () => {
    const coarse = layer([1, 2, 3, 4], [0, 0, noData, 0]);
    for (const method of ["nearest", "area"] as const) {
      const out = resampleLayer(coarse, box(2), box(4), 2, method);
      expect([...out.refl]).toEqual([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
      expect([...out.flags]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0]);
    }
  });

  it("interpolates between centres three pixels apart", () => {
    const out = resampleLayer(layer([0, 3, 6]), box(3, 1), box(9, 3), 3, "bilinear");
    expect([...out.refl.slice(0, 9)]).toEqual([0, 0, 1, 2, 3, 4, 5, 6, 6]);
  });
});

describe("resampling of any window", () => {
  const rng = seededRng(11);
  const random = (size: number) =>
    layer(
      Array.from({ length: size }, () => Math.fround(rng.next())),
      Array.from({ length: size }, () => (rng.next() < 0.1 ? noData : 0)),
    );
  const cut = (pixels: LayerPixels, width: number, window: ReturnType<typeof box>) => {
    const indices = Array.from(
      { length: window.width * window.height },
      (_, index) => (window.y + Math.floor(index / window.width)) * width + window.x + (index % window.width),
    );
    return layer(
      indices.map((index) => pixels.refl[index]!),
      indices.map((index) => pixels.flags[index]!),
    );
  };

  it.each<[number, Resampling]>(
    [2, 3, 6, 1 / 2, 1 / 3, 1 / 6].flatMap((ratio) =>
      (["nearest", "bilinear", "area"] as const).map((method): [number, Resampling] => [ratio, method]),
    ),
  )("is the same as of the whole: ratio %f, %s", (ratio, method) => {
    const scene = { width: 18, height: 12 };
    const size = { width: Math.ceil(scene.width / ratio), height: Math.ceil(scene.height / ratio) };
    const pixels = random(size.width * size.height);
    const whole = resampleLayer(pixels, box(size.width, size.height), box(18, 12), ratio, method);
    for (let trial = 0; trial < 20; trial++) {
      const x = Math.floor(rng.next() * 18);
      const y = Math.floor(rng.next() * 12);
      const window = box(1 + Math.floor(rng.next() * (18 - x)), 1 + Math.floor(rng.next() * (12 - y)), x, y);
      const from = sourceWindow(window, ratio, size);
      const part = resampleLayer(cut(pixels, size.width, from), from, window, ratio, method);
      const expected = cut(whole, 18, window);
      expect([...part.refl]).toEqual([...expected.refl]);
      expect([...part.flags]).toEqual([...expected.flags]);
    }
  });
});

describe("openScene on another grid", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "glof-grid-"));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const put = (name: string, tiff: Pick<TestTiff, "width" | "height" | "bands"> & Partial<TestTiff>) =>
    writeFile(join(folder, name), new Uint8Array(testTiff(tiff)));
  const ramp = (size: number) => Array.from({ length: size }, (_, index) => 1000 + 100 * index);

  it("makes 20 m and 60 m of what is 10 m, 20 m and 60 m", async () => {
    await put("x_B02_10m.tif", { width: 12, height: 6, bands: [ramp(72)] });
    await put("x_B11_20m.tif", { width: 6, height: 3, bands: [ramp(18)], pixelM: 20 });
    await put("x_B09_60m.tif", { width: 2, height: 1, bands: [ramp(2)], pixelM: 60 });
    const scene = await openScene(folder, { resolutionM: 20, checkValues: false });
    expect(scene.grid).toMatchObject({
      width: 6,
      height: 3,
      geoTransform: [500_000, 20, 0, 3_100_000, 0, -20],
    });
    const row = { x: 0, y: 0, width: 6, height: 1 };
    const { bandsRefl } = await scene.readReflectance(row, ["B02", "B11", "B09"]);
    const dn = bandsRefl.map((refl) => Array.from(refl, (value) => Math.round(value * 10_000)));
    // Pixels 0, 1, 12 and 13 of 10 m lie in the first one of 20 m.
    expect(dn[0]).toEqual([1650, 1850, 2050, 2250, 2450, 2650]);
    expect(dn[1]).toEqual([1000, 1100, 1200, 1300, 1400, 1500]);
    expect(dn[2]).toEqual([1000, 1000, 1033, 1067, 1100, 1100]);
    await scene.close();
    const nearest = await openScene(folder, { resolutionM: 60, resampling: "nearest", checkValues: false });
    const coarse = await nearest.readReflectance({ x: 0, y: 0, width: 2, height: 1 }, ["B02", "B11", "B09"]);
    expect(coarse.bandsRefl.map((refl) => Array.from(refl, (value) => Math.round(value * 10_000)))).toEqual([
      [1000 + 100 * (3 * 12 + 3), 1000 + 100 * (3 * 12 + 9)],
      [1700, 2000],
      [1000, 1100],
    ]);
    await nearest.close();
    const fine = await openScene(folder, { bands: ["B09"], resolutionM: 10, checkValues: false });
    expect(fine.grid).toMatchObject({ width: 12, height: 6 });
    await fine.close();
  });

  /** Sums of what gdalwarp 3.6 (-et 0, Float32 output) makes of the same numbers, plain and weighted by index mod 17. */
  it.each<["B02" | "B09" | "B11", 10 | 20 | 60, Resampling, number, number]>([
    ["B11", 10, "bilinear", 8_976_352, 71_533_078],
    ["B09", 10, "bilinear", 11_979_936, 95_644_627.44],
    ["B09", 10, "nearest", 11_979_936, 95_658_453],
    ["B02", 20, "area", 2_182_840, 17_070_022.5],
    ["B02", 60, "area", 242_537.78, 1_837_731.28],
    ["B02", 20, "nearest", 2_191_536, 17_357_048],
    ["B11", 60, "area", 249_343.11, 1_810_904.02],
    ["B11", 60, "nearest", 258_232, 2_082_904],
  ])("agrees with gdalwarp: %s to %d m by %s", async (band, resolutionM, resampling, sum, weighted) => {
    const numbers = (size: number, seed: number) =>
      Array.from({ length: size }, (_, index) => 1000 + ((index * 7919 + seed) % 8000));
    await put("B02_10m.tif", { width: 48, height: 36, bands: [numbers(1728, 1)] });
    await put("B11_20m.tif", { width: 24, height: 18, bands: [numbers(432, 2)], pixelM: 20 });
    await put("B09_60m.tif", { width: 8, height: 6, bands: [numbers(48, 3)], pixelM: 60 });
    const scene = await openScene(folder, { resolutionM, resampling, quantification: 1, checkValues: false });
    const { width, height } = scene.grid;
    const { bandsRefl } = await scene.readReflectance({ x: 0, y: 0, width, height }, [band]);
    const total = (weight: (index: number) => number): number =>
      bandsRefl[0]!.reduce((before, value, index) => before + value * weight(index), 0);
    expect(total(() => 1)).toBeCloseTo(sum, 1);
    expect(total((index) => index % 17)).toBeCloseTo(weighted, 1);
    await scene.close();
  });

  it("refuses pixels that do not divide each other, and degrees", async () => {
    await put("B02.tif", { width: 4, height: 4, bands: [ramp(16)], pixelM: 15 });
    await expect(openScene(folder, { resolutionM: 20 })).rejects.toSatisfy((error) =>
      isGlofError(error, "bad-argument"),
    );
    await put("B02.tif", { width: 4, height: 4, bands: [ramp(16)], pixelM: 0.0001, epsg: 4326 });
    await expect(openScene(folder, { resolutionM: 20 })).rejects.toSatisfy((error) =>
      isGlofError(error, "bad-argument"),
    );
  });

  it("reads a stack at half its resolution, and a window at another size", async () => {
    const bands = [ramp(72), ramp(72)];
    const source = testTiff({ width: 12, height: 6, bands, names: ["B03", "B08"] });
    const scene = await openScene(source, { resolutionM: 20, checkValues: false });
    expect(scene.grid.width).toBe(6);
    const full = await scene.readReflectance({ x: 0, y: 0, width: 6, height: 3 }, ["B08"]);
    const halved = await scene.readReflectance({ x: 0, y: 0, width: 6, height: 3 }, ["B08"], {
      outputSize: [1, 2],
    });
    const mean =
      [0, 1, 2, 6, 7, 8, 12, 13, 14].reduce((sum, pixel) => sum + full.bandsRefl[0]![pixel]!, 0) / 9;
    expect(halved.bandsRefl[0]).toHaveLength(2);
    expect(halved.bandsRefl[0]![0]).toBeCloseTo(mean, 4);
    expect([...halved.validMask]).toEqual([1, 1]);
    for (const wrong of [[0, 1], [1.5, 2], [3]]) {
      const outputSize = wrong as unknown as [number, number];
      await expect(
        scene.readReflectance({ x: 0, y: 0, width: 6, height: 3 }, ["B08"], { outputSize }),
      ).rejects.toSatisfy((error) => isGlofError(error, "bad-argument"));
    }
  });
});
