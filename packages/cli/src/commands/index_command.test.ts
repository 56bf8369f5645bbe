import { readdir, writeFile } from "node:fs/promises";
import { openRaster } from "@glof/geo";
import { otsuThreshold } from "@glof/sentinel2";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder, writeImage } from "../testing/made_up_files.js";
import { writeMadeUpSafe } from "../testing/made_up_safe.js";
import { runGlof } from "../testing/run_glof.js";

const { path } = useFolder();
let safe = "";

/** A lake in the lower half: green above near infrared there. */
const isLake = (pixel: number): boolean => pixel >= 1800;

beforeAll(async () => {
  safe = await writeMadeUpSafe(path(), {
    dn: (band, pixel) => (isLake(pixel) === (band === "B03") ? 2000 : 1200),
  });
  await writeImage(path("stack.tif"));
  await writeImage(path("three.tif"), { bandNames: ["B02", "B03", "B04"] });
});

async function valuesOf(file: string) {
  const raster = await openRaster(file);
  const { width, height } = raster.grid;
  const [values] = await raster.readWindow({ x: 0, y: 0, width, height });
  await raster.close();
  return { values: values!, band: raster.bands[0]! };
}

describe("glof index", () => {
  it("writes the index, NaN under clouds, and the mask above Otsu's threshold", async () => {
    const [out, mask] = [path("ndwi.tif"), path("water.tif")];
    const run = await runGlof("index", safe, "--index", "NDWI", "--out", out, "--mask", mask, "--json");
    expect(run.code).toBe(EXIT.ok);
    const index = await valuesOf(out);
    expect(index.band).toMatchObject({ name: "ndwi", dtype: "float32", nodata: Number.NaN });
    const [green, nir] = [1200 - 1000, 2000 - 1000];
    expect(index.values[2]).toBeCloseTo((green - nir) / (green + nir), 6);
    expect(index.values[0]).toBeNaN();
    const threshold = otsuThreshold(index.values);
    expect(JSON.parse(run.stdout)).toEqual({
      ...{ out, mask, index: "ndwi", width: 60, height: 60, threshold },
      validPixels: 58 * 60,
      abovePixels: 58 * 30,
    });
    const water = await valuesOf(mask);
    expect(water.band).toMatchObject({ dtype: "uint8", nodata: 255 });
    expect([0, 2, 3599].map((pixel) => water.values[pixel])).toEqual([255, 0, 1]);
  });

  it("a threshold by number, Otsu's not below a bound, clouds kept", async () => {
    const run = (...more: readonly string[]) =>
      runGlof("index", safe, "--index", "ndwi", "--force", "-o", path("again.tif"), ...more);
    expect((await run("-t", "2")).stderr).toContain("ndwi > 2.000: 0 of 3480 valid pixels, 0.00 %\nwrote");
    expect((await run("--least-threshold", "0.9")).stderr).toContain("ndwi > 0.900 (Otsu): 0 of 3480");
    expect((await run("--all-classes", "-t", "0")).stderr).toContain("1800 of 3600 valid pixels, 50.00 %");
    const cut = await run("-t", "0", "--bbox", "87.001,28.02,87.005,28.03");
    expect(cut.stderr).toMatch(/0\.000: \d+ of \d+ valid/);
  });

  it("refuses wrong command lines and scenes without the bands, leaving nothing", async () => {
    await writeFile(path("earlier.tif"), "precious");
    const before = await readdir(path());
    const [out, never] = ["--out", path("never.tif")];
    const cases: readonly (readonly [code: number, message: string, scene: string, ...more: string[]])[] = [
      [EXIT.usage, "It must be one of ndwi", "stack.tif", "--index", "nwdi", out, never],
      [EXIT.usage, "required option '--index <name>'", "stack.tif", out, never],
      [EXIT.usage, "must be a number", "stack.tif", "--index", "ndwi", out, never, "-t", "high"],
      [EXIT.usage, "expected two files", "stack.tif", "--index", "ndwi", out, never, "--mask", never],
      [EXIT.usage, "--force", "stack.tif", "--index", "ndwi", out, path("earlier.tif")],
      [EXIT.failed, "B11", "stack.tif", "--index", "mndwi", out, never],
      [EXIT.failed, "B08", "three.tif", "--index", "ndwi", out, never],
      [
        EXIT.failed,
        "earlier.tif",
        "stack.tif",
        "--index",
        "ndwi",
        out,
        never,
        "--mask",
        path("earlier.tif", "m.tif"),
      ],
    ];
    for (const [code, message, scene, ...more] of cases) {
      const run = await runGlof("index", path(scene), ...more);
      expect(run.stderr).toContain(message);
      expect(run.stderr).not.toContain("unexpected error");
      expect(run.code).toBe(code);
    }
    expect(await readdir(path())).toEqual(before);
  });
});
