import { readdir } from "node:fs/promises";
import { crsFromEpsg, readGeoJson, writeGeoPackage } from "@glof/geo";
import { readChips } from "@glof/sentinel2";
import { beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder, writeImage } from "../testing/made_up_files.js";
import { writeMadeUpSafe } from "../testing/made_up_safe.js";
import { runGlof } from "../testing/run_glof.js";

const { path } = useFolder();
let safe = "";

/** The upper left 100 m of the scene. */
const corner = [
  [500_000, 3_099_900],
  [500_100, 3_099_900],
  [500_100, 3_100_000],
  [500_000, 3_100_000],
  [500_000, 3_099_900],
] as const;

beforeAll(async () => {
  safe = await writeMadeUpSafe(path(), { sceneClass: () => 6 });
  const features = [{ geometry: [[corner]], properties: {} }];
  await writeGeoPackage(path("lakes.gpkg"), [{ layer: "lakes", crs: crsFromEpsg(32645), features }]);
});

describe("glof chips", () => {
  it("cuts a scene into labelled chips, and goes on where it was", async () => {
    const out = path("chips");
    const args = [
      "chips",
      safe,
      "--labels",
      path("lakes.gpkg"),
      "--out",
      out,
      "--size",
      "20",
      "--bands",
      "B03,B08",
    ];
    const first = await runGlof(...args, "--json");
    expect(JSON.parse(first.stdout)).toMatchObject({ out, written: 9, kept: 0 });
    const again = await runGlof(...args);
    expect(again.stderr).toContain("0 chips written, 9 there before");
    const [index] = (await readdir(out)).filter((name) => name.endsWith(".chips.geojson"));
    const { features } = await readGeoJson(path("chips", index!));
    expect(features[0]!.properties).toMatchObject({ x: 0, y: 0, split: "train", positive: 0.25, valid: 1 });
    for await (const chip of readChips(out)) {
      expect(chip.bands).toEqual(["B03", "B08"]);
      expect(chip.mask.reduce((sum, label) => sum + label, 0)).toBe(100);
      expect(chip.refl[0]).toBeCloseTo(0.05, 6);
      break;
    }
  });

  it("keeps only chips with lakes, as safetensors; labels by a raster", async () => {
    const dn = (_: number, pixel: number) => (pixel < 600 ? 1 : 0);
    const size = { width: 60, height: 60, geoTransform: [500_000, 10, 0, 3_100_000, 0, -10] as const };
    await writeImage(path("mask.tif"), { ...size, dtype: "uint8", bandNames: ["mask"], dn });
    const run = await runGlof(
      ...["chips", safe, "--labels", path("mask.tif"), "--out", path("some"), "--size", "20"],
      ...["--min-positive", "0.4", "--format", "safetensors", "--split", "test"],
    );
    expect(run.stderr).toContain("3 chips written");
    expect((await readdir(path("some"))).filter((name) => name.endsWith(".safetensors"))).toHaveLength(3);
  });

  it("refuses wrong command lines, labels and scenes", async () => {
    await writeImage(path("small.tif"), { dtype: "uint8", bandNames: ["mask"], dn: () => 1 });
    const labels = ["--labels", path("lakes.gpkg")];
    const out = ["--out", path("never")];
    const cases: readonly (readonly [code: number, message: string, ...more: string[]])[] = [
      [EXIT.usage, "required option '--labels <file>'", ...out],
      [EXIT.usage, "must be from 0 to 1", ...labels, ...out, "--min-valid", "2"],
      [EXIT.usage, "Allowed choices are train", ...labels, ...out, "--split", "gap"],
      [EXIT.usage, 'got "ponds"', ...labels, ...out, "--layer", "ponds"],
      [EXIT.failed, "no such file", "--labels", path("absent.gpkg"), ...out],
      [EXIT.failed, "expected labels on the scene's grid", "--labels", path("small.tif"), ...out],
      [EXIT.failed, "B12", ...labels, ...out, "--bands", "B12"],
    ];
    for (const [code, message, ...more] of cases) {
      const run = await runGlof("chips", safe, ...more);
      expect(run.stderr).toContain(message);
      expect(run.stderr).not.toContain("unexpected error");
      expect(run.code).toBe(code);
    }
  });
});
