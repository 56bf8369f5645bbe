import { describe, expect, it } from "vitest";
import { axisWindows, blendWindow } from "./blend_window.js";

describe("blendWindow", () => {
  it("is a squared Hann window at pixel centres, symmetric and never 0", () => {
    for (const tilePx of [1, 2, 3, 14, 518, 4096]) {
      const weights = blendWindow(tilePx, false, false);
      expect(Math.min(...weights)).toBeGreaterThan(0);
      expect(Math.max(...weights)).toBeLessThanOrEqual(1);
      weights.forEach((weight, index) => {
        expect(weight).toBeCloseTo(weights[tilePx - 1 - index]!, 6);
      });
    }
    expect(blendWindow(4, false, false)[0]).toBeCloseTo(((1 - Math.SQRT1_2) / 2) ** 2, 6);
  });

  it("does not fade towards the border of the raster", () => {
    expect([...blendWindow(4, true, true)]).toEqual([1, 1, 1, 1]);
    const start = blendWindow(6, true, false);
    expect([...start.slice(0, 3)]).toEqual([1, 1, 1]);
    expect(start[5]).toBeLessThan(0.1);
    expect([...blendWindow(6, false, true)]).toEqual([...start].reverse());
  });

  it("gives border windows to the tiles on the border only", () => {
    const windows = axisWindows([0, 5, 10], 10, 20);
    expect(windows[0]?.[0]).toBe(1);
    expect(windows[1]?.[0]).toBeLessThan(0.1);
    expect(windows[1]?.[9]).toBeLessThan(0.1);
    expect(windows[2]?.[9]).toBe(1);
  });
});
