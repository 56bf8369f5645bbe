import { isGlofError, seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import { beginCog } from "../cog/begin_cog.js";
import type { CogDtype } from "../cog/cog_options.js";
import { crsFromEpsg, WGS84 } from "../crs/crs.js";
import { createRasterArray } from "../raster/array_types.js";
import { arrayRaster } from "../test_support/array_raster.js";
import { hasGdal, runGdal } from "../test_support/gdal.js";
import { useTemporaryFolder } from "../test_support/temporary_folder.js";
import type { RasterArray, RasterGrid, RasterSource } from "../types.js";
import type { WarpResampling } from "./kernels.js";
import { suggestGrid } from "./suggest_grid.js";
import { warpRaster } from "./warp_raster.js";
import { warpedRaster } from "./warped_raster.js";

const folder = useTemporaryFolder();
const utm45 = crsFromEpsg(32645);
const [width, height] = [120, 90];
const grid: RasterGrid = { width, height, geoTransform: [483_000, 10, 0, 3_095_000, 0, -10], crs: utm45 };
const whole = (raster: RasterSource) => ({
  x: 0,
  y: 0,
  width: raster.grid.width,
  height: raster.grid.height,
});

/** Smooth hills with noise, and a lake of no-data. */
function hills(dtype: CogDtype, nodata: number): RasterArray {
  const rng = seededRng("hills");
  const pixels = createRasterArray(dtype, width * height);
  for (let at = 0; at < pixels.length; at++) {
    const [x, y] = [at % width, Math.floor(at / width)];
    const isLake = (x - 60) ** 2 + (y - 40) ** 2 < 150 || (x > 100 && y % 9 === 0);
    pixels[at] = isLake ? nodata : 120 + 60 * Math.sin(x / 7) * Math.cos(y / 5) + 20 * rng.next();
  }
  return pixels;
}

const targets: Readonly<Record<string, RasterGrid>> = {
  degrees: { width: 130, height: 100, geoTransform: [86.826, 1e-4, 0, 27.981, 0, -0.9e-4], crs: WGS84 },
  "next zone": {
    ...{ width: 100, height: 110, crs: crsFromEpsg(32644) },
    geoTransform: [1_073_700, 10, 0, 3_108_700, 0, -10],
  },
  "half a pixel": { width: 125, height: 95, geoTransform: [482_985, 10, 0, 3_095_005, 0, -10], crs: utm45 },
  coarse: { width: 40, height: 30, geoTransform: [483_000, 30, 0, 3_095_000, 0, -30], crs: utm45 },
  "coarse, askew": { width: 33, height: 25, geoTransform: [483_007, 35, 0, 3_094_991, 0, -35], crs: utm45 },
};
const methods: readonly WarpResampling[] = ["nearest", "bilinear", "cubic", "average"];

describe("warpedRaster", () => {
  it("is the raster itself on the raster's own grid", async () => {
    const source = arrayRaster(grid, "int16", [hills("int16", -1)], -1);
    for (const resampling of methods) {
      const warped = warpedRaster(source, grid, { resampling });
      expect(await warped.readWindow(whole(warped)), resampling).toEqual(
        await source.readWindow(whole(source)),
      );
    }
  });

  it("gives the same pixels whatever the window, within the stated error of exact ones", async () => {
    const source = arrayRaster(grid, "float32", [hills("float32", -1)], -1);
    for (const [name, target] of Object.entries(targets)) {
      const warped = warpedRaster(source, target, { maxErrorPx: 0 });
      const [all] = await warped.readWindow(whole(warped));
      const window = { x: 7, y: 11, width: 20, height: 9 };
      const [part] = await warped.readWindow(window);
      const cut = Float32Array.from(
        { length: 180 },
        (_, at) => all![(11 + Math.floor(at / 20)) * target.width + 7 + (at % 20)]!,
      );
      expect(part, name).toEqual(cut);
    }
  });

  it("shifts by half a pixel with known weights, and leaves no-data out", async () => {
    const row: RasterGrid = { width: 4, height: 1, geoTransform: [0, 1, 0, 1, 0, -1], crs: undefined };
    const shifted: RasterGrid = { width: 5, height: 1, geoTransform: [-0.5, 1, 0, 1, 0, -1], crs: undefined };
    const source = arrayRaster(row, "float64", [Float64Array.of(1, 5, 3, 9)]);
    const read = async (raster: RasterSource, resampling: WarpResampling) =>
      (
        await warpedRaster(raster, shifted, { resampling }).readWindow({ x: 0, y: 0, width: 5, height: 1 })
      )[0];
    // The last centre stands on the raster's right edge, which belongs to the next pixel.
    expect(await read(source, "bilinear")).toEqual(Float64Array.of(1, 3, 4, 6, Number.NaN));
    expect(await read(source, "average")).toEqual(Float64Array.of(1, 3, 4, 6, 9));
    const holed = arrayRaster(row, "uint8", [Uint8Array.of(10, 0, 30, 40)], 0);
    expect(await read(holed, "average")).toEqual(Uint8Array.of(10, 10, 30, 35, 40));
  });

  it("fills with no-data and keeps a mask where there is none", async () => {
    const pixels = Uint8Array.from({ length: width * height }, (_, at) => at % 251);
    const far = { ...grid, geoTransform: [483_600, 10, 0, 3_095_000, 0, -10] as const };
    const plain = warpedRaster(arrayRaster(grid, "uint8", [pixels]), far, { resampling: "nearest" });
    const [[value], [valid]] = [
      await plain.readWindow(whole(plain)),
      await plain.mask!.readWindow(whole(plain)),
    ];
    expect([value![59], valid![59], value![60], valid![60]]).toEqual([119, 255, 0, 0]);
    const marked = warpedRaster(arrayRaster(grid, "uint8", [pixels]), far, {
      resampling: "nearest",
      nodata: 255,
    });
    expect(marked.mask).toBeUndefined();
    expect((await marked.readWindow({ x: 60, y: 0, width: 1, height: 1 }))[0]![0]).toBe(255);
  });

  it("refuses grids that cannot be brought together", () => {
    const source = arrayRaster(grid, "uint8", [new Uint8Array(width * height)]);
    const codeOf = (work: () => unknown): string => {
      try {
        work();
        return "no error";
      } catch (error) {
        return isGlofError(error) ? error.code : String(error);
      }
    };
    expect(codeOf(() => warpedRaster(source, { ...grid, crs: undefined }))).toBe("missing-crs");
    const unknown = { epsg: 9999, geographic: false, proj4: "EPSG:9999", name: "somewhere" };
    expect(codeOf(() => warpedRaster(source, { ...grid, crs: unknown }))).toBe("unsupported-feature");
    expect(codeOf(() => warpedRaster(source, { ...grid, width: 0 }))).toBe("bad-argument");
    expect(codeOf(() => warpedRaster(source, grid, { nodata: 256 }))).toBe("bad-argument");
    expect(codeOf(() => warpedRaster(source, grid, { maxErrorPx: -1 }))).toBe("bad-argument");
  });
});

describe("warpRaster", () => {
  it("yields the same rows in strips, tells progress and stops", async () => {
    const source = arrayRaster(grid, "float32", [hills("float32", -1)], -1);
    const target = targets.degrees!;
    const [all] = await warpedRaster(source, target).readWindow({ x: 0, y: 0, width: 130, height: 100 });
    const done: number[] = [];
    const rows: number[] = [];
    const options = { chunkRows: 30, onProgress: (event: { done: number }) => done.push(event.done) };
    for await (const strip of warpRaster(source, target, options)) rows.push(...strip.rows[0]!);
    expect(Float32Array.from(rows)).toEqual(all);
    expect(done).toEqual([30, 60, 90, 100]);
    const stopped = warpRaster(source, target, { signal: AbortSignal.abort() });
    await expect(stopped.next()).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("suggestGrid", () => {
  it("holds the whole raster, on multiples of the resolution", () => {
    const degrees = suggestGrid(grid, WGS84);
    expect(degrees.width).toBeGreaterThan(100);
    expect(degrees.geoTransform[1]).toBeCloseTo(-degrees.geoTransform[5], 15);
    const aligned = suggestGrid(grid, crsFromEpsg(32644), { resolution: 20 });
    expect(aligned.geoTransform[0] % 20).toBe(0);
    expect(aligned.geoTransform[3] % 20).toBe(0);
    expect(suggestGrid(grid, utm45, { resolution: 10 })).toEqual(grid);
    expect(() => suggestGrid(grid, utm45, { resolution: 0 })).toThrow(/resolution/);
  });
});

/** What gdalwarp 3.6.2 -et 0 gave for the same float32 source: number of valid pixels and their sum. */
const gdalSums: Readonly<Record<string, readonly [count: number, sum: number]>> = {
  "nearest/degrees": [9928, 1289210.220752716],
  "bilinear/degrees": [9928, 1289312.9708633423],
  "cubic/degrees": [9928, 1289297.4363098145],
  "nearest/next zone": [8176, 1060338.0588378906],
  "bilinear/next zone": [8176, 1060386.486579895],
  "cubic/next zone": [8176, 1060405.2917556763],
  "average/next zone": [8337, 1081241.9926071167],
  "nearest/half a pixel": [10129, 1316503.7510795593],
  "bilinear/half a pixel": [10129, 1316106.8241729736],
  "cubic/half a pixel": [10129, 1316109.8523330688],
  "nearest/coarse": [1146, 148889.05954360962],
  "bilinear/coarse": [1146, 148937.1337890625],
  "cubic/coarse": [1146, 148939.80527496338],
  "average/coarse": [1158, 150540.53511047363],
  "nearest/coarse, askew": [775, 100619.75173187256],
  "bilinear/coarse, askew": [775, 100582.55861663818],
  "cubic/coarse, askew": [775, 100575.88157653809],
  "average/coarse, askew": [800, 103888.04727935791],
};

describe("values of gdalwarp", () => {
  it.each(Object.keys(gdalSums))("%s", async (key) => {
    const [resampling, name] = key.split("/") as [WarpResampling, string];
    const source = arrayRaster(grid, "float32", [hills("float32", -1)], -1);
    const warped = warpedRaster(source, targets[name]!, { resampling, maxErrorPx: 0 });
    const [pixels] = await warped.readWindow(whole(warped));
    const valid = Array.from(pixels!).filter((value) => value !== -1);
    const sum = valid.reduce((total, value) => total + value, 0);
    expect(valid.length).toBe(gdalSums[key]![0]);
    expect(Math.abs(sum - gdalSums[key]![1])).toBeLessThan(0.02);
  });

  it("stays within the stated error where positions are interpolated", async () => {
    const ramp = Float32Array.from({ length: width * height }, (_, at) => at % width);
    const source = arrayRaster(grid, "float32", [ramp], -1);
    const [exact] = await warpedRaster(source, targets.degrees!, { maxErrorPx: 0 }).readWindow({
      ...{ x: 0, y: 0, width: 130, height: 100 },
    });
    const [near] = await warpedRaster(source, targets.degrees!).readWindow({
      x: 0,
      y: 0,
      width: 130,
      height: 100,
    });
    const worst = Math.max(...Array.from(exact!, (value, at) => Math.abs(value - near![at]!)));
    expect(worst).toBeLessThan(0.125);
  });
});

interface Comparison {
  readonly oursAlone: number;
  readonly theirsAlone: number;
  readonly maxDifference: number;
  readonly differing: number;
}

describe.skipIf(!hasGdal("warping against gdalwarp"))("gdalwarp -et 0", () => {
  it.each(["float32", "uint8"] as const)(
    "agrees for %s",
    async (dtype) => {
      const nodata = dtype === "float32" ? -1 : 0;
      const pixels = hills(dtype, nodata);
      const path = folder.at(`hills_${dtype}.tif`);
      const writer = await beginCog(path, {
        ...{ grid, dtype, nodata, bandNames: ["x"], overviews: "nearest" as const },
      });
      await writer.writeRows([pixels], height);
      await writer.close();
      const source = arrayRaster(grid, dtype, [pixels], nodata);
      for (const [name, target] of Object.entries(targets)) {
        for (const resampling of methods) {
          const warped = warpedRaster(source, target, { resampling, maxErrorPx: 0 });
          const [ours] = await warped.readWindow(whole(warped));
          const [x, a, , y, , d] = target.geoTransform;
          const compared = runGdal<Comparison>(
            `
import numpy as np
ds = gdal.Warp('', args['path'], format='MEM', dstSRS='EPSG:%d' % args['epsg'], outputBounds=args['bounds'], width=args['size'][0],
  height=args['size'][1], resampleAlg=args['method'], errorThreshold=0, overviewLevel=None, dstNodata=args['nodata'], warpOptions=args['options'])
t = ds.ReadAsArray().astype('f8')
o = np.array(args['ours']).reshape(t.shape)
n = args['nodata']
both = (t != n) & (o != n)
d = np.abs(t - o)[both]
print(json.dumps(dict(oursAlone=int(((t == n) & (o != n)).sum()), theirsAlone=int(((t != n) & (o == n)).sum()),
  maxDifference=float(d.max()), differing=int((d > 1e-3).sum()))))
`,
            {
              ...{
                path,
                epsg: target.crs!.epsg,
                size: [target.width, target.height],
                method: resampling,
                nodata,
              },
              bounds: [x, y + d * target.height, x + a * target.width, y],
              // GDAL takes its kernels' scale from the extents, which do not fit each other where grids are turned.
              options: name === "next zone" ? ["XSCALE=1", "YSCALE=1"] : [],
              ours: Array.from(ours!),
            },
          );
          const what = `${resampling} on ${name}`;
          expect(compared.oursAlone, what).toBe(0);
          // GDAL's average gives a value to pixels that end up to one pixel outside the raster.
          if (resampling !== "average") expect(compared.theirsAlone, what).toBe(0);
          // Floats: single precision, and slivers that GDAL's average leaves out. Integers: ties of rounding.
          expect(compared.maxDifference, what).toBeLessThanOrEqual(dtype === "uint8" ? 1 : 0.005);
          expect(compared.differing, what).toBeLessThanOrEqual(4);
        }
      }
    },
    120_000,
  );
});
