import { isGlofError } from "@glof/core";
import { describe, expect, it } from "vitest";
import { countTiles, planTiles } from "./tile_plan.js";

/** What every plan promises on one axis. */
function expectAxis(corners: readonly number[], size: number, tilePx: number, overlapPx: number): void {
  expect(corners[0]).toBe(0);
  expect(corners.at(-1)).toBe(Math.max(0, size - tilePx));
  for (let index = 1; index < corners.length; index++) {
    const step = corners[index]! - corners[index - 1]!;
    expect(step).toBeGreaterThan(0);
    expect(step).toBeLessThanOrEqual(tilePx - overlapPx);
  }
}

describe("planTiles", () => {
  it("covers every size with at least the asked overlap and nothing outside", () => {
    for (const tilePx of [1, 2, 7, 14, 28]) {
      for (const overlapPx of [0, 1, 5, 13].filter((overlap) => overlap < tilePx)) {
        for (let size = 1; size <= 4 * tilePx + 3; size++) {
          for (const shiftPx of [0, 1, Math.floor(tilePx / 2), 3 * tilePx]) {
            const plan = planTiles({ width: size, height: 1, tilePx, overlapPx, shiftPx });
            expectAxis(plan.tileX, size, tilePx, overlapPx);
            expect(plan.tileY).toEqual([0]);
          }
        }
      }
    }
  });

  it("spreads a Sentinel-2 tile as evenly as it can", () => {
    const plan = planTiles({ width: 10980, height: 10980, tilePx: 518, overlapPx: 63 });
    expect(countTiles(plan)).toBe(576);
    const steps = plan.tileX.slice(1).map((corner, index) => corner - plan.tileX[index]!);
    expect(Math.max(...steps) - Math.min(...steps)).toBeLessThanOrEqual(1);
  });

  it("moves the inner tiles by the shift", () => {
    const base = planTiles({ width: 100, height: 100, tilePx: 20, overlapPx: 0 });
    const shifted = planTiles({ width: 100, height: 100, tilePx: 20, overlapPx: 0, shiftPx: 10 });
    expect(base.tileX).toEqual([0, 20, 40, 60, 80]);
    expect(shifted.tileX).toEqual([0, 10, 30, 50, 70, 80]);
  });

  it.each([
    { width: 0 },
    { height: 2.5 },
    { tilePx: 0 },
    { overlapPx: -1 },
    { overlapPx: 20 },
    { shiftPx: Number.NaN },
  ])("refuses %o", (wrong) => {
    const attempt = () => planTiles({ width: 50, height: 50, tilePx: 20, overlapPx: 4, ...wrong });
    expect(attempt).toThrowError(/planTiles: expected/);
    try {
      attempt();
    } catch (error) {
      expect(isGlofError(error, "bad-argument")).toBe(true);
    }
  });
});
