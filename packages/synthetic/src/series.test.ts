import { describe, expect, it } from "vitest";
import { generateSeries } from "./series.js";
import type { SyntheticScene } from "./types.js";

const pixelsOf = (scene: SyntheticScene, bodyId: number): number =>
  scene.truth.lakes.filter((lake) => lake.bodyId === bodyId).reduce((sum, lake) => sum + lake.pixelCount, 0);

describe("generateSeries", () => {
  const years = [2016, 2020, 2023, 2025];
  const series = generateSeries({
    seed: 4,
    years,
    width: 224,
    height: 224,
    pixelSizeM: 20,
    drainedYear: 2023,
  });
  const bodies = new Set(series.flatMap(({ truth }) => truth.lakes.map((lake) => lake.bodyId)));
  const courses = [...bodies].map((body) => series.map((scene) => pixelsOf(scene, body)));

  it("makes one scene a year of one place", () => {
    expect(series.map((scene) => scene.year)).toEqual(years);
    expect(new Set(series.map((scene) => scene.seed)).size).toBe(1);
    expect(series[0]!.bandsRefl[0]).not.toEqual(series[1]!.bandsRefl[0]);
  });

  it("has a lake that grows from year to year and one that breaks out", () => {
    const grew = courses.filter(([a, b]) => a! > 0 && b! > 1.05 * a!);
    expect(grew.length).toBeGreaterThan(0);
    const broke = courses.filter(
      ([, before, after, later]) => before! > 30 && after! < 0.5 * before! && later! < 0.6 * before!,
    );
    expect(broke).toHaveLength(1);
  });

  it("leaves other lakes as they are", () => {
    const still = courses.filter((course) => new Set(course).size === 1);
    expect(still.length).toBeGreaterThan(0);
  });

  it("has nothing broken when told so", () => {
    const whole = generateSeries({
      seed: 4,
      years: [2020, 2024],
      width: 224,
      height: 224,
      pixelSizeM: 20,
      drainedYear: null,
    });
    const shrunk = [...bodies].filter(
      (body) => pixelsOf(whole[1]!, body) < 0.7 * pixelsOf(whole[0]!, body) - 3,
    );
    expect(shrunk).toEqual([]);
  });

  it("refuses years out of order", () => {
    expect(() => generateSeries({ seed: 1, years: [2020, 2019] })).toThrow(/ascending/);
    expect(() => generateSeries({ seed: 1, years: [] })).toThrow(/ascending/);
  });
});
