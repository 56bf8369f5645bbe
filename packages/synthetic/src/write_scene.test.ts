import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRaster, planarArea } from "@glof/geo";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lakeFeatures } from "./lake_features.js";
import { writeLargeScene } from "./large_scene.js";
import { generateScene } from "./scene.js";
import type { SyntheticScene } from "./types.js";
import { writeScene } from "./write_scene.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "synthetic-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A small scene with several lakes. */
function lakeScene(): SyntheticScene {
  for (let seed = 2; seed < 20; seed++) {
    const scene = generateScene({ seed, width: 140, height: 100, pixelSizeM: 20, season: "autumn" });
    if (scene.truth.lakes.length >= 3) return scene;
  }
  throw new Error("no scene with lakes");
}
const scene = lakeScene();

describe("lakeFeatures", () => {
  it("outlines each lake with exactly the area of its pixels", () => {
    const features = lakeFeatures(scene);
    expect(features).toHaveLength(scene.truth.lakes.length);
    features.forEach(({ geometry, properties }, index) => {
      const area = geometry.reduce((sum, polygon) => sum + planarArea(polygon), 0);
      expect(area).toBeCloseTo(scene.truth.lakes[index]!.areaM2, 3);
      expect(properties.pixel_count).toBe(scene.truth.lakes[index]!.pixelCount);
    });
  });
});

describe("writeScene", () => {
  it.each([0, -1000])(
    "writes bands that read back as the same reflectances (offset %d)",
    async (offsetDn) => {
      const dir = join(folder, `scene ${offsetDn}`);
      await writeScene(dir, scene, { offsetDn });
      expect((await readdir(dir)).sort()).toEqual(["lakes.geojson", "scene.tif", "truth.tif"]);
      const raster = await openRaster(join(dir, "scene.tif"));
      expect(raster.bands.map((band) => band.name)).toEqual(scene.bands);
      expect(raster.grid.crs?.epsg).toBe(32645);
      expect(raster.grid.geoTransform).toEqual(scene.grid.geoTransform);
      const whole = { x: 0, y: 0, width: scene.width, height: scene.height };
      const read = await raster.readWindow(whole);
      read.forEach((dn, band) => {
        const { scale, offset } = raster.bands[band]!;
        scene.bandsRefl[band]!.forEach((value, pixel) => {
          // A reflectance of 0 is stored as 1 where 0 would mean no data.
          const error = Math.abs(dn[pixel]! * scale + offset - value);
          if (error > 1.01e-4 || (value > 0 && error > 1e-6))
            throw new Error(`pixel ${pixel}: ${dn[pixel]} for ${value}`);
        });
      });
      await raster.close();
      const truth = await openRaster(join(dir, "truth.tif"));
      const [lake] = await truth.readWindow(whole, { bands: [0] });
      expect(lake).toEqual(scene.truth.lakeMask);
      await truth.close();
    },
  );

  it("writes lakes as longitude and latitude near Everest", async () => {
    const dir = join(folder, "lakes");
    await writeScene(dir, scene);
    const collection = JSON.parse(await readFile(join(dir, "lakes.geojson"), "utf8"));
    expect(collection.features).toHaveLength(scene.truth.lakes.length);
    const [longitude, latitude] = collection.features[0].geometry.coordinates[0][0][0];
    expect(longitude).toBeCloseTo(86.8, 0);
    expect(latitude).toBeCloseTo(27.97, 1);
  });
});

describe("writeLargeScene", () => {
  it("fills any size with mirrored copies of one block, and writes the truth beside it", async () => {
    const path = join(folder, "large.tif");
    const truthPath = join(folder, "large truth.tif");
    const rows: number[] = [];
    await writeLargeScene(path, {
      width: 300,
      height: 700,
      seed: 9,
      blockPx: 96,
      truthPath,
      onProgress: ({ done }) => rows.push(done),
    });
    expect(rows).toEqual([512, 700]);
    const raster = await openRaster(path);
    expect([raster.grid.width, raster.grid.height]).toEqual([300, 700]);
    expect(raster.bands.map((band) => band.name)).toEqual(["B02", "B03", "B04", "B08"]);
    const row = async (y: number): Promise<ArrayLike<number>> =>
      (await raster.readWindow({ x: 0, y, width: 96, height: 1 }, { bands: [3] }))[0]!;
    const [above, below] = [await row(95), await row(96)];
    // Two copies meet at a mirror: what differs is each copy's brightness, of 3 % at most either way.
    for (let col = 0; col < 96; col++) expect(Math.abs(below[col]! / above[col]! - 1)).toBeLessThan(0.075);
    await raster.close();
    const truth = await openRaster(truthPath);
    expect(truth.grid.height).toBe(700);
    await truth.close();
  });

  it("leaves nothing behind when stopped", async () => {
    const dir = await mkdtemp(join(folder, "stopped-"));
    const signal = AbortSignal.abort();
    const attempt = writeLargeScene(join(dir, "a.tif"), {
      width: 64,
      height: 64,
      seed: 1,
      blockPx: 32,
      signal,
    });
    await expect(attempt).rejects.toMatchObject({ code: "aborted" });
    expect(await readdir(dir)).toEqual([]);
  });
});
