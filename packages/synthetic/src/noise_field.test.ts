import { seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import type { FieldGrid } from "./grid.js";
import { noiseField, ridgedField } from "./noise_field.js";

const grid: FieldGrid = { cols: 80, rows: 60, cellM: 10, originXM: 5, originYM: 5 };

describe("noiseField", () => {
  const options = { wavelengthM: 200, octaves: 4, gain: 0.5 };

  it("is the same on the same ground whatever the grid", () => {
    const half: FieldGrid = { ...grid, cols: 40, rows: 30, cellM: 20 };
    const fine = noiseField(grid, seededRng(1), options);
    const coarse = noiseField(half, seededRng(1), options);
    for (let row = 0; row < 30; row++) {
      for (let col = 0; col < 40; col++)
        expect(coarse[row * 40 + col]).toBeCloseTo(fine[row * 2 * 80 + col * 2]!, 5);
    }
  });

  it("has zero mean, a spread below 1 and no jumps", () => {
    const wide = noiseField({ ...grid, cols: 400, rows: 400 }, seededRng(2), options);
    const mean = wide.reduce((sum, value) => sum + value, 0) / wide.length;
    const spread = Math.sqrt(wide.reduce((sum, value) => sum + (value - mean) ** 2, 0) / wide.length);
    expect(Math.abs(mean)).toBeLessThan(0.08);
    expect(spread).toBeGreaterThan(0.25);
    expect(spread).toBeLessThan(0.6);
    const jumps = wide.subarray(1, 400).map((value, cell) => Math.abs(value - wide[cell]!));
    expect(Math.max(...jumps)).toBeLessThan(0.6);
  });

  it("has ridges between 0 and 1", () => {
    const heights = ridgedField(grid, seededRng(3), options);
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...heights)).toBeLessThanOrEqual(1);
    expect(Math.max(...heights) - Math.min(...heights)).toBeGreaterThan(0.5);
  });
});
