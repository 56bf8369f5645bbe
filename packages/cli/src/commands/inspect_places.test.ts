import { readdir, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { crsFromEpsg, writeGeoJson, writeGeoPackage } from "@glof/geo";
import { hasShared, sharedPath } from "@glof/test-kit";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder, writeImage } from "../testing/made_up_files.js";
import { filesOf, writeMadeUpItem, writeMadeUpSafe, zipOf } from "../testing/made_up_safe.js";
import { runGlof } from "../testing/run_glof.js";

const { path } = useFolder();
let safe = "";

const square = {
  geometry: [
    [
      [
        [483_000, 3_094_000],
        [484_000, 3_094_000],
        [484_000, 3_095_000],
        [483_000, 3_095_000],
        [483_000, 3_094_000],
      ],
    ],
  ],
} as const;

beforeAll(async () => {
  safe = await writeMadeUpSafe(path());
  await writeFile(path("product.zip"), zipOf(await filesOf(safe)));
  await writeMadeUpItem(path("item.json"), basename(safe));
  const features = [
    { ...square, properties: { name: "one", depth: 3.5, year: 2020 } },
    { geometry: [], properties: { name: null, depth: 1, year: 2021 } },
  ];
  const crs = crsFromEpsg(32645);
  await writeGeoPackage(path("lakes.gpkg"), [{ layer: "lakes", crs, features }]);
  await writeGeoJson(path("lakes.geojson"), features, { crs, name: "lakes" });
});

const inspect = (...args: readonly string[]) => runGlof("inspect", ...args);

describe("glof inspect of scenes", () => {
  it.each(["folder", "zip"])("a SAFE product (%s): what it is, where, radiometry, classes", async (door) => {
    const { code, stdout } = await inspect(door === "zip" ? path("product.zip") : safe);
    expect(code).toBe(EXIT.ok);
    for (const text of [
      ": SAFE product\nproduct   S2A_MSIL2A_20230821T045131_N0509_R076_T45RVL_20230821T080000 (Sentinel-2A, L2A, baseline 05.09)\n",
      "date      2023-08-21T04:51:31.024Z\ntile      45RVL, relative orbit 76\n",
      "sun       58.5° high, from 141.5° (clockwise from north)\ncloud     12.5 % by the product's metadata\n",
      "CRS       WGS 84 / UTM zone 45N (EPSG:32645)\nextent    87.0000 to 87.0061 E, 28.0198 to 28.0253 N\n",
      "size      60 x 60 of 10 m, 30 x 30 of 20 m\n",
      "  B03  10 m    (DN - 1000) / 10000  the product's metadata  0.05",
      "beside    scene classification\nno data   0.0 % of 3,600 pixels looked at\n",
      "classes   bareSoil 96.7 %, cloudHigh 3.3 %\n",
    ]) {
      expect(stdout).toContain(text);
    }
  });

  it("half a product, with what is missing", async () => {
    const without = ["_B08_10m.tif", "MTD_TL.xml"];
    const half = await writeMadeUpSafe(path("half"), { without });
    const { code, stderr } = await inspect(half);
    expect(code).toBe(EXIT.failed);
    expect(stderr).toContain("MTD_TL.xml");
    const bare = await writeMadeUpSafe(path("bare"), { without: [".tif"] });
    const described = await inspect(bare);
    expect(described.stdout).toContain("beside    no scene classification\n");
    expect(described.stdout).not.toContain("no data");
  });

  it("a STAC item without opening its files, and with --pixels", async () => {
    const { stdout } = await inspect(path("item.json"));
    expect(stdout).toContain(
      "item.json: STAC item\nproduct   S2A_45RVL_20230821_0_L2A (sentinel-2a, L2A, baseline 05.09)\n",
    );
    expect(stdout).toContain("processing baseline 05.09\n");
    expect(stdout).toContain("pixels    not looked at: pass --pixels\n");
    const looked = await inspect(path("item.json"), "--pixels", "--json");
    expect(JSON.parse(looked.stdout)).toMatchObject({
      kind: "scene",
      form: "STAC item",
      level: "L2A",
      product: { spacecraft: "sentinel-2a", cloudPercent: 12.5 },
      bounds: [87, 27, 88, 28],
      pixels: { sampled: 3600, noDataFraction: 0, classes: { cloudHigh: 1 / 30 } },
    });
  });

  it("a folder of loose bands", async () => {
    const images = `${safe}/GRANULE/L2A_T45RVL_A042640_20230821T045944/IMG_DATA`;
    const { stdout } = await inspect(images);
    expect(stdout).toContain("IMG_DATA: folder of bands\n");
    expect(stdout).toContain("  B11  -       DN / 10000   the file or its name  0.15");
  });

  it("the real products of three baselines", async ({ skip }) => {
    if (!hasShared("data/safe_stac")) skip();
    const folder = sharedPath("data/safe_stac");
    const names = (await readdir(folder)).filter((name) => name.endsWith(".SAFE")).sort();
    const told = [];
    for (const name of names) told.push(JSON.parse((await inspect(`${folder}/${name}`, "--json")).stdout));
    const facts = told.map(({ level, product, bands, missingImages }) => [
      level,
      product.processingBaseline,
      product.tile,
      bands[0].radiometry.offsetDn,
      bands.length,
      missingImages.length,
    ]);
    expect(facts).toEqual([
      ["L1C", "03.01", "46RER", 0, 13, 13],
      ["L2A", "02.12", "07HFE", 0, 12, 26],
      ["L2A", "05.09", "01KAB", -1000, 12, 27],
    ]);
  });
});

describe("glof inspect of rasters and vectors", () => {
  it("a GeoTIFF: size, place, storage, bands with a sample", async () => {
    await writeImage(path("image.tif"), {
      width: 1200,
      height: 40,
      bandNames: ["B03", "B08"],
      scale: 1e-4,
      offset: -0.1,
      dn: (_, pixel) => (pixel % 1200 < 600 ? 0 : 1000),
    });
    const { stdout } = await inspect(path("image.tif"));
    expect(stdout).toContain(
      "image.tif: GeoTIFF, 2 bands of uint16\nsize      1200 x 40 pixels of 10 m\nCRS       WGS 84 / UTM zone 45N (EPSG:32645)\n",
    );
    expect(stdout).toContain(
      "stored    deflate, predictor 2; tiles of 512 x 512\noverviews 600 x 20, 300 x 10\n",
    );
    expect(stdout).toMatch(/ 2 {2}B08 {3}uint16 {2}0 +0\.0001, -0\.1 {3}50\.0 % {3}100[01] +100[01] +1000/);
    const { stdout: json } = await inspect(path("image.tif"), "--json");
    expect(JSON.parse(json)).toMatchObject({
      kind: "raster",
      width: 1200,
      crs: { epsg: 32645 },
      storage: { compression: "deflate" },
      bands: [{ name: "B03", nodata: 0, sample: { noDataFraction: 0.5 } }, {}],
    });
  });

  it("warns of what cannot be mapped", async () => {
    await writeImage(path("nowhere.tif"), { epsg: undefined, dn: () => 0 });
    const { stdout } = await inspect(path("nowhere.tif"));
    expect(stdout).toContain("CRS       none\n");
    expect(stdout).toContain("warning: no coordinate reference system");
    expect(stdout).toContain("warning: no pixel with data in the sample");
  });

  it.each(["lakes.gpkg", "lakes.geojson"])("layers, fields, extent and area of %s", async (name) => {
    const { stdout } = await inspect(path(name));
    expect(stdout).toContain(
      `${name}: 1 layer of polygons\nlayer     lakes: 2 features\nshape     1 features have none\n`,
    );
    expect(stdout).toContain(
      "extent    86.8271 to 86.8373 E, 27.9710 to 27.9800 N\narea      1.0008 km² on the ellipsoid\n",
    );
    expect(stdout).toContain(
      "  name   text     one           1 empty\n  depth  real     1 to 3.5\n  year   integer  2020 to 2021\n",
    );
  });

  it("refuses the rest, broken archives and broken files", async () => {
    await writeFile(path("broken.tif"), "II*\0 and then nothing");
    await writeFile(path("broken.gpkg"), "SQLite format 3\0 and then nothing");
    await writeFile(path("odd.json"), `{"type": "Topology"}`);
    await writeFile(path("cut.zip"), zipOf(await filesOf(safe)).subarray(0, 3000));
    for (const name of ["broken.tif", "broken.gpkg", "odd.json", "cut.zip"]) {
      const { code, stderr, stdout } = await inspect(path(name));
      expect(stderr).toContain(name);
      expect(stderr).not.toContain("unexpected error");
      expect(code).toBe(EXIT.failed);
      expect(stdout).toBe("");
    }
  });
});
