import { describe, expect, it } from "vitest";
import { accumulate, drain } from "./drainage.js";
import type { FieldGrid } from "./grid.js";

describe("drain", () => {
  it("fills a pit to its rim and sends all water to the outlet", () => {
    const side = 9;
    const bowl: FieldGrid = { cols: side, rows: side, cellM: 10, originXM: 0, originYM: 0 };
    const elevationM = new Float32Array(side * side).map((_, cell) => {
      const [col, row] = [cell % side, Math.floor(cell / side)];
      return 10 + col + (Math.hypot(col - 4, row - 4) < 2.5 ? -9 : 0);
    });
    const outlet = new Uint8Array(side * side);
    outlet[4 * side] = 1;
    const drainage = drain(elevationM, bowl, outlet);
    const total = accumulate(drainage, () => 1);
    expect(total[4 * side]).toBe(side * side);
    expect(drainage.filledM[4 * side + 4]!).toBeGreaterThan(elevationM[4 * side + 4]! + 5);
    drainage.order.forEach((cell, at) => {
      const below = drainage.receiver[cell]!;
      if (below !== cell) expect(drainage.order.indexOf(below)).toBeLessThan(at);
    });
  });
});
