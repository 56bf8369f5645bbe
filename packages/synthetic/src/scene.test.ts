import { isGlofError } from "@glof/core";
import { describe, expect, it } from "vitest";
import { generateScene } from "./scene.js";
import { SCENE_MODES, SEASONS, SYNTHETIC_BANDS, type SyntheticScene, surfaceCode } from "./types.js";

const small = { width: 160, height: 120, pixelSizeM: 20 } as const;

/** Means over several scenes, so that one odd draw decides nothing. */
const scenes = new Map<string, SyntheticScene[]>();
function autumnScenes(): SyntheticScene[] {
  const made =
    scenes.get("autumn") ??
    [1, 2, 3, 4].map((seed) => generateScene({ ...small, seed, season: "autumn", cloudCover: 0 }));
  scenes.set("autumn", made);
  return made;
}

function meansOf(
  made: readonly SyntheticScene[],
  keep: (scene: SyntheticScene, pixel: number) => boolean,
): number[] {
  const sums = SYNTHETIC_BANDS.map(() => 0);
  let count = 0;
  for (const scene of made) {
    for (let pixel = 0; pixel < scene.width * scene.height; pixel++) {
      if (!keep(scene, pixel)) continue;
      count++;
      scene.bandsRefl.forEach((band, index) => {
        sums[index] = sums[index]! + band[pixel]!;
      });
    }
  }
  expect(count).toBeGreaterThan(20);
  return sums.map((sum) => sum / count);
}

describe("generateScene", () => {
  it("gives the same scene for the same seed and another for another", () => {
    const first = generateScene({ ...small, seed: 5 });
    const again = generateScene({ ...small, seed: 5 });
    const other = generateScene({ ...small, seed: 6 });
    const bytes = (field: Float32Array | Uint8Array): Buffer => Buffer.from(field.buffer);
    first.bandsRefl.forEach((band, index) => {
      expect(bytes(again.bandsRefl[index]!).equals(bytes(band))).toBe(true);
    });
    expect(bytes(again.truth.visibleMask).equals(bytes(first.truth.visibleMask))).toBe(true);
    expect(again.truth.lakes).toEqual(first.truth.lakes);
    expect(bytes(other.bandsRefl[0]!).equals(bytes(first.bandsRefl[0]!))).toBe(false);
  });

  it.each(SCENE_MODES)("makes finite reflectances in steps of 1e-4 (%s)", (mode) => {
    const scene = generateScene({ ...small, seed: 8, mode });
    expect(scene.bands).toEqual(SYNTHETIC_BANDS);
    for (const band of scene.bandsRefl) {
      expect(band).toHaveLength(small.width * small.height);
      for (const value of band) {
        if (!(value >= 0 && value < 2)) throw new Error(`reflectance ${value}`);
        if (Math.abs(value * 1e4 - Math.round(value * 1e4)) > 2e-3)
          throw new Error(`not a step of 1e-4: ${value}`);
      }
    }
  });

  it.each(SEASONS)("lists lakes that agree with the mask (%s)", (season) => {
    const { truth } = generateScene({ ...small, seed: 11, season });
    const counted = new Map<number, number>();
    let disagreeing = 0;
    truth.lakeIds.forEach((id, pixel) => {
      if (id > 0 !== (truth.lakeMask[pixel] === 1)) disagreeing++;
      if (id > 0) counted.set(id, (counted.get(id) ?? 0) + 1);
    });
    expect(disagreeing).toBe(0);
    expect(truth.lakes.length).toBeGreaterThan(0);
    expect(truth.lakes.map((lake) => lake.pixelCount)).toEqual(
      truth.lakes.map((lake) => counted.get(lake.id)),
    );
    for (const lake of truth.lakes) expect(lake.areaM2).toBe(lake.pixelCount * 400);
    expect(Math.min(...truth.lakes.map((lake) => lake.pixelCount))).toBeGreaterThanOrEqual(1);
  });

  it("calls lakes and rivers water, and hides from the visible mask what clouds hide", () => {
    const scene = generateScene({ ...small, seed: 3, mode: "lowland", season: "summer", cloudCover: 0.3 });
    const { lakeMask, visibleMask, waterMask, cloudOpacity } = scene.truth;
    let [hidden, wrong, rivers] = [0, 0, 0];
    lakeMask.forEach((lake, pixel) => {
      const visible = visibleMask[pixel]!;
      if (visible === 255) hidden++;
      if (lake === 0 && waterMask[pixel] === 1) rivers++;
      const lakeIsNoWater = lake === 1 && waterMask[pixel] !== 1;
      const cloudIsShown = cloudOpacity[pixel]! > 110 && visible !== 255;
      if (lakeIsNoWater || cloudIsShown || (visible !== 255 && visible !== lake)) wrong++;
    });
    expect(wrong).toBe(0);
    expect(rivers).toBeGreaterThan(100);
    expect(hidden / lakeMask.length).toBeGreaterThan(0.1);
    expect(hidden / lakeMask.length).toBeLessThan(0.6);
  });
});

describe("spectra of the classes, in the sun", () => {
  const isClass = (name: Parameters<typeof surfaceCode>[0]) => (scene: SyntheticScene, pixel: number) =>
    scene.truth.classMap[pixel] === surfaceCode(name) && scene.truth.shadowMask[pixel] === 0;

  it("has lakes that are dark in the near infrared and darker in the short wave", () => {
    const [, green, , nir, swir] = meansOf(autumnScenes(), isClass("lake"));
    expect(green).toBeGreaterThan(0.03);
    expect(green).toBeLessThan(0.3);
    expect(nir).toBeLessThan(0.7 * green!);
    expect(swir).toBeLessThan(nir! + 0.02);
  });

  it("has bright snow that is dark in the short wave", () => {
    const [blue, , , nir, swir] = meansOf(autumnScenes(), isClass("snow"));
    expect(blue).toBeGreaterThan(0.45);
    expect(nir).toBeLessThan(blue!);
    expect(swir).toBeLessThan(0.2);
  });

  it("has rock and debris that brighten towards the short wave", () => {
    for (const name of ["rock", "debris"] as const) {
      const [blue, green, red, nir, swir] = meansOf(autumnScenes(), isClass(name));
      expect(blue!).toBeLessThan(green!);
      expect(green!).toBeLessThan(red!);
      expect(red!).toBeLessThan(nir!);
      expect(nir!).toBeLessThan(swir!);
    }
  });
});

describe("confusers of the water index", () => {
  it("has mountain shade with NDWI above 0 that is no lake", () => {
    let [shade, confusing] = [0, 0];
    for (const scene of [20, 21, 22].map((seed) =>
      generateScene({ ...small, seed, season: "winter", cloudCover: 0 }),
    )) {
      const [green, nir] = [scene.bandsRefl[1]!, scene.bandsRefl[3]!];
      scene.truth.shadowMask.forEach((inShade, pixel) => {
        if (inShade === 0 || scene.truth.waterMask[pixel] === 1) return;
        shade++;
        if (green[pixel]! > nir[pixel]!) confusing++;
      });
    }
    expect(shade).toBeGreaterThan(0.03 * 3 * small.width * small.height);
    expect(confusing / shade).toBeGreaterThan(0.3);
  });
});

describe("bounds", () => {
  it("makes 512 x 512 pixels in a few seconds", () => {
    const before = process.cpuUsage();
    generateScene({ seed: 1 });
    const spent = process.cpuUsage(before);
    // About 1.5 s of one core; the bound leaves room for slow and busy machines.
    expect((spent.user + spent.system) / 1e6).toBeLessThan(12);
  });

  it("refuses sizes it cannot make", () => {
    for (const options of [{ width: 8 }, { height: 100_000 }, { width: 64.5 }, { pixelSizeM: 0 }]) {
      const attempt = (): unknown => generateScene({ seed: 1, ...options });
      expect(attempt).toThrow(/expected/);
      try {
        attempt();
      } catch (error) {
        expect(isGlofError(error, "bad-argument")).toBe(true);
      }
    }
  });
});

describe("swath edge", () => {
  it("has no data beyond it, in the image and in the truth", () => {
    const { validMask, bandsRefl, truth } = generateScene({ ...small, seed: 14, noDataShare: 0.3 });
    let [outside, wrong] = [0, 0];
    validMask.forEach((valid, pixel) => {
      if (valid === 0) outside++;
      const blank = bandsRefl.every((band) => band[pixel] === 0);
      const unknown = [truth.lakeMask, truth.visibleMask, truth.waterMask].every(
        (mask) => mask[pixel] === 255,
      );
      if (valid === 0 && !(blank && unknown)) wrong++;
      if (valid === 1 && (blank || truth.lakeMask[pixel] === 255)) wrong++;
    });
    expect(wrong).toBe(0);
    expect(outside / validMask.length).toBeCloseTo(0.3, 1);
  });
});
