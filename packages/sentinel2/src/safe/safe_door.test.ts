import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GlofErrorCode, isGlofError, type Logger, silentLogger } from "@glof/core";
import { openRaster } from "@glof/geo";
import { hasShared, sharedPath } from "@glof/test-kit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene } from "../open_scene.js";
import type { OpenSceneOptions } from "../scene_door.js";
import { sceneClassStatistics } from "../validity/class_statistics.js";
import { INVALID_REASONS } from "../validity/reasons.js";
import { type TestSafe, testSafeFiles, writeTestSafe } from "./test_safe.js";
import { testZip } from "./test_zip.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glof-safe-"));
});
afterEach(() => rm(folder, { recursive: true }));

const filled = (size: number, value: (index: number) => number): { bands: Uint16Array[] } => ({
  bands: [Uint16Array.from({ length: size }, (_, index) => value(index))],
});
const ten = (value = (index: number) => 1200 + index) => filled(144, value);
const twenty = (value = (index: number) => 1500 + index) => filled(36, value);
const bytes = (size: number, value: (index: number) => number) => ({
  bands: [Uint8Array.from({ length: size }, (_, index) => value(index))],
  type: "uint8" as const,
});
const allOffsets = { B02: -1000, B03: -1000, B04: -1000, B08: -1000, B11: -1000 };
const l2a = (more: Partial<TestSafe> = {}): TestSafe => ({
  offsetsDn: allOffsets,
  images: {
    "R10m/B02_10m": ten(),
    "R10m/B03_10m": ten((index) => 1300 + index),
    "R20m/B02_20m": twenty((index) => 1700 + index),
    "R20m/B11_20m": twenty(),
    "R60m/B11_60m": filled(4, (index) => 2000 + index),
    "R10m/TCI_10m": { ...bytes(144, () => 9) },
    "R20m/SCL_20m": bytes(36, () => 6),
    "QI/MSK_CLDPRB_20m": bytes(36, (index) => index),
    ...more.images,
  },
  ...Object.fromEntries(Object.entries(more).filter(([name]) => name !== "images")),
});
const whole = { x: 0, y: 0, width: 12, height: 12 };

async function refusal(code: GlofErrorCode, path: string, options?: OpenSceneOptions): Promise<string> {
  try {
    await (await openScene(path, options)).close();
  } catch (error) {
    if (!isGlofError(error)) throw error;
    expect(`${error.code}: ${error.message}`).toContain(`${code}: `);
    expect(error.message).toMatch(/.+: expected .+, got .+\. \w+/s);
    return error.message;
  }
  return expect.unreachable("nothing was refused");
}

function recordingLogger(): { logger: Logger; warnings: string[] } {
  const warnings: string[] = [];
  return { logger: { ...silentLogger, warn: (message) => warnings.push(message) }, warnings };
}

describe("openScene on a SAFE folder", () => {
  it("reads bands, radiometry and facts by the metadata", async () => {
    const path = await writeTestSafe(folder, l2a());
    const scene = await openScene(path);
    expect(scene.id).toBe("S2A_MSIL2A_20230821T045131_N0509_R076_T45RVL_20230821T080000");
    expect(scene.bands).toEqual(["B02", "B03", "B11"]);
    expect(scene.level).toBe("L2A");
    expect(scene.acquiredAt).toBe("2023-08-21T04:51:31.024Z");
    expect(scene.grid).toMatchObject({
      width: 12,
      height: 12,
      geoTransform: [500_000, 10, 0, 3_100_000, 0, -10],
    });
    expect(scene.radiometry.B11).toEqual({ quantification: 10_000, offsetDn: -1000, saturatedDn: 65_535 });
    expect(scene.product).toMatchObject({
      spacecraft: "Sentinel-2A",
      processingBaseline: "05.09",
      tile: "45RVL",
      relativeOrbit: 76,
      cloudPercent: 12.5,
      offsetFrom: "the product's metadata",
    });
    expect(scene.product?.sun?.meanZenithDeg).toBe(31.5);
    expect(scene.inputs.map((input) => input.role)).toEqual([
      "metadata",
      "metadata",
      "B02",
      "B03",
      "B11",
      "classification",
      "cloud-probability",
    ]);
    const { bandsRefl } = await scene.readReflectance(whole, ["B03", "B02"]);
    expect(bandsRefl[0]![5]).toBe(Math.fround(0.0305));
    expect(bandsRefl[1]![143]).toBe(Math.fround(0.0343));
    await scene.close();
  });

  it("opens by the metadata file, in folders that links lead to, and under another name", async () => {
    const path = await writeTestSafe(folder, l2a());
    const byFile = await openScene(join(path, "MTD_MSIL2A.xml"));
    expect(byFile.bands).toEqual(["B02", "B03", "B11"]);
    await byFile.close();
    await symlink(path, join(folder, "linked"));
    const byLink = await openScene(join(folder, "linked"), { name: "mine", bands: ["swir16"] });
    expect([byLink.id, byLink.bands, byLink.grid.geoTransform[1]]).toEqual(["mine", ["B11"], 20]);
    await byLink.close();
  });

  it("reads each file as the raster itself says, and the file of the grid's own resolution", async () => {
    const path = await writeTestSafe(folder, l2a());
    for (const [resolutionM, file, size] of [
      [10, "R10m/T45RVL_20230821T045131_B02_10m.tif", 12],
      [20, "R20m/T45RVL_20230821T045131_B02_20m.tif", 6],
    ] as const) {
      const scene = await openScene(path, { resolutionM, checkValues: false });
      const window = { x: 0, y: 0, width: size, height: size };
      const { bandsRefl } = await scene.readReflectance(window, ["B02"]);
      const granule = "GRANULE/L2A_T45RVL_A042640_20230821T045944";
      const raster = await openRaster(join(path, granule, "IMG_DATA", file));
      const [raw] = await raster.readWindow(window);
      expect([...bandsRefl[0]!]).toEqual(Array.from(raw!, (dn) => Math.fround((dn - 1000) / 10_000)));
      await Promise.all([scene.close(), raster.close()]);
    }
    const coarse = await openScene(path, { resolutionM: 60, checkValues: false });
    expect(coarse.grid).toMatchObject({
      width: 2,
      height: 2,
      geoTransform: [500_000, 60, 0, 3_100_000, 0, -60],
    });
    const at60 = await coarse.readReflectance({ x: 0, y: 0, width: 2, height: 2 }, ["B11", "B02"]);
    expect(at60.bandsRefl[0]![3]).toBe(Math.fround(0.1003));
    // B02 has no file of 60 m: the mean of nine pixels of 20 m, the coarsest finer file.
    expect(at60.bandsRefl[1]![0]).toBeCloseTo((700 + 7) / 10_000, 6);
    await coarse.close();
  });

  it.each<[string, Partial<TestSafe>, OpenSceneOptions, number, string]>([
    [
      "04.00 and later without a list",
      { baseline: "04.00", offsetsDn: {} },
      {},
      -1000,
      "processing baseline 04.00",
    ],
    ["03.01", { baseline: "03.01", offsetsDn: {} }, {}, 0, "processing baseline 03.01"],
    [
      "a user's Sen2Cor without a list",
      { baseline: "99.99", offsetsDn: {} },
      {},
      0,
      "processing baseline 99.99",
    ],
    ["its own list", { offsetsDn: { ...allOffsets, B03: -500 } }, {}, -500, "the product's metadata"],
    ["the caller's number", {}, { offsetDn: -7 }, -7, "the caller"],
    ["a harmonised archive", {}, { harmonised: true }, 0, "the caller: harmonised"],
  ])("takes the offset of %s", async (_, safe, options, offsetDn, from) => {
    const path = await writeTestSafe(folder, l2a(safe));
    const scene = await openScene(path, { ...options, bands: ["B03"], checkValues: false });
    expect(scene.radiometry.B03?.offsetDn).toBe(offsetDn);
    expect(scene.product?.offsetFrom).toBe(from);
    const { bandsRefl } = await scene.readReflectance(whole, ["B03"]);
    expect(bandsRefl[0]![0]).toBe(Math.fround((1300 + offsetDn) / 10_000));
    await scene.close();
  });

  it("reads Level-1C, whose file names tell no resolution", async () => {
    const images = { B02: ten(), B11: twenty(), B10: filled(4, () => 1010), TCI: bytes(144, () => 1) };
    const safe: TestSafe = {
      level: "L1C",
      images,
      offsetsDn: { B02: -1000, B10: -1000, B11: -1000 },
      quantification: 5000,
    };
    const scene = await openScene(await writeTestSafe(folder, safe));
    expect([scene.level, scene.bands, scene.validityPolicy]).toEqual([
      "L1C",
      ["B02", "B10", "B11"],
      undefined,
    ]);
    const { bandsRefl } = await scene.readReflectance(whole, ["B10", "B02"]);
    expect(bandsRefl[0]![77]).toBe(Math.fround(10 / 5000));
    expect(bandsRefl[1]![0]).toBe(Math.fround(200 / 5000));
    await scene.close();
  });

  it("takes 0 in one band for no data and 65535 for saturated, and says so", async () => {
    const images = {
      "R10m/B02_10m": ten((index) => (index === 0 ? 0 : 1500)),
      "R10m/B03_10m": ten((index) => (index === 1 ? 65_535 : 1500)),
    };
    const scene = await openScene(await writeTestSafe(folder, l2a({ images })), { bands: ["B02", "B03"] });
    const row = { x: 0, y: 0, width: 3, height: 1 };
    const { bandsRefl, validMask, invalidReasons } = await scene.readReflectance(row, ["B02", "B03"], {
      reasons: true,
    });
    expect([...validMask]).toEqual([0, 0, 1]);
    expect([...invalidReasons!]).toEqual([INVALID_REASONS.noData, INVALID_REASONS.saturated, 0]);
    expect([...bandsRefl[0]!]).toEqual([0, 0, Math.fround(0.05)]);
    const one = await scene.readReflectance(row, ["B03"]);
    expect([...one.validMask]).toEqual([1, 0, 1]);
    expect(one.invalidReasons).toBeUndefined();
    await scene.close();
  });

  it("opens one tile of several", async () => {
    const path = await writeTestSafe(folder, l2a());
    const second = "GRANULE/L2A_T45RVM_A042640_20230821T045944";
    await cp(join(path, "GRANULE/L2A_T45RVL_A042640_20230821T045944"), join(path, second), {
      recursive: true,
    });
    expect(await refusal("bad-argument", path)).toContain("45RVL, 45RVM");
    await refusal("bad-argument", path, { tile: "45RVN" });
    const scene = await openScene(path, { tile: "T45RVM" });
    expect(scene.inputs.at(-1)?.path).toContain("T45RVM");
    await scene.close();
  });
});

describe("openScene on what is not quite a SAFE product", () => {
  it.each<[string, string, GlofErrorCode, string]>([
    ["product metadata", "MTD_MSIL2A", "corrupt-file", "MTD_MSIL1C.xml or MTD_MSIL2A.xml"],
    ["granule metadata", "MTD_TL", "corrupt-file", "MTD_TL.xml in GRANULE/"],
    ["granule", "GRANULE", "corrupt-file", "a folder in GRANULE"],
    ["images", "_B", "missing-band", "IMG_DATA"],
  ])("names the missing %s", async (_, part, code, named) => {
    const path = await writeTestSafe(folder, l2a({ without: [part] }));
    expect(await refusal(code, path)).toContain(named);
  });

  it("warns of missing images and refuses when they are asked for", async () => {
    const path = await writeTestSafe(folder, l2a({ without: ["B03_10m"] }));
    const { logger, warnings } = recordingLogger();
    const scene = await openScene(path, { logger });
    expect(scene.bands).toEqual(["B02", "B11"]);
    expect(warnings.join()).toMatch(
      /1 images that the product lists are missing: T45RVL_20230821T045131_B03_10m/,
    );
    await scene.close();
    expect(await refusal("missing-band", path, { bands: ["B02", "B03"] })).toContain("B03 is missing");
  });

  it("refuses an empty .SAFE, broken metadata, broken images and mixed products", async () => {
    const empty = join(folder, "empty.SAFE");
    await mkdir(empty);
    await refusal("corrupt-file", empty);
    const path = await writeTestSafe(folder, l2a());
    const image = join(
      path,
      "GRANULE/L2A_T45RVL_A042640_20230821T045944/IMG_DATA/R10m/T45RVL_20230821T045131_B02_10m.tif",
    );
    await writeFile(image, "not an image");
    await refusal("unsupported-format", path);
    const metadata = join(path, "MTD_MSIL2A.xml");
    await writeFile(metadata, "<half><a product");
    expect(await refusal("corrupt-file", path)).toContain("MTD_MSIL2A.xml");
    const mixed = await writeTestSafe(
      folder,
      l2a({ baseline: "05.10", images: { "R10m/B03_10m": { ...ten(), epsg: 32644 } } }),
    );
    expect(await refusal("grid-mismatch", mixed)).toContain("EPSG:32644");
    const shifted = await writeTestSafe(
      folder,
      l2a({ baseline: "05.11", images: { "R10m/B03_10m": { ...ten(), origin: [500_010, 3_100_000] } } }),
    );
    await refusal("grid-mismatch", shifted);
  });

  it("refuses pictures for bands, impossible radiometry, and what is cancelled", async () => {
    const picture = await writeTestSafe(folder, l2a({ images: { "R10m/B03_10m": bytes(144, () => 9) } }));
    expect(await refusal("bad-dtype", picture)).toContain("B03_10m");
    const good = await writeTestSafe(folder, l2a({ baseline: "05.10" }));
    await refusal("bad-argument", good, { quantification: 0 });
    await refusal("bad-argument", good, { offsetDn: Number.NaN });
    await expect(openScene(good, { signal: AbortSignal.abort() })).rejects.toSatisfy((error) =>
      isGlofError(error, "aborted"),
    );
  });

  it("gives images without a place that of the metadata", async () => {
    const images = {
      "R10m/B02_10m": { ...ten(), epsg: undefined },
      "R20m/SCL_20m": { ...bytes(36, () => 6), epsg: undefined },
    };
    const scene = await openScene(await writeTestSafe(folder, l2a({ images })));
    expect(scene.grid.crs?.epsg).toBe(32645);
    await scene.close();
  });
});

describe.skipIf(!hasShared("data/t11upt_l2a_60m_jp2"))("a SAFE product of real JPEG2000 bands", () => {
  const shared = (): string => sharedPath("data/t11upt_l2a_60m_jp2");
  const tile = "T11UPT_20200804T183919";

  /** ESA's own images, in the folders that a product has, with metadata of ours. */
  async function realProduct(): Promise<string> {
    const safe = await writeTestSafe(folder, { baseline: "02.14", images: {}, epsg: 32611 });
    const images = join(safe, "GRANULE/L2A_T45RVL_A042640_20230821T045944/IMG_DATA/R60m");
    await mkdir(images, { recursive: true });
    for (const band of ["B02", "B03", "B04", "B8A", "SCL"]) {
      await symlink(join(shared(), `${tile}_${band}_60m.jp2`), join(images, `${tile}_${band}_60m.jp2`));
    }
    return safe;
  }

  it("reads what the image itself gives", async () => {
    const scene = await openScene(await realProduct());
    expect([scene.bands, scene.grid.width, scene.grid.crs?.epsg]).toEqual([
      ["B02", "B03", "B04", "B8A"],
      1830,
      32611,
    ]);
    const raster = await openRaster(join(shared(), `${tile}_B8A_60m.jp2`));
    for (const window of [
      { x: 0, y: 0, width: 40, height: 30 },
      { x: 180, y: 185, width: 30, height: 20 },
      { x: 1700, y: 1810, width: 130, height: 20 },
    ]) {
      const { bandsRefl } = await scene.readReflectance(window, ["B8A"], { ignoreClassification: true });
      const [raw] = await raster.readWindow(window);
      expect([...bandsRefl[0]!]).toEqual(Array.from(raw!, (dn) => Math.fround(dn / 10_000)));
    }
    const { cloudFraction } = await sceneClassStatistics(scene);
    expect(Math.round(cloudFraction * 1830 * 1830)).toBe(2643 + 3779 + 15);
    await Promise.all([scene.close(), raster.close()]);
  });

  it.each([false, true])("reads the same out of an archive, packed: %s", async (packed) => {
    const image = await readFile(join(shared(), `${tile}_B02_60m.jp2`));
    const { name, files } = testSafeFiles({ baseline: "02.14", images: {}, epsg: 32611 });
    files.set(`GRANULE/L2A_T45RVL_A042640_20230821T045944/IMG_DATA/R60m/${tile}_B02_60m.jp2`, image);
    const zip = testZip(new Map([...files].map(([path, content]) => [`${name}/${path}`, content])), {
      packed,
    });
    const scene = await openScene(zip.buffer, { name: "real.zip" });
    const window = { x: 900, y: 1000, width: 101, height: 1 };
    const { bandsRefl } = await scene.readReflectance(window, ["B02"]);
    // GDAL 3.6 reads 664 at column 1000, row 1000.
    expect(Math.round(bandsRefl[0]![100]! * 10_000)).toBe(664);
    await scene.close();
  });
});
