import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasShared, sharedPath } from "@glof/test-kit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRaster } from "../raster/open_raster.js";
import { hasGdal, runGdal } from "../test_support/gdal.js";
import type { TerrainFeature } from "./feature_formulas.js";
import type { TerrainOptions } from "./terrain_features.js";
import { terrainRaster } from "./terrain_raster.js";

const file = "data/everest_exploradores_glaciohack/AST_L1A_00303182012144228_Z.tif";
const isHere = hasShared(file) && hasGdal("gdaldem on a real DEM");

/** GDAL's numbers of a DEM, as a file of float64 to be read back. */
const script = `
options = gdal.DEMProcessingOptions(**args["options"])
source = gdal.Open(args["source"])
copy = gdal.GetDriverByName("MEM").CreateCopy("", source)
gdal.DEMProcessing(args["target"], copy, args["mode"], options=options)
print(json.dumps(True))
`;

type Case = readonly [feature: TerrainFeature, mode: string, gdal: object, options: TerrainOptions];
const cases: readonly Case[] = [
  ["slope", "slope", { computeEdges: true }, {}],
  ["slope", "slope", {}, { edges: "nodata" }],
  ["slope", "slope", { computeEdges: true, alg: "ZevenbergenThorne" }, { slopeMethod: "zevenbergen-thorne" }],
  ["aspect", "aspect", { computeEdges: true }, {}],
  ["tri", "TRI", { computeEdges: true, alg: "Riley" }, {}],
  ["tri", "TRI", { computeEdges: true, alg: "Wilson" }, { ruggedness: "wilson" }],
  ["tpi", "TPI", { computeEdges: true }, {}],
  ["roughness", "roughness", { computeEdges: true }, {}],
  [
    "hillshade",
    "hillshade",
    { computeEdges: true, azimuth: 200, altitude: 35 },
    { sun: { azimuthDeg: 200, elevationDeg: 35 } },
  ],
];

describe.skipIf(!isHere)("a real DEM of 539 x 618 pixels beside gdaldem", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "glof-gdaldem-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(cases)("%s: %s %j", async (feature, mode, options, ours) => {
    const source = sharedPath(file);
    const target = join(folder, "gdal.tif");
    runGdal(script, { source, target, mode, options });
    const dem = terrainRaster(await openRaster(source), { ...ours, features: [feature] });
    const gdal = await openRaster(target);
    const window = { x: 0, y: 0, width: 539, height: 618 };
    const [[mine], [theirs]] = await Promise.all([dem.readWindow(window), gdal.readWindow(window)]);
    let [compared, gaps, wrongGaps, worst, rough] = [0, 0, 0, 0, 0];
    for (let pixel = 0; pixel < mine!.length; pixel++) {
      const raw = theirs![pixel]!;
      const isGap = raw === -9999 || (mode === "hillshade" && raw === 0);
      const value = feature === "hillshade" ? 1 + 254 * mine![pixel]! : mine![pixel]!;
      if (Number.isNaN(value) !== isGap) wrongGaps++;
      if (isGap) {
        gaps++;
        continue;
      }
      const apart = Math.abs(value - raw);
      const difference = feature === "aspect" ? Math.min(apart, 360 - apart) : apart;
      worst = Math.max(worst, difference);
      if (difference > 2e-3) rough++;
      compared++;
    }
    // GDAL sums heights in 32 bits, a fraction of a millimetre each: on nearly level ground that turns the aspect. Its
    // hillshade is whole numbers.
    const limit = feature === "hillshade" ? 0.501 : feature === "aspect" ? 0.5 : 2e-3;
    expect({ wrongGaps, within: worst <= limit, worst }).toEqual({ wrongGaps: 0, within: true, worst });
    if (feature === "aspect") expect(rough).toBeLessThan(compared * 0.02);
    expect(compared).toBeGreaterThan(100_000);
    expect(compared + gaps).toBe(mine!.length);
    await Promise.all([dem.close(), gdal.close()]);
  });
});
