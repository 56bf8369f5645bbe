import { describe, expect, it } from "vitest";
import { expectClose, findWorst } from "./expect_close.js";

const tolerance = { atol: 0.5, rtol: 0.1 };

describe("expectClose", () => {
  it("allows up to atol + rtol * |want|", async () => {
    await expectClose([11.49, -11.49], [10, -10], tolerance);
    await expect(expectClose([11.51], [10], tolerance)).rejects.toThrow(/off by 1\.5/);
    await expect(expectClose([-8.49], [-10], tolerance)).rejects.toThrow(/element 0/);
  });

  it("measures against the wanted value, not the one that came", async () => {
    await expect(expectClose([100], [89], tolerance)).rejects.toThrow(/want 89/);
    await expectClose([89], [100], { atol: 0, rtol: 0.11 });
  });

  it("matches NaN and infinities as themselves only", async () => {
    await expectClose([Number.NaN, Number.POSITIVE_INFINITY], [Number.NaN, Number.POSITIVE_INFINITY]);
    for (const [got, want] of [
      [Number.NaN, 1],
      [1, Number.NaN],
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      [1e38, Number.POSITIVE_INFINITY],
    ] as const) {
      await expect(expectClose([got], [want])).rejects.toThrow(/Infinity x the tolerance/);
    }
  });

  it("demands as many elements as there should be", async () => {
    await expect(expectClose([1, 2], [1])).rejects.toThrow(/number of elements/);
  });

  it("finds the element that is worst relative to its tolerance", () => {
    expect(findWorst([10.9, 0.4], [10, 0], tolerance)).toMatchObject({ index: 1, ratio: 0.8 });
    expect(findWorst([1, 2.1], [1, 2], { atol: 0, rtol: 0 })).toMatchObject({ index: 1 });
    expect(findWorst([], [], tolerance)).toBeUndefined();
  });
});
