import { describe, expect, it } from "vitest";
import { buildDinov2Variant, type Dinov2Variant, flopsOf } from "./index.js";

const gflop = (name: Dinov2Variant, side: number): number =>
  flopsOf(buildDinov2Variant(name).config, [side, side]) / 1e9;

describe("flopsOf", () => {
  // Counted by hand: 12 · (24 · 1370 · 384² + 4 · 1370² · 384) + 2 · 1369 · 588 · 384, and so on.
  it.each([
    ["dinov2_vits14", 93.393478656],
    ["dinov2_vitb14", 303.147436032],
    ["dinov2_vitl14", 1013.607653376],
  ] as const)("%s at 518 px: %d GFLOP", (name, expected) => {
    expect(gflop(name, 518)).toBe(expected);
  });

  it("counts each matrix product of a small model", () => {
    const { config } = buildDinov2Variant("dinov2_vitg14_reg", { depth: 1, bands: ["B04", "B08"] });
    const products: readonly (readonly [number, number, number])[] = [
      [6, 392, 1536], // 28 x 42 pixels: 2 x 3 patches of 14 · 14 · 2
      [11, 1536, 4608],
      [11, 1536, 11],
      [11, 11, 1536],
      [11, 1536, 1536],
      [11, 1536, 8192],
      [11, 4096, 1536],
    ];
    const expected = products.reduce((sum, [m, k, n]) => sum + 2 * m * k * n, 0);
    expect(flopsOf(config, [28, 42])).toBe(expected);
  });

  it("refuses sizes that hold no whole patches", () => {
    const { config } = buildDinov2Variant("dinov2_vits14");
    expect(() => flopsOf(config, [28, 30])).toThrow(/multiples of 14/);
    expect(() => flopsOf(config, [0, 28])).toThrow(/multiples of 14/);
  });
});
