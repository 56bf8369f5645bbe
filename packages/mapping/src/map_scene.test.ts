import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { getEventListeners } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GlofErrorCode, isGlofError } from "@glof/core";
import {
  type Feature,
  geodesicArea,
  openRaster,
  pixelToMap,
  planarArea,
  projector,
  readGeoJson,
  readGeoPackage,
  WGS84,
} from "@glof/geo";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MAP_PRODUCTS } from "./map_options.js";
import { type MapSummary, mapScene } from "./map_scene.js";
import { configOnlySegmenter, seesLakes, type TestSceneOptions, testScene } from "./test_scene.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "glof-mapping-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const segmenter = configOnlySegmenter();
let outDir = "";
let runs = 0;

/** Maps a made-up scene into a new folder, `outDir`. */
function map(
  options: TestSceneOptions,
  more: Partial<Parameters<typeof mapScene>[0]> = {},
): Promise<MapSummary> {
  outDir = join(folder, `map ${runs++}`);
  return mapScene({ scene: testScene(options), segmenter, outDir, predictor: seesLakes(), ...more });
}

async function readBand(name: string) {
  const raster = await openRaster(join(outDir, name));
  const { width, height } = raster.grid;
  const [pixels] = await raster.readWindow({ x: 0, y: 0, width, height });
  await raster.close();
  return { pixels: pixels!, grid: raster.grid, band: raster.bands[0]! };
}

const countOf = (pixels: ArrayLike<number>, value: number): number =>
  Array.from(pixels).filter((pixel) => pixel === value).length;

const inBox =
  (x: number, y: number, width: number, height: number) =>
  (column: number, row: number): boolean =>
    column >= x && column < x + width && row >= y && row < y + height;

const bigLake = inBox(20, 20, 40, 30);
const island = inBox(30, 28, 12, 12);
const islandPond = inBox(34, 32, 2, 2);
const tooSmall = inBox(80, 5, 3, 3);
const atTheEdge = inBox(100, 60, 20, 8);
const besideNoData = inBox(5, 70, 10, 8);

/** Lakes of every sort: with an island that holds a pond, too small, at the scene's edge, beside missing data. */
const valley: TestSceneOptions = {
  width: 120,
  height: 90,
  isLake: (column, row) =>
    (bigLake(column, row) && !island(column, row)) ||
    [islandPond, tooSmall, atTheEdge, besideNoData].some((one) => one(column, row)),
  isValid: (column, row) => !inBox(0, 66, 5, 16)(column, row),
};

describe("mapScene", () => {
  it("writes products that agree with each other and with the scene", async () => {
    const { lakes, totalAreaM2, validPixels, run } = await map(valley);
    expect((await readdir(outDir)).sort()).toEqual([...MAP_PRODUCTS].sort());
    expect(lakes.map(({ pixelCount }) => pixelCount)).toEqual([40 * 30 - 144, 160, 80]);
    expect(new Set(lakes.map(({ id }) => id)).size).toBe(3);
    expect(lakes.every(({ id }) => /^GL0868\d\dE279\d\dN$/.test(id))).toBe(true);
    expect(validPixels).toBe(120 * 90 - 80);

    const mask = await readBand("mask.tif");
    expect(mask.band).toMatchObject({ name: "lake", dtype: "uint8", nodata: 255 });
    expect(mask.grid).toEqual(testScene(valley).grid);
    const lakePixels = lakes.reduce((sum, { pixelCount }) => sum + pixelCount, 0);
    expect(countOf(mask.pixels, 1)).toBe(lakePixels);
    expect(countOf(mask.pixels, 255)).toBe(80);
    // The small ones are gone from the mask, and nothing else is.
    const at = (column: number, row: number) => mask.pixels[row * 120 + column];
    expect([at(35, 33), at(81, 6), at(31, 29), at(29, 29), at(119, 60), at(0, 70)]).toEqual([
      0, 0, 0, 1, 1, 255,
    ]);

    const prob = await readBand("probability.tif");
    expect(prob.band).toMatchObject({ name: "lake_probability", dtype: "float32", nodata: Number.NaN });
    expect(prob.pixels[29 * 120 + 29]).toBeCloseTo(0.9, 2);
    expect(prob.pixels[33 * 120 + 35]).toBeCloseTo(0.9, 2);
    expect(prob.pixels[70 * 120]).toBeNaN();
    expect(totalAreaM2).toBeCloseTo(lakePixels * 100, -3);
    expect(run.result).toEqual({ lakeCount: 3, totalAreaM2, validPixels });
  });

  it("measures lakes and says what is not sure about them", async () => {
    const { lakes } = await map(valley);
    const [big, edge, beside] = lakes;
    expect(big).toMatchObject({ touchesEdge: false, validFraction: 1 });
    expect(big!.planarAreaM2).toBeCloseTo(1056 * 100, 3);
    expect(planarArea(big!.polygon)).toBe(big!.planarAreaM2);
    // UTM's scale near its central meridian is 0.9996.
    expect(big!.areaM2 / big!.planarAreaM2!).toBeCloseTo(1 / 0.9996 ** 2, 4);
    expect(big!.perimeterM).toBeCloseTo((2 * (400 + 300) + 4 * 120) / 0.9996, -1);
    expect(big!.meanProb).toBeCloseTo(0.9, 2);
    expect(big!.areaSigmaM2).toBeCloseTo((big!.perimeterM * 10 * 0.6872) / 2, -1);
    expect(edge).toMatchObject({ touchesEdge: true, validFraction: 1 });
    expect(beside).toMatchObject({ touchesEdge: false, validFraction: 80 / 88 });
  });

  it("writes outlines in both formats with the same columns", async () => {
    const { lakes } = await map(valley);
    const geojson = await readGeoJson(join(outDir, "lakes.geojson"));
    const [layer] = await readGeoPackage(join(outDir, "lakes.gpkg"));
    expect(layer!.crs?.epsg).toBe(32645);
    expect(layer!.features.map(({ geometry }) => geometry)).toEqual(lakes.map(({ polygon }) => [polygon]));
    for (const { features } of [geojson, layer!]) {
      expect(features.map(({ properties }) => properties.lake_id)).toEqual(lakes.map(({ id }) => id));
      expect(features[0]!.properties).toMatchObject({
        pixel_count: 1056,
        valid_fraction: 1,
        area_planar_m2: 105_600,
        area_m2: Number(lakes[0]!.areaM2.toFixed(1)),
        mean_probability: expect.closeTo(0.9, 2),
      });
    }
    expect(geodesicArea(geojson.features[0]!.geometry[0]!)).toBeCloseTo(lakes[0]!.areaM2, -2);
    const { longitude, latitude } = geojson.features[0]!.properties;
    const [eastM, northM] = projector(WGS84, layer!.crs!)([Number(longitude), Number(latitude)]);
    expect([eastM, northM]).toEqual([expect.closeTo(483_400, 0), expect.closeTo(3_094_650, 0)]);
  });

  it("keeps the inputs' and the model's hashes, and settings, in run.json", async () => {
    const path = join(folder, "input.bin");
    await writeFile(path, "pixels");
    const inputs = [
      { path, role: "stack" },
      { path: "https://example.org/B02.tif", role: "B02" },
    ] as const;
    const facts = { versions: { glof: "1.2.3" }, backend: { name: "wasm" }, model: "model.safetensors" };
    const { lakes } = await map(
      { ...valley, inputs },
      { facts, threshold: 0.6, minAreaM2: 0, tilePx: 28, overlapPx: 7 },
    );
    const run = JSON.parse(await readFile(join(outDir, "run.json"), "utf8"));
    expect(run.scene.inputs).toEqual([
      { path, role: "stack", sha256: createHash("sha256").update("pixels").digest("hex") },
      { path: "https://example.org/B02.tif", role: "B02" },
    ]);
    expect(run).toMatchObject({
      versions: facts.versions,
      backend: facts.backend,
      model: { name: "tiny", source: "model.safetensors", sha256: "0".repeat(64) },
      settings: { threshold: 0.6, minAreaM2: 0, tilePx: 28, overlapPx: 7 },
      result: { lakeCount: 5 },
    });
    expect(run.seconds.total).toBeGreaterThan(0);
    const page = await readFile(join(outDir, "report.html"), "utf8");
    expect(page).toContain("Lakes of made-up");
    expect(page).toContain(lakes[0]!.id);
  });

  it("gives the right empty result where there is no lake", async () => {
    const { lakes, totalAreaM2 } = await map({ ...valley, isLake: () => false });
    expect([lakes, totalAreaM2]).toEqual([[], 0]);
    expect((await readdir(outDir)).sort()).toEqual([...MAP_PRODUCTS].sort());
    expect((await readGeoJson(join(outDir, "lakes.geojson"))).features).toEqual([]);
    expect((await readGeoPackage(join(outDir, "lakes.gpkg")))[0]!.features).toEqual([]);
    expect(countOf((await readBand("mask.tif")).pixels, 1)).toBe(0);
    expect(await readFile(join(outDir, "report.html"), "utf8")).toContain("<b>0</b> lakes");
  });

  it("maps a scene smaller than a tile, in degrees", async () => {
    const { lakes } = await map({
      width: 23,
      height: 17,
      isLake: inBox(4, 3, 9, 8),
      epsg: 4326,
      geoTransform: [86.9, 1e-4, 0, 27.9, 0, -1e-4],
    });
    expect(lakes).toHaveLength(1);
    const [lake] = lakes;
    expect(lake).toMatchObject({ planarAreaM2: undefined, pixelCount: 72, touchesEdge: false });
    // One ten-thousandth of a degree at 27.9 N: 11.08 m north, 9.85 m east.
    expect(lake!.areaM2 / 72).toBeCloseTo(11.08 * 9.85, 0);
    const { features } = await readGeoJson(join(outDir, "lakes.geojson"));
    expect(features[0]!.properties.area_planar_m2).toBeNull();
    const mask = await readBand("mask.tif");
    expect(mask.grid.crs?.epsg).toBe(4326);
    expect(countOf(mask.pixels, 1)).toBe(72);
  });

  it("reads and runs strips, never more, and the picture at its own size", async () => {
    const reads: { rows: number; size: readonly number[] }[] = [];
    const seen: string[] = [];
    await map(
      {
        width: 40,
        height: 3300,
        isLake: inBox(10, 300, 20, 20),
        onRead: (rows, _, size) => reads.push({ rows, size }),
      },
      { onProgress: ({ stage, done, total }) => seen.push(`${stage} ${done}/${total}`) },
    );
    const picture = reads.shift();
    expect(picture).toEqual({ rows: 3300, size: [1100, 13] });
    expect(reads.every(({ rows, size }) => rows <= 56 && size[0] === rows)).toBe(true);
    expect(seen.filter((line) => line.startsWith("tiles")).at(-1)).toBe("tiles 79/79");
  });
});

describe("a scene under cloud", () => {
  it("does not run tiles without a valid pixel, and says how many", async () => {
    let tiles = 0;
    const predictor = seesLakes((count) => {
      tiles += count;
    });
    const stages: string[] = [];
    const cloudy = { ...valley, width: 300, isValid: (column: number) => column < 120 };
    const { run, validPixels } = await map(cloudy, {
      predictor,
      onProgress: ({ stage, done }) => stages.push(`${stage} ${done}`),
    });
    // Columns of tiles of 56 every 41 at most: three of seven reach to the left of column 120; two rows.
    expect(run.tiles).toEqual({ tiles: 14, skippedTiles: 8 });
    expect(tiles).toBe(6);
    expect(validPixels).toBe(120 * 90);
    expect(stages.filter((line) => line.startsWith("tiles")).at(-1)).toBe("tiles 14");
    expect(stages.at(-1)).toBe(`files ${MAP_PRODUCTS.length}`);
    const { tiles: written } = JSON.parse(await readFile(join(outDir, "run.json"), "utf8"));
    expect(written).toEqual(run.tiles);
  });
});

describe("areas of interest", () => {
  /** An area in pixels of the valley, as longitude and latitude. */
  const area = (corners: readonly (readonly [number, number])[]): Feature => {
    const { grid } = testScene(valley);
    const toLonLat = projector(grid.crs!, WGS84);
    const ring = [...corners, corners[0]!].map(([x, y]) => toLonLat(pixelToMap(grid.geoTransform, x, y)));
    return { geometry: [[ring]], properties: {} };
  };
  const box = (x: number, y: number, width: number, height: number) =>
    area([
      [x + 0.01, y + 0.01],
      [x + width - 0.01, y + 0.01],
      [x + width - 0.01, y + height - 0.01],
      [x + 0.01, y + height - 0.01],
    ]);

  it("cuts the products to the areas and judges lakes in their surroundings", async () => {
    const { lakes, run } = await map(valley, { areas: [box(15, 15, 20, 40), box(70, 15, 10, 10)] });
    const mask = await readBand("mask.tif");
    expect(mask.grid).toMatchObject({ width: 65, height: 40 });
    expect(mask.grid.geoTransform.slice(0, 4)).toEqual([483_150, 10, 0, 3_094_850]);
    expect(run.scene).toMatchObject({ width: 65, height: 40 });
    // 15 columns of the big lake, less 5 of its island; its cut side counts as not seen.
    expect(lakes).toHaveLength(1);
    expect(lakes[0]).toMatchObject({ pixelCount: 15 * 30 - 5 * 12, touchesEdge: false });
    expect(lakes[0]!.validFraction).toBeCloseTo(390 / (390 + 18), 6);
    expect(countOf(mask.pixels, 1)).toBe(390);
    expect(countOf(mask.pixels, 255)).toBe(65 * 40 - 20 * 40 - 100);
    const prob = await readBand("probability.tif");
    expect(countOf(Array.from(prob.pixels, Number.isNaN).map(Number), 1)).toBe(65 * 40 - 20 * 40 - 100);
  });

  it("runs only tiles near an area", async () => {
    const wide: TestSceneOptions = { width: 1000, height: 60, isLake: valley.isLake };
    let tiles = 0;
    const predictor = seesLakes((count) => {
      tiles += count;
    });
    const areas = [box(20, 10, 20, 20), box(900, 10, 20, 20)];
    await map(wide, { areas, predictor });
    // Each area with 128 pixels around reaches 4 or 7 columns of tiles in 2 rows; the whole would be 26 columns.
    expect(tiles).toBeLessThan(30);
    expect((await readBand("mask.tif")).grid.width).toBe(900);
  });

  it("refuses areas elsewhere", async () => {
    const elsewhere = box(5000, 10, 20, 20);
    const failure = await map(valley, { areas: [elsewhere] }).catch((error: unknown) => error);
    expect(isGlofError(failure, "bad-argument")).toBe(true);
    expect(String(failure)).toContain("areas of interest that touch made-up");
    const empty = await map(valley, { areas: [] }).catch((error: unknown) => error);
    expect(isGlofError(empty, "bad-argument")).toBe(true);
  });
});

describe("a map that cannot be made", () => {
  const failure = async (promise: Promise<unknown>, code: GlofErrorCode): Promise<string> => {
    const error = await promise.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toSatisfy((thrown) => isGlofError(thrown, code));
    return String(error);
  };
  const isAbsent = () =>
    readdir(outDir).then(
      () => false,
      () => true,
    );

  it("leaves nothing behind, whenever it fails", async () => {
    const stop = new AbortController();
    const failing = { concurrency: 1, predict: () => Promise.reject(new Error("no power")) };
    await expect(map(valley, { predictor: failing })).rejects.toThrow("no power");
    expect(await isAbsent()).toBe(true);
    const stopping = map(valley, { signal: stop.signal, onProgress: ({ done }) => done > 2 && stop.abort() });
    await failure(stopping, "aborted");
    expect(await isAbsent()).toBe(true);
    let reads = 0;
    const lateReads = (): void => {
      if (++reads === 3) throw new Error("late");
    };
    await expect(map({ ...valley, onRead: lateReads })).rejects.toThrow("late");
    expect(await isAbsent()).toBe(true);
  });

  it("leaves nothing behind when it is cancelled, whatever is being made then", async () => {
    const told = async (stopAfter: number): Promise<readonly string[]> => {
      const stop = new AbortController();
      const events: string[] = [];
      const running = map(valley, {
        outDir: stopAfter === 0 ? `${outDir}-whole` : outDir,
        signal: stop.signal,
        onProgress: ({ stage, done, total }) => {
          events.push(`${stage} ${done}/${total}`);
          if (events.length === stopAfter) stop.abort();
        },
      });
      if (stopAfter === 0) await running;
      else {
        await failure(running, "aborted");
        expect(await isAbsent(), events.at(-1)).toBe(true);
        expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
      }
      return events;
    };
    const all = await told(0);
    expect(all.slice(-5)).toEqual(["files 1/7", "files 2/7", "files 4/7", "files 5/7", "files 7/7"]);
    for (let stopAfter = 1; stopAfter <= all.length; stopAfter++) {
      expect((await told(stopAfter)).slice(0, stopAfter)).toEqual(all.slice(0, stopAfter));
    }
  });

  it("keeps an earlier map unless told otherwise, and until the new one is whole", async () => {
    await map(valley);
    const first = outDir;
    const again = { outDir: first };
    expect(await failure(map(valley, again), "already-exists")).toContain("probability.tif");
    const noLakes = { ...valley, isLake: () => false };
    const broken = { concurrency: 1, predict: () => Promise.reject(new Error("no power")) };
    await expect(map(noLakes, { ...again, overwrite: true, predictor: broken })).rejects.toThrow("no power");
    expect((await readGeoJson(join(first, "lakes.geojson"))).features).toHaveLength(3);
    await map(noLakes, { ...again, overwrite: true });
    expect((await readGeoJson(join(first, "lakes.geojson"))).features).toHaveLength(0);
    expect((await readdir(first)).sort()).toEqual([...MAP_PRODUCTS].sort());
  });

  it("refuses scenes without a place on the Earth or without data, and numbers out of range", async () => {
    expect(await failure(map({ ...valley, epsg: undefined }), "missing-crs")).toContain("gdal_edit");
    const rotated = [0, 10, 2, 0, 2, -10] as const;
    expect(await failure(map({ ...valley, geoTransform: rotated }), "bad-geotransform")).toContain(
      "north-up",
    );
    await failure(map({ ...valley, isValid: () => false }), "no-valid-pixels");
    expect(await isAbsent()).toBe(true);
    await failure(map(valley, { threshold: Number.NaN }), "bad-argument");
    await failure(map(valley, { minAreaM2: -1 }), "bad-argument");
  });
});

const python = ["python3", "/usr/bin/python3"].find(
  (candidate) => spawnSync(candidate, ["-c", "from osgeo import gdal, ogr; import osgeo_utils"]).status === 0,
);
if (python === undefined) process.stderr.write("skipped: GDAL reads the products (needs python3-gdal)\n");

describe.skipIf(python === undefined)("GDAL", () => {
  it("accepts the rasters as COGs and reads the outlines", async () => {
    await map({ ...valley, width: 700, height: 600 });
    const script = `
import json, sys
from osgeo import gdal, ogr
from osgeo_utils.samples import validate_cloud_optimized_geotiff as v
gdal.UseExceptions()
found = {}
for name in ("probability.tif", "mask.tif"):
    warnings, errors, _ = v.validate(sys.argv[1] + "/" + name, full_check=True)
    found[name] = warnings + errors
for name in ("lakes.geojson", "lakes.gpkg"):
    file = ogr.Open(sys.argv[1] + "/" + name)
    layer = file.GetLayer(0)
    srs = layer.GetSpatialRef().GetAuthorityCode(None)
    shapes = [(f.GetGeometryRef().IsValid(), f.GetField("pixel_count"), round(f.GetGeometryRef().Area())) for f in layer]
    found[name] = [srs, shapes]
print(json.dumps(found))`;
    const { stdout, stderr } = spawnSync(python!, ["-c", script, outDir], { encoding: "utf8" });
    expect(stderr).not.toContain("Error");
    const found = JSON.parse(stdout.trim().split("\n").at(-1)!);
    expect(found["probability.tif"]).toEqual([]);
    expect(found["mask.tif"]).toEqual([]);
    expect(found["lakes.gpkg"]).toEqual([
      "32645",
      [
        [true, 1056, 105_600],
        [true, 160, 16_000],
        [true, 80, 8_000],
      ],
    ]);
    expect(found["lakes.geojson"][0]).toBe("4326");
    expect(found["lakes.geojson"][1].map((one: unknown[]) => one.slice(0, 2))).toEqual([
      [true, 1056],
      [true, 160],
      [true, 80],
    ]);
  });
});
