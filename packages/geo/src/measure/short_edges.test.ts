import { seededRng } from "@glof/core";
import geographiclib from "geographiclib-geodesic";
import { describe, expect, it } from "vitest";
import type { Position } from "../types.js";
import { measureShortRing } from "./short_edges.js";

function karney(ring: readonly Position[]): { areaM2: number; perimeterM: number } {
  const polygon = geographiclib.Geodesic.WGS84.Polygon(false);
  for (const [longitude, latitude] of ring.slice(0, -1)) polygon.AddPoint(latitude, longitude);
  const { area = 0, perimeter } = polygon.Compute(false, true);
  return { areaM2: Math.abs(area), perimeterM: perimeter };
}

/** A star of short edges about a place. */
function star(latDeg: number, stepDeg: number, corners: number): Position[] {
  const rng = seededRng(`${latDeg} ${stepDeg} ${corners}`);
  const ring = Array.from({ length: corners }, (_, index): Position => {
    const radius = (stepDeg * corners * (0.8 + 0.4 * rng.next())) / 40;
    const angle = (2 * Math.PI * index) / corners;
    return [86.7 + radius * Math.cos(angle), latDeg + radius * Math.sin(angle)];
  });
  return [...ring, ring[0]!];
}

describe("rings of short edges", () => {
  it.each([0, 27.9, -45, 60, 84])("measure as Karney's geodesics do, at latitude %d", (latDeg) => {
    for (const stepDeg of [0.0001, 0.001, 0.0025]) {
      for (const corners of [3, 12, 60]) {
        const ring = star(latDeg, stepDeg, corners);
        const [got, want] = [measureShortRing(ring)!, karney(ring)];
        // Karney's own sums round at some ten thousandths of a square metre.
        expect(Math.abs(got.areaM2 - want.areaM2)).toBeLessThan(1e-3);
        expect(Math.abs(got.perimeterM / want.perimeterM - 1)).toBeLessThan(1e-9);
      }
    }
  });

  it("do not depend on direction, nor on whether they are closed", () => {
    const ring = star(60, 0.002, 24);
    const { areaM2, perimeterM } = measureShortRing(ring)!;
    for (const other of [[...ring].reverse(), ring.slice(0, -1)]) {
      expect(measureShortRing(other)!.areaM2).toBeCloseTo(areaM2, 6);
      expect(measureShortRing(other)!.perimeterM).toBeCloseTo(perimeterM, 9);
    }
  });

  it("are told from all others", () => {
    const farNorth = star(86, 0.001, 12);
    const long = [...star(40, 0.001, 12), [90, 40] as const];
    const roundTheGlobe = Array.from({ length: 240_001 }, (_, step): Position => [step * 0.0015 - 180, 70]);
    const overAntimeridian = star(10, 0.001, 12).map(([lon, lat]): Position => {
      const shifted = lon + 180 - 86.7;
      return [shifted > 180 ? shifted - 360 : shifted, lat];
    });
    for (const ring of [farNorth, long, roundTheGlobe, overAntimeridian, [[1, 2] as const]]) {
      expect(measureShortRing(ring)).toBeUndefined();
    }
  });
});
