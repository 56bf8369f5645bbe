import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGlofError } from "@glof/core";
import { openRaster, readReduced } from "@glof/geo";
import { hasShared, sharedPath } from "@glof/test-kit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene } from "../open_scene.js";
import { type TestSafe, writeTestSafe } from "../safe/test_safe.js";
import type { OpenSceneOptions } from "../scene_door.js";
import { testTiff } from "../test_tiff.js";
import type { Scene } from "../types.js";
import { withNodata } from "../with_nodata.js";
import { addEdgeReasons, padWindow } from "./apply_policy.js";
import { sceneClassStatistics } from "./class_statistics.js";
import { DEFAULT_VALIDITY, resolvePolicy } from "./policy.js";
import { INVALID_REASONS } from "./reasons.js";
import { SCENE_CLASSES, type SceneClass } from "./scene_classes.js";

const { noData, saturated, cloud, shadow, cirrus, outside, classed } = INVALID_REASONS;

/** A product whose tile is one pixel of 60 m for each of the twelve classes, and 0, 10, … 110 percent of cloud. */
const classesInARow: TestSafe = {
  side: 36,
  images: {
    "R60m/B03_60m": { bands: [Uint16Array.from({ length: 36 }, (_, index) => 1500 + index)] },
    "R60m/SCL_60m": {
      bands: [Uint8Array.from({ length: 36 }, (_, index) => (index < 12 ? index : 6))],
      type: "uint8",
    },
    "QI/MSK_CLDPRB_60m": {
      bands: [Uint8Array.from({ length: 36 }, (_, index) => (index < 11 ? 10 * index : 0))],
      type: "uint8",
    },
  },
};
const firstRows = { x: 0, y: 0, width: 6, height: 2 };

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glof-validity-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function withScene<T>(options: OpenSceneOptions, use: (scene: Scene) => Promise<T>): Promise<T> {
  const scene = await openScene(await writeTestSafe(folder, classesInARow), {
    checkValues: false,
    ...options,
  });
  try {
    return await use(scene);
  } finally {
    await scene.close();
  }
}

const reasonsWith = (validity: OpenSceneOptions["validity"]): Promise<number[]> =>
  withScene(validity === undefined ? {} : { validity }, async (scene) => {
    const read = await scene.readReflectance(firstRows, ["B03"], { reasons: true });
    expect([...read.validMask]).toEqual([...read.invalidReasons!].map((reason) => (reason === 0 ? 1 : 0)));
    return [...read.invalidReasons!];
  });

describe("validity of a classified scene", () => {
  it("drops no data, defects, clouds and cirrus, and keeps dark, shadow, snow", async () => {
    expect(await reasonsWith(undefined)).toEqual([
      noData,
      saturated,
      0,
      0,
      0,
      0,
      0,
      0,
      cloud,
      cloud,
      cirrus,
      0,
    ]);
    await withScene({}, async (scene) => {
      expect(scene.validityPolicy).toEqual(DEFAULT_VALIDITY);
      const { bandsRefl } = await scene.readReflectance(firstRows, ["B03"]);
      // What was measured under a cloud stays: pictures and models want no holes.
      expect(bandsRefl[0]![8]).toBe(Math.fround(0.0508));
      expect([...(await scene.classification!.readWindow(firstRows))]).toEqual(
        Array.from({ length: 12 }, (_, index) => index),
      );
      expect((await scene.cloudProbability!.readWindow(firstRows))[10]).toBe(100);
    });
  });

  it("follows the caller's policy, or the numbers alone", async () => {
    expect(await reasonsWith(false)).toEqual(new Array(12).fill(0));
    const strict: SceneClass[] = ["cloudShadow", "water", "thinCirrus"];
    expect(await reasonsWith({ invalidClasses: strict })).toEqual([
      0,
      0,
      0,
      shadow,
      0,
      0,
      classed,
      0,
      0,
      0,
      cirrus,
      0,
    ]);
    const byProbability = await reasonsWith({ invalidClasses: [], maxCloudProbability: 65 });
    expect(byProbability).toEqual([0, 0, 0, 0, 0, 0, 0, cloud, cloud, cloud, cloud, 0]);
    await withScene({}, async (scene) => {
      const read = await scene.readReflectance(firstRows, ["B03"], { ignoreClassification: true });
      expect(read.validMask.every((valid) => valid === 1)).toBe(true);
    });
  });

  it("keeps the default of scenes without classification", async () => {
    const source = testTiff({
      width: 2,
      height: 1,
      bands: [
        [500, 900],
        [8, 9],
      ],
      names: ["B03", "SCL"],
    });
    const plain = await openScene(source, { checkValues: false });
    expect([plain.validityPolicy, plain.classification]).toEqual([undefined, undefined]);
    const judged = await openScene(source, {
      checkValues: false,
      validity: { invalidClasses: ["cloudHigh"] },
    });
    const { validMask } = await judged.readReflectance({ x: 0, y: 0, width: 2, height: 1 }, ["B03"]);
    expect([...validMask]).toEqual([1, 0]);
  });

  it("opens a scene that is all cloud", async () => {
    const cloudy: TestSafe = {
      ...classesInARow,
      images: {
        ...classesInARow.images,
        "R60m/SCL_60m": { bands: [new Uint8Array(36).fill(9)], type: "uint8" },
      },
    };
    const scene = await openScene(await writeTestSafe(folder, cloudy));
    expect((await scene.readReflectance(firstRows, ["B03"])).validMask.includes(1)).toBe(false);
    expect((await sceneClassStatistics(scene)).cloudFraction).toBe(1);
    await scene.close();
  });

  it.each([
    { invalidClasses: ["clouds" as SceneClass] },
    { maxCloudProbability: -1 },
    { maxCloudProbability: Number.NaN },
    { erodeEdgePx: 0.5 },
    { erodeEdgePx: -1 },
  ])("refuses the policy %j", (wishes) => {
    try {
      resolvePolicy(wishes);
    } catch (error) {
      expect(isGlofError(error, "bad-argument")).toBe(true);
      return;
    }
    expect.unreachable("nothing was refused");
  });
});

describe("pixels near the edge of the data", () => {
  it("are marked in a square around each pixel without data", () => {
    const reasons = new Uint8Array(35);
    reasons[2 * 7 + 3] = noData;
    reasons[0] = cloud;
    addEdgeReasons(reasons, 7, 1);
    const marked = [...reasons].flatMap((reason, pixel) => (reason & outside ? pixel : []));
    expect(marked).toEqual([9, 10, 11, 16, 18, 23, 24, 25]);
    expect([reasons[0], reasons[17]]).toEqual([cloud, noData]);
  });

  it("are the same in any window", async () => {
    const bands = [Uint16Array.from({ length: 400 }, (_, index) => ((index * 7919) % 61 === 0 ? 0 : 700))];
    const source = testTiff({ width: 20, height: 20, bands, names: ["B03"] });
    const scene = await openScene(source, { validity: { erodeEdgePx: 2 } });
    const whole = await scene.readReflectance({ x: 0, y: 0, width: 20, height: 20 }, ["B03"], {
      reasons: true,
    });
    const isNear = (x: number, y: number): boolean =>
      bands[0]!.some(
        (dn, index) =>
          dn === 0 && Math.abs((index % 20) - x) <= 2 && Math.abs(Math.floor(index / 20) - y) <= 2,
      );
    whole.invalidReasons!.forEach((reason, index) => {
      expect(reason !== 0).toBe(isNear(index % 20, Math.floor(index / 20)));
    });
    const part = await scene.readReflectance({ x: 7, y: 5, width: 4, height: 9 }, ["B03"], { reasons: true });
    const cut = Array.from({ length: 36 }, (_, index) => (5 + Math.floor(index / 4)) * 20 + 7 + (index % 4));
    expect([...part.invalidReasons!]).toEqual(cut.map((pixel) => whole.invalidReasons![pixel]));
    expect([...part.bandsRefl[0]!]).toEqual(cut.map((pixel) => whole.bandsRefl[0]![pixel]));
    expect(padWindow({ x: 0, y: 18, width: 3, height: 2 }, 2, { width: 20, height: 20 })).toEqual({
      x: 0,
      y: 16,
      width: 5,
      height: 4,
    });
  });
});

describe("sceneClassStatistics", () => {
  it("counts classes of all, a window, a mask", async () => {
    await withScene({}, async (scene) => {
      const all = await sceneClassStatistics(scene);
      expect(all.pixelCount).toBe(36);
      expect(all.dataFraction).toBe(35 / 36);
      expect(all.fractions.water).toBe(25 / 35);
      expect([all.cloudFraction, all.snowFraction, all.shadowFraction]).toEqual([3 / 35, 1 / 35, 1 / 35]);
      expect(all.validFraction).toBe(31 / 36);
      const window = { x: 2, y: 1, width: 4, height: 1 };
      expect((await sceneClassStatistics(scene, { window })).cloudFraction).toBe(3 / 4);
      const masked = await sceneClassStatistics(scene, { window, mask: Uint8Array.of(0, 0, 0, 1) });
      expect([masked.pixelCount, masked.snowFraction]).toEqual([1, 1]);
      const none = await sceneClassStatistics(scene, { window, mask: new Uint8Array(4) });
      expect([none.pixelCount, none.cloudFraction, none.validFraction]).toEqual([0, 0, 0]);
      await expect(sceneClassStatistics(scene, { window, mask: new Uint8Array(3) })).rejects.toSatisfy(
        (error) => isGlofError(error, "shape-mismatch"),
      );
      await expect(sceneClassStatistics(scene, undefined, { signal: AbortSignal.abort() })).rejects.toSatisfy(
        (error) => isGlofError(error, "aborted"),
      );
    });
  });

  it("refuses a scene without classes", async () => {
    const scene = await openScene(testTiff({ width: 1, height: 1, bands: [[500]], names: ["B03"] }));
    await expect(sceneClassStatistics(scene)).rejects.toSatisfy((error) =>
      isGlofError(error, "unsupported-feature"),
    );
  });
});

describe.skipIf(!hasShared("data/t11upt_l2a_60m_jp2"))("a real tile of loose JPEG2000 bands", () => {
  const source = (): string => sharedPath("data/t11upt_l2a_60m_jp2");
  /** Counted with GDAL 3.6 and numpy in the SCL file. */
  const counts = [0, 0, 10_903, 8386, 3_168_875, 135_639, 13_527, 4976, 2643, 3779, 15, 157];

  it("has the classes that GDAL counts", async () => {
    const scene = await openScene(source(), { validity: {} });
    const { fractions, pixelCount, validFraction } = await sceneClassStatistics(scene);
    expect(pixelCount).toBe(1830 * 1830);
    SCENE_CLASSES.forEach((name, code) => {
      if (name !== "noData") expect(Math.round(fractions[name] * pixelCount)).toBe(counts[code]);
    });
    expect(Math.round((1 - validFraction) * pixelCount)).toBe(2643 + 3779 + 15);
    await scene.close();
  });

  it("has the numbers that GDAL reads, and a small picture of them", async () => {
    const scene = await openScene(source());
    expect([scene.level, scene.acquiredAt]).toEqual(["L2A", "2020-08-04T18:39:19Z"]);
    expect(scene.classification).toBeUndefined();
    const at = async (x: number, y: number): Promise<number[]> => {
      const { bandsRefl } = await scene.readReflectance({ x, y, width: 1, height: 1 }, [
        "B02",
        "B03",
        "B04",
        "B8A",
      ]);
      return bandsRefl.map((refl) => Math.round(refl[0]! * 10_000));
    };
    expect(await at(1000, 1000)).toEqual([664, 826, 622, 675]);
    expect(await at(0, 0)).toEqual([203, 317, 172, 2229]);
    expect(await at(1829, 1829)).toEqual([179, 348, 194, 3749]);
    const window = { x: 0, y: 0, width: 1830, height: 1830 };
    const small = await scene.readReflectance(window, ["B03"], { outputSize: [61, 61] });
    const raster = await openRaster(join(source(), "T11UPT_20200804T183919_B03_60m.jp2"));
    expect(raster.overviews!.length).toBeGreaterThan(0);
    const [raw] = await readReduced(withNodata(raster, 0), window, [61, 61]);
    expect([...small.bandsRefl[0]!]).toEqual(Array.from(raw!, (dn) => Math.fround(dn / 10_000)));
    await raster.close();
    await scene.close();
  });
});
