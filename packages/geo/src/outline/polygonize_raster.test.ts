import { seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import { crsFromEpsg } from "../crs/crs.js";
import { rowStrips } from "../raster/row_strips.js";
import { arrayRaster } from "../test_support/array_raster.js";
import type { RasterGrid } from "../types.js";
import { polygonizeLabels } from "./polygonize_labels.js";
import { polygonizeRaster, streamOutlines } from "./polygonize_raster.js";

const gridOf = (width: number, height: number): RasterGrid => ({
  width,
  height,
  geoTransform: [0, 10, 0, 0, 0, -10],
  crs: crsFromEpsg(32645),
});

describe("polygonizeRaster", () => {
  it("gives its outlines one by one, too", async () => {
    const grid = gridOf(40, 30);
    const rng = seededRng("stream");
    const values = Uint8Array.from({ length: 1200 }, () => rng.int(3));
    const raster = arrayRaster(grid, "uint8", [values]);
    const stream = (await streamOutlines(raster, { byValue: true }))[Symbol.iterator]();
    const all = await polygonizeRaster(raster, { byValue: true });
    expect(all.length).toBeGreaterThan(50);
    for (const outline of all) expect(stream.next().value).toEqual(outline);
    expect(stream.next().done).toBe(true);
  });

  it("joins all values but 0, and leaves out no-data", async () => {
    const grid = gridOf(4, 3);
    const values = Uint8Array.of(1, 2, 0, 255, 0, 3, 0, 255, 7, 0, 255, 9);
    const found = await polygonizeRaster(arrayRaster(grid, "uint8", [values], 255));
    expect(found.map(({ value, pixelCount }) => [value, pixelCount])).toEqual([
      [1, 3],
      [1, 1],
      [1, 1],
    ]);
  });

  it("8-connected regions join at corners", async () => {
    const values = Uint8Array.of(1, 0, 0, 1);
    const raster = arrayRaster(gridOf(2, 2), "uint8", [values]);
    expect(await polygonizeRaster(raster)).toHaveLength(2);
    const [one, ...rest] = await polygonizeRaster(raster, { connectivity: 8 });
    expect(rest).toEqual([]);
    expect(one!.parts).toHaveLength(2);
  });

  it("outlines equal values, with zero or without, over strips as at once", async () => {
    const grid = gridOf(20, 3000);
    const rng = seededRng("values");
    const values = Uint8Array.from({ length: 20 * 3000 }, (_, pixel) => (pixel % 7 < 3 ? rng.int(4) : 0));
    const raster = arrayRaster(grid, "uint8", [values], 3);
    expect(rowStrips(raster).length).toBeGreaterThan(1);
    const seen: number[] = [];
    const byValue = await polygonizeRaster(raster, {
      byValue: true,
      onProgress: ({ done }) => seen.push(done),
    });
    expect(byValue).toEqual(polygonizeLabels(values, { grid, background: [0, 3] }));
    expect(seen.at(-1)).toBe(3000);
    const withZero = await polygonizeRaster(raster, { byValue: true, withZero: true });
    expect(withZero).toEqual(polygonizeLabels(values, { grid, background: [3] }));
  });

  it("takes NaN, a rounded no-data value and the file's mask for no data", async () => {
    const grid = gridOf(5, 1);
    const values = Float32Array.of(0.5, Number.NaN, -3.4e38, 0.5, 2);
    const bare = arrayRaster(grid, "float32", [values], -3.4e38);
    const raster = { ...bare, mask: arrayRaster(grid, "uint8", [Uint8Array.of(255, 255, 255, 255, 0)]) };
    const found = await polygonizeRaster(raster, { byValue: true });
    expect(found.map(({ value, pixelCount }) => [value, pixelCount])).toEqual([
      [0.5, 1],
      [0.5, 1],
    ]);
    expect(await polygonizeRaster(raster)).toHaveLength(2);
    expect(await polygonizeRaster(bare)).toHaveLength(2);
  });

  it("refuses a band that is not there, and stops when asked to", async () => {
    const raster = arrayRaster(gridOf(1, 1), "uint8", [Uint8Array.of(1)]);
    await expect(polygonizeRaster(raster, { band: 1 })).rejects.toMatchObject({ code: "bad-argument" });
    const signal = AbortSignal.abort();
    await expect(polygonizeRaster(raster, { signal })).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("rowStrips", () => {
  it("covers every row once, in whole blocks", () => {
    const blocks = (rows: number): readonly [number, number] => [rows, 512];
    const heights = (width: number, height: number, rows: number): number[] =>
      rowStrips({ grid: gridOf(width, height), blockSize: blocks(rows) }).map((window) => window.height);
    expect(heights(10_980, 10_980, 1024)).toEqual([...new Array(10).fill(1024), 740]);
    expect(heights(100, 5000, 1)).toEqual([2048, 2048, 904]);
    expect(heights(100, 5000, 5000)).toEqual([2048, 2048, 904]);
    expect(heights(8192, 1024, 192)).toEqual([384, 384, 256]);
    expect(heights(3, 1, 1)).toEqual([1]);
  });
});
