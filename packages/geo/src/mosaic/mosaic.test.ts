import { describe, expect, it } from "vitest";
import { crsFromEpsg, WGS84 } from "../crs/crs.js";
import { arrayRaster } from "../test_support/array_raster.js";
import type { RasterGrid, RasterSource } from "../types.js";
import { warpedRaster } from "../warp/warped_raster.js";
import { type MosaicRule, type MosaicScene, mosaic } from "./mosaic.js";

const utm45 = crsFromEpsg(32645);
const row = (x: number, width: number): RasterGrid => ({
  ...{ width, height: 1, crs: utm45 },
  geoTransform: [500_000 + 10 * x, 10, 0, 3_000_000, 0, -10],
});
const uint8 = (x: number, ...values: number[]): RasterSource =>
  arrayRaster(row(x, values.length), "uint8", [Uint8Array.from(values)], 0);
const read = async (scenes: readonly MosaicScene[], rule: MosaicRule, width = 5) => {
  const raster = mosaic(scenes, row(0, width), { rule });
  return Array.from((await raster.readWindow({ x: 0, y: 0, width, height: 1 }))[0]!);
};

describe("mosaic", () => {
  const a = uint8(0, 10, 0, 30, 40);
  const b = uint8(1, 12, 22, 32, 42);
  const c = uint8(1, 50, 60, 0, 0);

  it("takes the first or last valid pixel", async () => {
    const scenes = [{ raster: a }, { raster: b }, { raster: c }];
    expect(await read(scenes, "first")).toEqual([10, 12, 30, 40, 42]);
    expect(await read(scenes, "last")).toEqual([10, 50, 60, 32, 42]);
  });

  it("blends the valid pixels", async () => {
    const scenes = [{ raster: a }, { raster: b }, { raster: c }];
    expect(await read(scenes, "mean")).toEqual([10, 31, 37, 36, 42]);
    expect(await read(scenes, "median")).toEqual([10, 31, 30, 36, 42]);
  });

  it("takes the pixel of the smallest score, by scene or by pixel", async () => {
    const byScene = [
      { raster: a, score: 30 },
      { raster: b, score: 10 },
      { raster: c, score: 20 },
    ];
    expect(await read(byScene, "least-cloud")).toEqual([10, 12, 22, 32, 42]);
    const cloud = (x: number, ...values: number[]) =>
      arrayRaster(row(x, values.length), "float32", [Float32Array.from(values)]);
    const byPixel = [
      { raster: a, score: cloud(0, 0.5, 0.1, 0.9, 0.2) },
      { raster: b, score: cloud(1, 0.3, 0.3, 0.3, Number.NaN) },
      { raster: c, score: 0.25 },
    ];
    expect(await read(byPixel, "least-cloud")).toEqual([10, 50, 60, 40, 0]);
    expect(() => mosaic([{ raster: a }], row(0, 5), { rule: "least-cloud" })).toThrow(/score/);
  });

  it("takes all bands of a pixel from one scene", async () => {
    const two = (x: number, first: number[], second: number[]) =>
      arrayRaster(row(x, 2), "int16", [Int16Array.from(first), Int16Array.from(second)], -1);
    const raster = mosaic(
      [{ raster: two(0, [1, 2], [-1, 3]) }, { raster: two(0, [7, 8], [9, 10]) }],
      row(0, 2),
    );
    const window = { x: 0, y: 0, width: 2, height: 1 };
    expect(await raster.readWindow(window)).toEqual([Int16Array.of(7, 2), Int16Array.of(9, 3)]);
    expect(await raster.readWindow(window, { bands: [1] })).toEqual([Int16Array.of(9, 3)]);
  });

  it("knows what is outside a scene that has no no-data value", async () => {
    const plain = arrayRaster(row(2, 2), "uint8", [Uint8Array.of(0, 5)]);
    expect(await read([{ raster: plain }, { raster: uint8(0, 1, 2, 3, 4, 6) }], "first")).toEqual([
      1, 2, 0, 5, 6,
    ]);
  });

  it("brings scenes of other CRSs to the grid as warpedRaster does", async () => {
    const degrees: RasterGrid = {
      width: 40,
      height: 40,
      geoTransform: [87, 1e-4, 0, 27.12, 0, -1e-4],
      crs: WGS84,
    };
    const pixels = Float32Array.from({ length: 1600 }, (_, at) => at);
    const source = arrayRaster(degrees, "float32", [pixels], -1);
    const grid: RasterGrid = { ...row(0, 300), height: 300 };
    const window = { x: 0, y: 0, width: 300, height: 300 };
    const expected = await warpedRaster(source, grid, { resampling: "cubic" }).readWindow(window);
    expect(expected[0]!.some((value) => value > 0)).toBe(true);
    const got = await mosaic([{ raster: source }], grid, { resampling: "cubic" }).readWindow(window);
    expect(got).toEqual(expected);
  });

  it("refuses no scenes, and scenes that differ", () => {
    expect(() => mosaic([], row(0, 5))).toThrow(/at least one scene/);
    const other = arrayRaster(row(0, 1), "int16", [Int16Array.of(1)]);
    expect(() => mosaic([{ raster: a }, { raster: other }], row(0, 5))).toThrow(/int16/);
  });
});
