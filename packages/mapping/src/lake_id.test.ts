import type { LakeOutline } from "@glof/geo";
import { WGS84 } from "@glof/geo";
import { describe, expect, it } from "vitest";
import { measureLakes } from "./lake_features.js";
import { lakeId } from "./lake_id.js";

describe("lakeId", () => {
  it("names a place to a thousandth of a degree, as inventories do", () => {
    expect(lakeId(86.92512, 27.89777, new Set())).toBe("GL086925E27898N");
    expect(lakeId(-73.5, -46.0004, new Set())).toBe("GL073500W46000S");
    expect(lakeId(0.0001, 5, new Set())).toBe("GL000000E05000N");
  });

  it("keeps names apart", () => {
    const taken = new Set<string>();
    const ids = [1, 2, 3].map(() => lakeId(10, 60, taken));
    expect(ids).toEqual(["GL010000E60000N", "GL010000E60000N-2", "GL010000E60000N-3"]);
  });
});

describe("measureLakes", () => {
  const outline = (id: number, west: number, side: number): LakeOutline => {
    const east = west + side > 180 ? west + side - 360 : west + side;
    const polygon = [
      [
        [west, 60],
        [east, 60],
        [east, 60 + side],
        [west, 60 + side],
        [west, 60],
      ],
    ] as const;
    const facts = { probSum: 9, meanProb: 0.9, validCount: 10, touchesEdge: false, touchesNoData: false };
    return { id, polygon, parts: [polygon], pixelCount: 10, noDataNeighbours: 0, ...facts };
  };

  it("sorts by area, drops the small, and knows the place of a lake across the antimeridian", () => {
    const lakes = measureLakes([outline(1, 10, 0.004), outline(2, 179.996, 0.008)], WGS84, 0);
    expect(lakes.map(({ id }) => id)).toEqual(["GL180000W60004N", "GL010002E60002N"]);
    expect(lakes[0]!.lonDeg).toBeCloseTo(-180, 9);
    expect(lakes[0]!.areaM2 / lakes[1]!.areaM2).toBeCloseTo(4, 1);
    expect(measureLakes([outline(1, 10, 0.001)], WGS84, 1e6)).toEqual([]);
  });
});
