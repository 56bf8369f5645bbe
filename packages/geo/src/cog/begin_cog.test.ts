import { createHash } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { isGlofError, seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import { crsFromEpsg } from "../crs/crs.js";
import { createRasterArray, dtypeRange, isFloatDtype } from "../raster/array_types.js";
import { openRaster } from "../raster/open_raster.js";
import { hasGdal, runGdal } from "../test_support/gdal.js";
import { useTemporaryFolder } from "../test_support/temporary_folder.js";
import type { RasterArray, RasterGrid } from "../types.js";
import { beginCog } from "./begin_cog.js";
import type { CogDtype, CogOptions } from "./cog_options.js";

const folder = useTemporaryFolder();
const dtypes: CogDtype[] = ["uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"];

const gridOf = (width: number, height: number, epsg = 32645): RasterGrid => ({
  width,
  height,
  geoTransform: [483_000, 10, 0, 3_095_000, 0, -10],
  crs: crsFromEpsg(epsg),
});

/** Noise over the whole range, with patches of one value as real rasters have. */
function noise(dtype: CogDtype, length: number, seed: number): RasterArray {
  const rng = seededRng(seed);
  const [lowest, highest] = isFloatDtype(dtype) ? [-1e6, 1e6] : dtypeRange(dtype);
  const pixels = createRasterArray(dtype, length);
  for (let index = 0; index < length; index++) {
    const value = rng.uniform(lowest, highest);
    pixels[index] = index % 7 < 4 ? 3 : isFloatDtype(dtype) ? value : Math.floor(value);
  }
  return pixels;
}

async function writeCog(
  path: string,
  options: CogOptions,
  bands: readonly RasterArray[],
  rowsAtOnce: number,
): Promise<void> {
  const { width, height } = options.grid;
  const writer = await beginCog(path, options);
  for (let row = 0; row < height; row += rowsAtOnce) {
    const rows = Math.min(rowsAtOnce, height - row);
    await writer.writeRows(
      bands.map((band) => band.slice(row * width, (row + rows) * width)),
      rows,
    );
  }
  await writer.close();
}

async function readAll(path: string): Promise<RasterArray[]> {
  const raster = await openRaster(path);
  try {
    return await raster.readWindow({ x: 0, y: 0, width: raster.grid.width, height: raster.grid.height });
  } finally {
    await raster.close();
  }
}

const sha256OfBands = (bands: readonly RasterArray[]): string => {
  const hash = createHash("sha256");
  for (const band of bands) hash.update(new Uint8Array(band.buffer, band.byteOffset, band.byteLength));
  return hash.digest("hex");
};

interface CogReport {
  readonly errors: string[];
  readonly warnings: string[];
  readonly sha256: string;
  readonly layout: string | null;
  readonly overviews: [number, number][];
  readonly epsg: string | null;
  readonly transform: number[];
  readonly names: string[];
  readonly nodata: string[];
  readonly scales: [number | null, number | null][];
  readonly metadata: Record<string, string>;
  readonly mean: string | null;
}

/** Validator (every tile looked at), pixels and metadata of each file as GDAL sees them. */
const describeCogs = (paths: readonly string[]): CogReport[] =>
  runGdal(
    `
from osgeo_utils.samples import validate_cloud_optimized_geotiff as v
out = []
for path in args:
    ds = gdal.Open(path)
    warnings, errors, details = v.validate(ds, full_check=True)
    bands = [ds.GetRasterBand(i + 1) for i in range(ds.RasterCount)]
    h = hashlib.sha256()
    for b in bands: h.update(b.ReadRaster())
    srs = ds.GetSpatialRef()
    out.append(dict(errors=errors, warnings=warnings, sha256=h.hexdigest(),
      layout=ds.GetMetadataItem('LAYOUT', 'IMAGE_STRUCTURE'),
      overviews=[[bands[0].GetOverview(i).XSize, bands[0].GetOverview(i).YSize] for i in range(bands[0].GetOverviewCount())],
      epsg=srs.GetAuthorityCode(None) if srs else None, transform=ds.GetGeoTransform(),
      names=[b.GetDescription() for b in bands], nodata=[repr(b.GetNoDataValue()) for b in bands],
      scales=[[b.GetScale(), b.GetOffset()] for b in bands], metadata=ds.GetMetadata(),
      mean=bands[0].GetMetadataItem('STATISTICS_MEAN')))
print(json.dumps(out))
`,
    paths,
  );

describe("round trip through this package's reader", () => {
  it.each(dtypes)("keeps every bit of %s at any size and any strip height", async (dtype) => {
    for (const [width, height, bandCount, rowsAtOnce] of [
      [1, 1, 1, 1],
      [33, 100, 3, 7],
      [100, 33, 2, 33],
    ] as const) {
      const bands = Array.from({ length: bandCount }, (_, band) =>
        noise(dtype, width * height, band + width),
      );
      const options: CogOptions = {
        grid: gridOf(width, height),
        dtype,
        bandNames: bands.map((_, band) => `B${band}`),
        blockSize: 32,
        overviews: "nearest",
      };
      const path = folder.at(`round_${dtype}_${width}.tif`);
      await writeCog(path, options, bands, rowsAtOnce);
      expect(await readAll(path)).toEqual(bands);
    }
  });

  it("says what the raster is", async () => {
    const path = folder.at("facts.tif");
    const options: CogOptions = {
      grid: { ...gridOf(20, 10), geoTransform: [1, 2, 0.5, 3, 0.25, -2] },
      dtype: "uint16",
      bandNames: ["B02", 'a <b> & "c"'],
      nodata: 65_535,
      overviews: "average",
      scale: [0.0001, 1],
      offset: [-0.1, 0],
    };
    await writeCog(path, options, [noise("uint16", 200, 1), noise("uint16", 200, 2)], 10);
    const raster = await openRaster(path);
    await raster.close();
    expect(raster.grid).toEqual(options.grid);
    expect(raster.blockSize).toEqual([512, 512]);
    expect(raster.bands).toEqual([
      { name: "B02", dtype: "uint16", nodata: 65_535, scale: 0.0001, offset: -0.1 },
      { name: 'a <b> & "c"', dtype: "uint16", nodata: 65_535, scale: 1, offset: 0 },
    ]);
  });
});

describe.skipIf(!hasGdal("COGs against GDAL's validator"))("GDAL", () => {
  it("accepts and reads a matrix of types and sizes bit by bit", async () => {
    const expected: { path: string; sha256: string; size: readonly [number, number] }[] = [];
    for (const dtype of dtypes) {
      for (const [width, height, bandCount, blockSize] of [
        [1, 1, 1, 512],
        [17, 200, 1, 16],
        [257, 129, 2, 64],
        [600, 50, 4, 512],
      ] as const) {
        const path = folder.at(`gdal_${dtype}_${width}_${height}.tif`);
        const bands = Array.from({ length: bandCount }, (_, band) => noise(dtype, width * height, band));
        const bandNames = bands.map((_, band) => `band ${band}`);
        await writeCog(
          path,
          { grid: gridOf(width, height), dtype, bandNames, blockSize, overviews: "average" },
          bands,
          100,
        );
        expected.push({ path, sha256: sha256OfBands(bands), size: [width, height] });
      }
    }
    const reports = describeCogs(expected.map(({ path }) => path));
    reports.forEach((report, index) => {
      expect(report).toMatchObject({ errors: [], warnings: [], layout: "COG", epsg: "32645" });
      expect(report.sha256).toBe(expected[index]!.sha256);
      expect(report.transform).toEqual([483_000, 10, 0, 3_095_000, 0, -10]);
    });
    expect(reports[2]!.overviews).toEqual([
      [129, 65],
      [65, 33],
      [33, 17],
    ]);
    expect(reports[3]!.overviews).toEqual([[300, 25]]);
  }, 180_000);

  it("reads names, no-data, scale, offset, metadata and statistics", async () => {
    const path = folder.at("gdal_facts.tif");
    const pixels = Float32Array.from([Number.NaN, 1, 2, 6]);
    await writeCog(
      path,
      {
        grid: { ...gridOf(2, 2, 4326), geoTransform: [86, 0.1, 0, 28, 0, -0.1] },
        dtype: "float32",
        bandNames: ["probability"],
        nodata: Number.NaN,
        overviews: "average",
        scale: 0.5,
        offset: 2,
        metadata: { SOFTWARE: "glof <1>" },
        statistics: true,
      },
      [pixels],
      2,
    );
    const [report] = describeCogs([path]);
    expect(report).toMatchObject({
      errors: [],
      names: ["probability"],
      scales: [[0.5, 2]],
      epsg: "4326",
      mean: "3",
    });
    expect(report).toMatchObject({ metadata: { SOFTWARE: "glof <1>" }, nodata: ["nan"] });
  });

  it("makes the overviews that GDAL makes", async () => {
    const [width, height] = [64, 42];
    const mask = noise("uint8", width * height, 9).map((value) =>
      value > 200 ? 255 : value > 100 ? 1 : 0,
    ) as Uint8Array;
    const prob = Float32Array.from(noise("float32", width * height, 4), (value) =>
      value > 5e5 ? -1 : value / 1e6 + 1,
    );
    const cases = [
      ["mask_mode.tif", "uint8", mask, 255, "mode"],
      ["mask_average.tif", "uint8", mask, 255, "average"],
      ["prob_average.tif", "float32", prob, -1, "average"],
    ] as const;
    for (const [name, dtype, pixels, nodata, overviews] of cases) {
      const options = {
        grid: gridOf(width, height),
        dtype,
        bandNames: ["x"],
        nodata,
        overviews,
        blockSize: 16,
      };
      await writeCog(folder.at(name), options, [pixels], 5);
    }
    // GDAL's own overview of the full raster, first level, from a copy without overviews.
    const wrong = runGdal<number[]>(
      `
import array
out = []
for path, method in args:
    ds = gdal.Open(path)
    b = ds.GetRasterBand(1)
    ours = b.GetOverview(0).ReadAsArray()
    t = gdal.Translate('', gdal.OpenEx(path, open_options=['OVERVIEW_LEVEL=NONE']), format='MEM')
    t.BuildOverviews(method, [2])
    theirs = t.GetRasterBand(1).GetOverview(0).ReadAsArray()
    assert ours.shape == theirs.shape
    out.append(int((abs(ours.astype('f8') - theirs.astype('f8')) > 1e-6).sum()))
print(json.dumps(out))
`,
      cases.map(([name, , , , method]) => [folder.at(name), method.toUpperCase()]),
    );
    expect(wrong).toEqual([0, 0, 0]);
  });
});

describe("failure", () => {
  const options: CogOptions = { grid: gridOf(8, 8), dtype: "uint8", bandNames: ["m"], overviews: "mode" };
  const rows = new Uint8Array(8 * 8);

  it("leaves nothing after abandon, and the old file in place until close", async () => {
    const path = folder.at("sub/abandoned.tif");
    const writer = await beginCog(path, options);
    await writer.writeRows([rows], 8);
    await writer.abandon();
    expect(await readdir(dirname(path))).toEqual([]);
    await writer.abandon();
  });

  it("refuses too few rows, wrong arrays and a second use", async () => {
    const writer = await beginCog(folder.at("misuse.tif"), options);
    const bad = expect.toSatisfy((error) => isGlofError(error, "bad-argument"));
    await expect(writer.close()).rejects.toEqual(bad);
    await expect(writer.writeRows([new Uint16Array(64)], 8)).rejects.toEqual(bad);
    await expect(writer.writeRows([rows, rows], 8)).rejects.toEqual(bad);
    await expect(writer.writeRows([rows.subarray(1)], 8)).rejects.toEqual(bad);
    await expect(writer.writeRows([new Uint8Array(72)], 9)).rejects.toEqual(bad);
    const first = writer.writeRows([rows], 8);
    await expect(writer.writeRows([rows], 8)).rejects.toEqual(bad);
    await first;
    await writer.close();
    await expect(writer.close()).rejects.toEqual(bad);
    expect((await readAll(folder.at("misuse.tif")))[0]).toEqual(rows);
  });

  it.each([
    [{ blockSize: 100 }],
    [{ nodata: -1 }],
    [{ nodata: 0.5 }],
    [{ bandNames: [] }],
    [{ grid: { ...options.grid, width: 0 } }],
    [{ scale: Number.NaN }],
  ] as [Partial<CogOptions>][])("refuses %o", async (change) => {
    await expect(beginCog(folder.at("no.tif"), { ...options, ...change })).rejects.toMatchObject({
      code: "bad-argument",
    });
  });

  it("names the folder it may not write to", async () => {
    await writeFile(folder.at("file"), "");
    await expect(beginCog(folder.at("file/x.tif"), options)).rejects.toMatchObject({
      name: "GlofError",
      code: "io",
    });
  });
});
