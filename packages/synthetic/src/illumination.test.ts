import { describe, expect, it } from "vitest";
import type { FieldGrid } from "./grid.js";
import { castShadow } from "./illumination.js";

const grid: FieldGrid = { cols: 80, rows: 60, cellM: 10, originXM: 5, originYM: 5 };

describe("castShadow", () => {
  it("is as long as the wall is high over the sun's tangent, away from the sun", () => {
    const wallM = 100;
    const elevationM = new Float32Array(grid.cols * grid.rows);
    for (let row = 0; row < grid.rows; row++) elevationM[row * grid.cols + 20] = wallM;
    // Sun in the west at 45 degrees: the shadow reaches 100 m = 10 cells to the east.
    const sunlit = castShadow(elevationM, grid, { azimuthDeg: 270, elevationDeg: 45 });
    const line = sunlit.subarray(30 * grid.cols, 31 * grid.cols);
    expect([...line.subarray(21, 29)]).toEqual(new Array(8).fill(0));
    expect([...line.subarray(31, 60)]).toEqual(new Array(29).fill(1));
    expect([...line.subarray(0, 20)]).toEqual(new Array(20).fill(1));
  });
});
