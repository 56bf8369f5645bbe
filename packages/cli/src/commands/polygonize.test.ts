import { readdir, readFile, writeFile } from "node:fs/promises";
import { readVectors } from "@glof/geo";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder, writeImage } from "../testing/made_up_files.js";
import { runGlof } from "../testing/run_glof.js";

const { path } = useFolder();

/** 6 x 5: a region of 3 pixels, one of 1 that touches it at a corner, one around a hole; 9 is no data. */
const mask = [
  [1, 1, 0, 0, 0, 9],
  [1, 0, 2, 2, 2, 0],
  [0, 1, 2, 0, 2, 0],
  [0, 0, 2, 2, 2, 0],
  [5, 0, 0, 0, 0, 9],
];

beforeAll(async () => {
  const of = (values: readonly (readonly number[])[]) => ({
    width: values[0]!.length,
    height: values.length,
    dtype: "uint8" as const,
    bandNames: ["mask"],
    nodata: 9,
    dn: (_: number, pixel: number) => values.flat()[pixel]!,
  });
  await writeImage(path("mask.tif"), of(mask));
  await writeImage(path("empty.tif"), of([[0, 0]]));
  await writeImage(path("nowhere.tif"), { ...of(mask), epsg: undefined });
});

let runs = 0;
async function polygonize(ending: string, ...more: readonly string[]) {
  const out = path(`out${runs++}.${ending}`);
  return { out, ...(await runGlof("polygonize", path("mask.tif"), "--out", out, ...more)) };
}

describe("glof polygonize", () => {
  it.each(["gpkg", "geojson", "fgb"])(
    "one polygon per 4-connected region of non-zero pixels: .%s",
    async (ending) => {
      const { out, code, stderr } = await polygonize(ending);
      expect(code).toBe(EXIT.ok);
      expect(stderr).toContain(`3 polygons, 0.0013 km² in ${out}`);
      const [layer] = await readVectors(out);
      const counts = layer!.features.map(({ properties }) => properties.pixel_count);
      expect(counts.sort()).toEqual([1, 3, 9]);
      const large = layer!.features.find(({ properties }) => properties.pixel_count === 9)!;
      expect(large.geometry.map((polygon) => polygon.length)).toEqual([2]);
      expect(large.properties).toMatchObject({ area_planar_m2: 900 });
      // UTM 45N at 483 km east: the scale is 0.9996 there, areas on the ellipsoid are 0.08 % larger.
      expect(large.properties.area_m2).toBeCloseTo(900 / 0.9996 ** 2, 1);
      expect(layer!.layer).toBe(out.replace(/^.*\/|\.[^.]*$/g, ""));
    },
  );

  it("the columns have their types without any region too", async () => {
    const out = path("none.gpkg");
    const { code, stderr } = await runGlof("polygonize", path("empty.tif"), "--out", out);
    expect(code).toBe(EXIT.ok);
    expect(stderr).toContain("0 polygons, 0.0000 km²");
    expect((await readVectors(out))[0]!.features).toEqual([]);
  });

  it("8-connected, by value, with zero, and without the small", async () => {
    const told = async (...more: readonly string[]): Promise<unknown> =>
      JSON.parse((await polygonize("gpkg", "--json", ...more)).stdout);
    expect(await told("--connectivity", "8")).toMatchObject({ polygons: 2 });
    expect(await told("--value-field", "DN")).toMatchObject({ polygons: 4 });
    expect(await told("--value-field", "DN", "--zero")).toMatchObject({ polygons: 9 });
    expect(await told("--min-area", "250")).toMatchObject({ polygons: 2, regions: 3 });
    const { out } = await polygonize("csv", "--value-field", "DN");
    const [names, first] = (await readFile(out, "utf8")).split("\r\n");
    expect(names).toBe("DN,area_m2,area_planar_m2,perimeter_m,pixel_count,lon,lat,wkt");
    expect(first).toMatch(/^1,300\.\d+,300,80\.0\d,3,86\.82\d+,27\.9\d+,"POLYGON \(\(/);
  });

  it("keeps an earlier file unless told to replace it", async () => {
    const out = path("earlier.gpkg");
    await writeFile(out, "precious");
    const refused = await runGlof("polygonize", path("mask.tif"), "--out", out);
    expect(refused.stderr).toContain("Pass --force to replace it");
    expect(refused.code).toBe(EXIT.usage);
    expect(await readFile(out, "utf8")).toBe("precious");
    const forced = await runGlof("polygonize", path("mask.tif"), "--out", out, "--force");
    expect(forced.code).toBe(EXIT.ok);
  });

  it("a raster without CRS: planar outlines, or refused by what needs one", async () => {
    const run = (ending: string, ...more: readonly string[]) =>
      runGlof("polygonize", path("nowhere.tif"), "--out", path(`nowhere.${ending}`), ...more);
    expect((await run("gpkg")).stderr).toContain("3 polygons in");
    expect((await run("geojson")).stderr).toContain("State it, or write .gpkg");
    expect((await run("fgb", "--min-area", "5")).stderr).toContain("State it with --epsg");
    expect((await run("geojson", "--epsg", "32645")).code).toBe(EXIT.ok);
  });

  it("refuses wrong command lines before it works, and wrong files, leaving nothing", async () => {
    await writeFile(path("text.tif"), "no image");
    const before = await readdir(path());
    const cases: readonly (readonly [code: number, message: string, ...args: string[]])[] = [
      [EXIT.usage, "required option '-o, --out <file>'", "mask.tif"],
      [EXIT.usage, "ends in .gpkg, .geojson, .fgb or .csv", "mask.tif", "--out", path("x.shp")],
      [EXIT.usage, "Allowed choices are 4, 8", "mask.tif", "--out", path("x.gpkg"), "--connectivity", "6"],
      [EXIT.usage, "must be 0 or more", "mask.tif", "--out", path("x.gpkg"), "--min-area", "-1"],
      [EXIT.usage, "unknown option '--tolerance'", "mask.tif", "--out", path("x.gpkg"), "--tolerance"],
      [EXIT.usage, "--band from 1 to 1", "mask.tif", "--out", path("x.gpkg"), "--band", "2"],
      [EXIT.usage, "other than area_m2", "mask.tif", "--out", path("x.gpkg"), "--value-field", "AREA_M2"],
      [EXIT.usage, "expected --value-field with --zero", "mask.tif", "--out", path("x.gpkg"), "--zero"],
      [EXIT.failed, "expected GeoTIFF", "text.tif", "--out", path("x.gpkg")],
      [EXIT.failed, "no such file", "absent.tif", "--out", path("x.gpkg")],
      [EXIT.failed, "mask.tif", "mask.tif", "--out", path("mask.tif", "x.gpkg")],
    ];
    for (const [code, message, file, ...args] of cases) {
      const run = await runGlof("polygonize", path(file!), ...args);
      expect(run.stderr).toContain(message);
      expect(run.code).toBe(code);
    }
    expect(await readdir(path())).toEqual(before);
  });
});
