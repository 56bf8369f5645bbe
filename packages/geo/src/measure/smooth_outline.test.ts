import { describe, expect, it } from "vitest";
import type { Polygon } from "../types.js";
import { planarArea, signedArea } from "./areas.js";
import { smoothOutline } from "./smooth_outline.js";

const square: Polygon = [
  [
    [0, 0],
    [4, 0],
    [4, 4],
    [0, 4],
    [0, 0],
  ],
];

describe("smoothOutline", () => {
  it("cuts each corner at a quarter of its edges", () => {
    expect(smoothOutline(square, { iterations: 1 })).toEqual([
      [
        [1, 0],
        [3, 0],
        [4, 1],
        [4, 3],
        [3, 4],
        [1, 4],
        [0, 3],
        [0, 1],
        [1, 0],
      ],
    ]);
  });

  it("stays closed, keeps its direction and nears a limit", () => {
    const holed: Polygon = [square[0]!, square[0]!.map(([x, y]) => [y / 4 + 1, x / 4 + 1])];
    const [shore, hole] = smoothOutline(holed, { iterations: 5 });
    expect(shore!.length).toBe(4 * 32 + 1);
    expect(shore![0]).toEqual(shore!.at(-1));
    expect(signedArea(shore!)).toBeGreaterThan(0);
    expect(signedArea(hole!)).toBeLessThan(0);
    // Corner cutting tends to quadratic B-splines: of a square, to 5/6 of its area.
    expect(planarArea([shore!])).toBeCloseTo((16 * 5) / 6, 1);
  });

  it("leaves what is nothing, and nothing asked, alone", () => {
    expect(smoothOutline(square, { iterations: 0 })).toEqual(square);
    expect(smoothOutline([])).toEqual([]);
    expect(smoothOutline([[[1, 1]]])).toEqual([[[1, 1]]]);
    expect(() => smoothOutline(square, { iterations: 1.5 })).toThrow(/iterations/);
    expect(() => smoothOutline(square, { iterations: 9 })).toThrow(/iterations/);
  });
});
