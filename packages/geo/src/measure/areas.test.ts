import { describe, expect, it } from "vitest";
import { crsFromEpsg, WGS84 } from "../crs/crs.js";
import { projector } from "../crs/projector.js";
import type { Polygon, Position, Ring } from "../types.js";
import { centroid, geodesicArea, geodesicPerimeter, planarArea, planarPerimeter } from "./areas.js";

// Antarctica in 18 points, and its size, from the GeographicLib documentation (Planimeter example).
const antarctica: Ring = (
  [
    [-63.1, -58],
    [-72.9, -74],
    [-71.9, -102],
    [-74.9, -102],
    [-74.3, -131],
    [-77.5, -163],
    [-77.4, 163],
    [-71.7, 172],
    [-65.9, 140],
    [-65.7, 113],
    [-66.6, 88],
    [-66.9, 59],
    [-69.8, 25],
    [-70.0, -4],
    [-71.0, -14],
    [-77.3, -33],
    [-77.9, -46],
    [-74.7, -61],
  ] as const
).map(([latitude, longitude]): Position => [longitude, latitude]);

const square = (x: number, y: number, side: number): Ring => [
  [x, y],
  [x + side, y],
  [x + side, y + side],
  [x, y + side],
  [x, y],
];

describe("geodesic measures", () => {
  it("equal GeographicLib's published example, round a pole and over the antimeridian", () => {
    expect(geodesicArea([antarctica])).toBeCloseTo(13_662_703_680_020.1, 0);
    expect(geodesicPerimeter([antarctica])).toBeCloseTo(16_831_067.893, 2);
    expect(geodesicArea([[...antarctica].reverse()])).toBeCloseTo(13_662_703_680_020.1, 0);
  });

  it("take holes off the area and add them to the perimeter", () => {
    const [outer, hole] = [square(86, 27, 1), square(86.4, 27.4, 0.2)];
    const polygon: Polygon = [outer, [...hole].reverse()];
    expect(geodesicArea(polygon)).toBeCloseTo(geodesicArea([outer]) - geodesicArea([hole]), 3);
    expect(geodesicPerimeter(polygon)).toBeCloseTo(geodesicPerimeter([outer]) + geodesicPerimeter([hole]), 6);
  });

  it("differ from the plane of UTM by its scale squared: 0.9996 on the central meridian", () => {
    const utm = crsFromEpsg(32645);
    const inPlane = square(500_000, 3_000_000, 1000);
    const ratio = planarArea([inPlane]) / geodesicArea([inPlane.map(projector(utm, WGS84))]);
    expect(ratio).toBeCloseTo(0.9996 ** 2, 6);
  });

  it("refuse coordinates that are no degrees", () => {
    expect(() => geodesicArea([square(500_000, 3_000_000, 10)])).toThrow(/Reproject to WGS84/);
  });
});

describe("planar measures", () => {
  const polygon: Polygon = [square(500_000, 3_000_000, 30), [...square(500_010, 3_000_010, 10)].reverse()];
  it("take holes off the area, whichever way rings run", () => {
    expect(planarArea(polygon)).toBe(800);
    expect(planarArea([[...polygon[0]!].reverse(), [...polygon[1]!].reverse()])).toBe(800);
    expect(planarPerimeter(polygon)).toBe(160);
  });

  it("find the centre of mass", () => {
    const cases = [
      [[polygon], 500_015, 3_000_015],
      [[[square(0, 0, 2)], [square(10, 0, 2)]], 6, 1],
      [[[square(0, 0, 4), square(0, 0, 2)]], 28 / 12, 28 / 12],
      [[[square(3, 4, 0)]], 3, 4],
    ] as const;
    for (const [shape, x, y] of cases) {
      expect(centroid(shape)[0]).toBeCloseTo(x, 9);
      expect(centroid(shape)[1]).toBeCloseTo(y, 9);
    }
  });
});

describe("shapes about a pole", () => {
  /** Area between a parallel and the pole on WGS 84, in closed form (Snyder 1987, 3-12). */
  const cap = (latitude: number): number => {
    const [a, squared] = [6_378_137, 0.0066943799901413165];
    const e = Math.sqrt(squared);
    const q = (sine: number): number => sine / (1 - squared * sine * sine) + Math.atanh(e * sine) / e;
    return Math.PI * a * a * (1 - squared) * (q(1) - q(Math.sin((latitude * Math.PI) / 180)));
  };
  const parallel = (latitude: number): Position[] =>
    Array.from({ length: 3601 }, (_, step) => [-180 + step / 10, latitude]);

  it("have the area of the cap, closed over the pole or not", () => {
    const overPole: Position[] = [...parallel(-80), [180, -90], [-180, -90], [-180, -80]];
    for (const ring of [parallel(80), parallel(-80), overPole]) {
      expect(Math.abs(geodesicArea([ring]) / cap(80) - 1)).toBeLessThan(1e-6);
    }
    const sector = [...parallel(70).filter(([longitude]) => Math.abs(longitude) <= 100), [0, 90] as const];
    expect(Math.abs(geodesicArea([[...sector, sector[0]!]]) / ((cap(70) * 200) / 360) - 1)).toBeLessThan(
      1e-6,
    );
  });

  it("are refused where an edge goes the long way round", () => {
    const box = (half: number, from: number, to: number): Polygon => [
      [
        [-half, from],
        [half, from],
        [half, to],
        [-half, to],
        [-half, from],
      ],
    ];
    for (const drawn of [box(180, -80, -90), box(100, -80, -90), box(180, 60, 70), box(90, 80, 90)]) {
      expect(() => geodesicArea(drawn)).toThrow(expect.objectContaining({ code: "bad-argument" }));
    }
    // Over the antimeridian, cut there or not, is the short way.
    const across: Polygon = [
      [
        [179, 10],
        [180, 10],
        [-180, 10],
        [-179, 10],
        [-179, 20],
        [-180, 20],
        [180, 20],
        [179, 20],
        [179, 10],
      ],
    ];
    // The same further east, where nothing is special.
    const plain = across.map((ring) => ring.map(([x, y]): Position => [x > 0 ? x - 180 : x + 180, y]));
    expect(geodesicArea(across) / geodesicArea(plain)).toBeCloseTo(1, 9);
  });
});
