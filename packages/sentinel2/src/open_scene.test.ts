import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GlofErrorCode, isGlofError, type Logger, silentLogger } from "@glof/core";
import { hasShared, sharedPath } from "@glof/test-kit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene } from "./open_scene.js";
import type { OpenSceneOptions, SceneSource } from "./scene_door.js";
import { type TestTiff, testTiff } from "./test_tiff.js";

const names = ["B02", "B03", "B04", "B08"];
const ramp = (size: number, from = 1000, step = 10): number[] =>
  Array.from({ length: size }, (_, index) => from + step * index);
const stack = (more: Partial<TestTiff> = {}): ArrayBuffer =>
  testTiff({
    width: 4,
    height: 3,
    bands: [ramp(12, 500), ramp(12, 600), ramp(12, 700), ramp(12, 300)],
    names,
    ...more,
  });
const whole = { x: 0, y: 0, width: 4, height: 3 };

async function expectRefusal(
  code: GlofErrorCode,
  source: SceneSource,
  options?: OpenSceneOptions,
): Promise<string> {
  try {
    const scene = await openScene(source, options);
    await scene.close();
  } catch (error) {
    if (!isGlofError(error)) throw error;
    expect(`${error.code} (${error.message})`).toContain(`${code} (`);
    expect(error.message).toMatch(/.+: .+/);
    return error.message;
  }
  return expect.unreachable("nothing was refused");
}

function recordingLogger(): { logger: Logger; warnings: string[] } {
  const warnings: string[] = [];
  return { logger: { ...silentLogger, warn: (message) => warnings.push(message) }, warnings };
}

describe("openScene on one file", () => {
  it("gives reflectance of named bands in any order", async () => {
    const scene = await openScene(stack(), { name: "S2A_MSIL2A_20240101T045131_T45RVL" });
    expect(scene.bands).toEqual(names);
    expect(scene.level).toBe("L2A");
    expect(scene.acquiredAt).toBe("2024-01-01T04:51:31Z");
    expect(scene.radiometry.B08).toEqual({ quantification: 10_000, offsetDn: 0 });
    expect(scene.grid.crs?.epsg).toBe(32645);
    const window = { x: 1, y: 1, width: 2, height: 2 };
    const { bandsRefl, validMask } = await scene.readReflectance(window, ["B08", "B02"]);
    expect([...bandsRefl[0]!]).toEqual([350, 360, 390, 400].map((dn) => Math.fround(dn / 10_000)));
    expect(bandsRefl[1]![0]).toBeCloseTo(0.055, 7);
    expect([...validMask]).toEqual([1, 1, 1, 1]);
    await scene.close();
  });

  it("takes scale and offset from the file unless the caller says otherwise", async () => {
    const tagged = stack({ scale: 0.0001, offset: -0.1 });
    const scene = await openScene(tagged, { checkValues: false });
    expect(scene.radiometry.B02).toEqual({ quantification: 10_000, offsetDn: -1000 });
    const { bandsRefl } = await scene.readReflectance(whole, ["B02"]);
    expect(bandsRefl[0]![0]).toBeCloseTo(-0.05, 7);
    const byHand = await openScene(tagged, { quantification: 5000, offsetDn: 0, checkValues: false });
    expect((await byHand.readReflectance(whole, ["B02"])).bandsRefl[0]![0]).toBeCloseTo(0.1, 7);
  });

  it("takes float files as reflectance", async () => {
    const bands = [ramp(12, 0.1, 0.01), ramp(12, 0.2, 0.01)];
    const scene = await openScene(stack({ bands, names: ["blue", "B8A"], type: "float32" }));
    expect(scene.bands).toEqual(["B02", "B8A"]);
    expect(scene.radiometry.B02).toEqual({ quantification: 1, offsetDn: 0 });
    expect((await scene.readReflectance(whole, ["B8A"])).bandsRefl[0]![0]).toBeCloseTo(0.2, 6);
  });

  it("marks no-data, NaN, infinities and DN 0 in all bands as not valid, with 0 in their place", async () => {
    const a = [Number.NaN, Number.POSITIVE_INFINITY, 0, 0, -9999, ...ramp(7, 0.1, 0.01)];
    const b = [0.2, 0.2, 0, 0.3, 0.2, ...ramp(7, 0.1, 0.01)];
    const scene = await openScene(
      stack({ bands: [a, b], names: ["B03", "B08"], type: "float32", nodata: "-9999" }),
    );
    const both = await scene.readReflectance(whole, ["B03", "B08"]);
    expect([...both.validMask]).toEqual([0, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1]);
    expect([...both.bandsRefl[1]!.slice(0, 5)]).toEqual([0, 0, 0, Math.fround(0.3), 0]);
    const second = await scene.readReflectance(whole, ["B08"]);
    expect([...second.validMask.slice(0, 5)]).toEqual([1, 1, 0, 1, 1]);
  });

  it("counts a stated no-data value of 0 in any asked band", async () => {
    const bands = [
      [0, ...ramp(11)],
      [500, ...ramp(11)],
    ];
    const scene = await openScene(stack({ bands, names: ["B03", "B08"], nodata: "0" }));
    expect((await scene.readReflectance(whole, ["B03", "B08"])).validMask[0]).toBe(0);
    expect((await scene.readReflectance(whole, ["B08"])).validMask[0]).toBe(1);
  });

  it("takes names by hand, and leaves out what is no band", async () => {
    const scene = await openScene(stack({ names: [] }), { bands: ["b2", "-", "red", "B08"] });
    expect(scene.bands).toEqual(["B02", "B04", "B08"]);
    const { bandsRefl } = await scene.readReflectance(whole, ["B04"]);
    expect(bandsRefl[0]![0]).toBeCloseTo(0.07, 7);
    const mixed = await openScene(stack({ names: ["SCL", "B03", undefined, "nir"] }));
    expect(mixed.bands).toEqual(["B03", "B08"]);
  });

  it.each<[GlofErrorCode, Partial<TestTiff>, OpenSceneOptions]>([
    ["missing-band", { names: [] }, {}],
    ["unknown-band", {}, { bands: ["B02", "B03", "B04", "B99"] }],
    ["bad-argument", {}, { bands: ["B02", "B03"] }],
    ["bad-argument", { names: ["B02", "blue", "B04", "B08"] }, {}],
    ["bad-argument", {}, { quantification: 0 }],
    ["missing-crs", { epsg: undefined }, {}],
    ["bad-geotransform", { rotated: true }, {}],
    ["bad-dtype", { type: "uint8" }, {}],
    ["unsupported-feature", { type: "complex64" }, {}],
    ["bad-dtype", { type: "bit" }, {}],
    ["no-valid-pixels", { bands: names.map(() => new Uint16Array(12)) }, {}],
    ["no-valid-pixels", { bands: names.map(() => ramp(12, 7, 0)), nodata: "7" }, {}],
    ["no-valid-pixels", { bands: names.map(() => ramp(12, Number.NaN)), type: "float32" }, {}],
  ])("refuses with %s: %o %o", async (code, tiff, options) => {
    await expectRefusal(code, stack(tiff), options);
  });

  it("refuses what is no file, no TIFF, or only half of one", async () => {
    await expectRefusal("not-found", "/nowhere/scene.tif");
    await expectRefusal("unsupported-format", new TextEncoder().encode("not a TIFF, but long enough").buffer);
    await expectRefusal("unsupported-format", new ArrayBuffer(0));
    const bytes = stack();
    await expectRefusal("corrupt-file", bytes.slice(0, bytes.byteLength - 40));
    await expectRefusal("corrupt-file", bytes.slice(0, 60));
  });

  it("refuses bands and windows that are not there", async () => {
    const scene = await openScene(stack());
    await expect(scene.readReflectance(whole, ["B11", "B02"])).rejects.toSatisfy((error) =>
      isGlofError(error, "missing-band"),
    );
    for (const wrong of [{ x: -1 }, { width: 5 }, { height: 0 }, { y: 0.5 }]) {
      await expect(scene.readReflectance({ ...whole, ...wrong }, ["B02"])).rejects.toSatisfy((error) =>
        isGlofError(error, "bad-argument"),
      );
    }
    const signal = AbortSignal.abort();
    await expect(scene.readReflectance(whole, ["B02"], { signal })).rejects.toSatisfy((error) =>
      isGlofError(error, "aborted"),
    );
  });

  it("warns of values that no ground has", async () => {
    const warningsOf = async (tiff: Partial<TestTiff>, options: OpenSceneOptions = {}): Promise<string[]> => {
      const { logger, warnings } = recordingLogger();
      await openScene(stack({ names: ["B03", "B08"], ...tiff }), { logger, name: "chip", ...options });
      return warnings;
    };
    const two = (from: number, step: number): number[][] => [ramp(12, from, step), ramp(12, from, step)];
    expect(await warningsOf({ bands: two(200, 100) })).toEqual([]);
    expect(await warningsOf({ bands: two(200, 100) }, { quantification: 100 })).toHaveLength(2);
    expect(await warningsOf({ bands: two(200, 100) }, { quantification: 1e7 })).toEqual([
      expect.stringMatching(/^openScene\(chip\): all of B03 is below 0\.001\. .+/),
      expect.stringContaining("all of B08 is below 0.001"),
    ]);
    expect((await warningsOf({ bands: two(200, 100) }, { offsetDn: -1000 })).join()).toMatch(/negative/);
    expect((await warningsOf({ bands: two(1050, 50) })).join()).toMatch(/offset of -1000/);
    expect(await warningsOf({ bands: two(1050, 50) }, { checkValues: false })).toEqual([]);
  });

  it("finds the one valid pixel that the sample misses", async () => {
    const band = new Uint16Array(600 * 600);
    band[600 * 300 + 3] = 1234;
    const scene = await openScene(testTiff({ width: 600, height: 600, bands: [band], names: ["B03"] }));
    expect(scene.bands).toEqual(["B03"]);
  });
});

describe("openScene on a folder", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "S2A_MSIL1C_20240102T030405_"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const put = (name: string, tiff: Partial<TestTiff>): Promise<void> =>
    writeFile(
      join(folder, name),
      new Uint8Array(testTiff({ width: 4, height: 4, bands: [ramp(16)], ...tiff })),
    );

  it("joins the bands by their names, the finest of each, coarser ones resampled", async () => {
    await put("T45RVL_B02_10m.tif", { bands: [ramp(16, 500)] });
    await put("T45RVL_B02_20m.tif", { width: 2, height: 2, bands: [[1, 2, 3, 4]], pixelM: 20 });
    await put("T45RVL_B11_20m.tif", { width: 2, height: 2, bands: [[1000, 2000, 3000, 4000]], pixelM: 20 });
    await put("T45RVL_SCL_20m.tif", { width: 2, height: 2, bands: [[1, 2, 3, 4]], pixelM: 20 });
    const scene = await openScene(`${folder}/`);
    expect(scene.bands).toEqual(["B02", "B11"]);
    expect(scene.level).toBe("L1C");
    expect(scene.acquiredAt).toBe("2024-01-02T03:04:05Z");
    expect(scene.grid.geoTransform[1]).toBe(10);
    expect(scene.inputs.map((input) => input.role)).toEqual(["B02", "B11"]);
    const { bandsRefl } = await scene.readReflectance({ x: 0, y: 0, width: 4, height: 4 }, ["B11", "B02"]);
    // Bilinear between the centres of 20 m pixels: a quarter and three quarters, flat beyond the outermost.
    const rows = [1000, 1500, 2500, 3000].map((first) => [first, first + 250, first + 750, first + 1000]);
    const swirDn = bandsRefl[0]!.map((refl) => Math.round(refl * 1e6) / 100);
    expect([...swirDn]).toEqual(rows.flat());
    expect(bandsRefl[1]![15]).toBeCloseTo(0.065, 7);
    for (const [x, y, width, height] of [
      [1, 2, 1, 1],
      [3, 1, 1, 3],
      [0, 3, 4, 1],
    ] as const) {
      const part = await scene.readReflectance({ x, y, width, height }, ["B11"]);
      expect([...part.bandsRefl[0]!]).toEqual(
        Array.from(
          { length: width * height },
          (_, pixel) => bandsRefl[0]![(y + Math.floor(pixel / width)) * 4 + x + (pixel % width)],
        ),
      );
    }
    await scene.close();
  });

  it("keeps no-data out of the interpolation", async () => {
    await put("B03.tif", { bands: [ramp(16, 500)] });
    await put("B12.tif", { width: 2, height: 2, bands: [[1000, 9, 3000, 4000]], pixelM: 20, nodata: "9" });
    const scene = await openScene(folder);
    const { bandsRefl, validMask } = await scene.readReflectance({ x: 0, y: 0, width: 4, height: 4 }, [
      "B03",
      "B12",
    ]);
    expect([...validMask]).toEqual([1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect(bandsRefl[1]![1]).toBeCloseTo(0.1, 6);
    // Row 1, column 1: weights 9 : 3 : 1 of 1000, 3000 and 4000; the fourth neighbour has no data.
    expect(bandsRefl[1]![5]).toBeCloseTo((9 * 1000 + 3 * 3000 + 4000) / 13 / 10_000, 6);
    await scene.close();
  });

  it("opens only the bands asked for", async () => {
    await put("x_B03_10m.tif", {});
    await put("x_B08_10m.tif", {});
    await writeFile(join(folder, "x_B04_10m.tif"), "broken");
    const scene = await openScene(folder, { bands: ["nir", "B03"] });
    expect(scene.bands).toEqual(["B08", "B03"]);
    await scene.close();
    await expectRefusal("missing-band", folder, { bands: ["B03", "B11"] });
    await expectRefusal("unsupported-format", folder);
  });

  it.each<[string, Partial<TestTiff>]>([
    ["another CRS", { epsg: 32644 }],
    ["another origin", { origin: [500_010, 3_100_000] }],
    ["a ratio that is not whole", { pixelM: 15 }],
    ["another size", { width: 5, bands: [ramp(20)] }],
  ])("refuses bands with %s", async (_, tiff) => {
    await put("B03.tif", {});
    await put("B08.tif", tiff);
    await expectRefusal("grid-mismatch", folder);
  });

  it("refuses a folder without bands and a band file with several", async () => {
    await expectRefusal("missing-band", folder);
    await writeFile(join(folder, "readme.txt"), "hello");
    expect(await expectRefusal("missing-band", folder)).toContain("readme.txt");
    await put("B03.tif", { bands: [ramp(16), ramp(16)] });
    await expectRefusal("unsupported-feature", folder);
  });
});

describe.skipIf(!hasShared("data/khumbu_s2_2024"))("openScene on real images", () => {
  it("opens the Khumbu scene with its scale tags", async () => {
    const { logger, warnings } = recordingLogger();
    const scene = await openScene(sharedPath("data/khumbu_s2_2024/khumbu_s2l2a_summer_2024.tif"), { logger });
    expect(scene.bands).toEqual(["B02", "B03", "B04", "B08", "B11", "B12"]);
    expect(scene.level).toBe("L2A");
    expect(scene.radiometry.B03).toEqual({ quantification: 10_000, offsetDn: 0 });
    expect(warnings).toEqual([]);
    const { bandsRefl, validMask } = await scene.readReflectance({ x: 0, y: 0, width: 256, height: 256 }, [
      "B03",
    ]);
    const mean = bandsRefl[0]!.reduce((sum, refl) => sum + refl, 0) / 65_536;
    expect(mean).toBeGreaterThan(0.1);
    expect(mean).toBeLessThan(0.5);
    expect(validMask.every((valid) => valid === 1)).toBe(true);
    await scene.close();
  });

  it("opens the Spain chip by its short names", async () => {
    const scene = await openScene(sharedPath("data/sen1floods11_spain/Spain_7370579_S2Hand.tif"));
    expect(scene.bands).toHaveLength(13);
    expect(scene.bands).toContain("B8A");
    await scene.close();
  });
});
