import { hasShared, sharedPath } from "@glof/test-kit";
import { describe, expect, it } from "vitest";
import { crsFromEpsg, metricCrsAt, utmZoneOf, WGS84 } from "../crs/crs.js";
import { projector, reprojectPolygons } from "../crs/projector.js";
import { openRaster } from "../raster/open_raster.js";
import type { MultiPolygon, Position, RasterSource, Ring } from "../types.js";
import { geodesicArea, planarArea } from "./areas.js";
import { intersectPolygons, polygonOverlap, subtractPolygons, unitePolygons } from "./clip_polygons.js";
import { elevationStatistics } from "./elevation_statistics.js";
import { geodesicCentroid, localPlaneAt } from "./geodesic_centroid.js";
import { lakeExtent, orientedRectangle } from "./oriented_rectangle.js";
import { isInPolygons } from "./point_in_polygon.js";
import { pointOnSurface } from "./point_on_surface.js";
import { frechetDistance, hausdorffDistance } from "./ring_distances.js";
import { splitAtAntimeridian } from "./split_antimeridian.js";

const line = (...numbers: number[]): Ring =>
  Array.from(
    { length: numbers.length / 2 },
    (_, index): Position => [numbers[2 * index]!, numbers[2 * index + 1]!],
  );
const shape = (...rings: Ring[]): MultiPolygon => [rings];
const bay = shape(line(0, 0, 10, 0, 10, 2, 2, 2, 2, 8, 10, 8, 10, 10, 0, 10, 0, 0));

describe("pointOnSurface", () => {
  it("gives GEOS's points, which lie inside", () => {
    const two: MultiPolygon = [
      [line(0, 0, 4, 0, 4, 4, 0, 4, 0, 0), line(1, 1, 3, 1, 3, 3, 1, 3, 1, 1)],
      [line(10, 10, 19, 11, 18, 15, 10, 10)],
    ];
    // OGR 3.6: PointOnSurface.
    expect(pointOnSurface(bay)).toEqual([1, 5]);
    const [x, y] = pointOnSurface(two);
    expect([x, y]).toEqual([expect.closeTo(16.65, 10), 13]);
    expect(isInPolygons([x, y], two)).toBe(1);
    expect(isInPolygons([2, 2], two)).toBe(-1);
    expect(isInPolygons([1, 2], two)).toBe(0);
    expect(() => pointOnSurface([])).toThrow(/empty/);
  });
});

describe("overlap", () => {
  const a = shape(line(0, 0, 10, 0, 10, 10, 0, 10, 0, 0), line(2, 2, 2, 4, 4, 4, 4, 2, 2, 2));
  const b = shape(line(3, -1, 12, 3, 7, 12, 1, 6, 3, -1));

  it("has OGR's areas", () => {
    const { areaA, areaB, intersection, union, iou } = polygonOverlap(a, b);
    expect([areaA, areaB]).toEqual([96, expect.closeTo(77.5, 10)]);
    expect(intersection).toBeCloseTo(64.66785714285714, 10);
    expect(union).toBeCloseTo(108.83214285714286, 10);
    expect(iou).toBeCloseTo(0.5941981426180554, 12);
    const left = subtractPolygons(a, b).reduce(
      (sum, part) => sum + Math.abs(polygonOverlap([part], []).areaA),
      0,
    );
    expect(left).toBeCloseTo(31.332142857142856, 10);
  });

  it("counts overlapping parts once, and knows empty shapes", () => {
    const twice: MultiPolygon = [...a, ...a];
    expect(polygonOverlap(twice, a).iou).toBe(1);
    expect(unitePolygons(...twice.map((polygon) => [polygon]))).toHaveLength(1);
    expect(polygonOverlap(a, [])).toMatchObject({ intersection: 0, union: 96, iou: 0 });
    expect(polygonOverlap([], []).iou).toBeUndefined();
    expect(intersectPolygons(a, shape(line(20, 20, 21, 20, 21, 21, 20, 20)))).toEqual([]);
    expect(() => polygonOverlap(shape(line(0, 0, Number.NaN, 1, 1, 1, 0, 0)), a)).toThrow(/finite/);
  });
});

describe("distances", () => {
  it("are those of the manuals of GEOS and PostGIS", () => {
    const [one, other] = [line(130, 0, 0, 0, 0, 150), line(10, 10, 10, 150, 130, 10)];
    expect(hausdorffDistance(shape(one), shape(other))).toBeCloseTo(14.142135623730951, 12);
    expect(hausdorffDistance(shape(one), shape(other), { densify: 0.5 })).toBeCloseTo(70, 12);
    expect(frechetDistance(line(0, 0, 100, 0), line(0, 0, 50, 50, 100, 0))).toBeCloseTo(70.7106781186548, 12);
    expect(frechetDistance(line(0, 0, 100, 0), line(0, 0, 50, 50, 100, 0), { densify: 0.5 })).toBe(50);
  });

  it("refuse what has none", () => {
    expect(() => hausdorffDistance([], bay)).toThrow(/empty/);
    expect(() => frechetDistance([], bay[0]![0]!)).toThrow(/empty/);
    expect(() => hausdorffDistance(bay, bay, { densify: 0 })).toThrow(/densify/);
  });
});

describe("length and width", () => {
  it("of a slanting rectangle are its own", () => {
    const { length, width, azimuthDeg, ring } = orientedRectangle(
      shape(line(0, 0, 40, 30, 34, 38, -6, 8, 0, 0)),
    );
    expect([length, width]).toEqual([expect.closeTo(50, 10), expect.closeTo(10, 10)]);
    expect(azimuthDeg).toBeCloseTo((Math.atan2(40, 30) * 180) / Math.PI, 10);
    expect(ring).toHaveLength(5);
    expect(orientedRectangle([[line(3, 4)]])).toMatchObject({ length: 0, width: 0 });
  });

  it.each([
    ["in Nepal", [86.9, 27.9]],
    ["over the antimeridian", [180, 66]],
    ["at the pole", [0, 90]],
  ] as [string, Position][])("of a lake %s", (_, place) => {
    const toLonLat = projector(localPlaneAt(place), WGS84);
    const lake = shape(line(-1500, -200, 1500, -200, 1500, 200, -1500, 200, -1500, -200).map(toLonLat));
    const { lengthM, widthM, longestAxisM } = lakeExtent(lake);
    expect([lengthM, widthM]).toEqual([expect.closeTo(3000, 2), expect.closeTo(400, 2)]);
    expect(longestAxisM).toBeCloseTo(Math.hypot(3000, 400), 2);
    const [lon, lat] = geodesicCentroid(lake);
    const [x, y] = projector(WGS84, localPlaneAt(place))([lon, lat]);
    expect(Math.hypot(x, y)).toBeLessThan(5e-3);
  });
});

describe("the antimeridian and the poles", () => {
  it("cut shapes in two without changing their area", () => {
    const lake = shape(
      line(179.5, 66, -179.5, 66, -179.5, 66.5, 179.5, 66.5, 179.5, 66),
      line(179.9, 66.1, 179.9, 66.2, -179.9, 66.2, -179.9, 66.1, 179.9, 66.1),
    );
    const parts = splitAtAntimeridian(lake);
    expect(parts).toHaveLength(2);
    expect(parts.flat(2).every(([longitude]) => Math.abs(longitude) <= 180)).toBe(true);
    expect(
      parts.flat().every((ring) => ring.every(([a], i) => i === 0 || Math.abs(a - ring[i - 1]![0]) < 180)),
    ).toBe(true);
    const area = parts.reduce((sum, part) => sum + geodesicArea(part), 0);
    // The cut runs along straight lines in degrees, its ends a little off the geodesics of the shores.
    expect(area / geodesicArea(lake[0]!)).toBeCloseTo(1, 4);
    expect(splitAtAntimeridian(bay)).toEqual(bay);
  });

  it("close a ring that goes round a pole over it", () => {
    const cap = shape(line(...[10, 70, 130, -170, -110, -50, 10].flatMap((longitude) => [longitude, -80])));
    const parts = splitAtAntimeridian(cap);
    expect(parts.flat(2).some(([, latitude]) => latitude === -90)).toBe(true);
    // A band of 10 degrees of latitude all the way round.
    expect(parts.reduce((sum, part) => sum + planarArea(part), 0)).toBeCloseTo(3600, 6);
  });

  it.each([
    [86.9, 27.9, 45, false],
    [5, 60, 32, false],
    [2.9, 60, 31, false],
    [8.9, 78, 31, false],
    [20.9, 78, 33, false],
    [180, 10, 1, false],
    [-540.5, -10, 60, true],
    [0, 0, 31, false],
  ])("UTM zone of %d, %d is %d", (longitude, latitude, zone, south) => {
    expect(utmZoneOf(longitude, latitude)).toEqual({ zone, south });
  });

  it("have UPS where UTM ends", () => {
    expect(() => utmZoneOf(0, 84.1)).toThrow(/polar/);
    expect([metricCrsAt(10, 85), metricCrsAt(10, -81), metricCrsAt(10, 84)].map(({ epsg }) => epsg)).toEqual([
      32661, 32761, 32633,
    ]);
    expect(() => metricCrsAt(0, 91)).toThrow(/latitude/);
  });
});

describe("elevationStatistics", () => {
  const crs = crsFromEpsg(32645);
  const heights = Int16Array.from({ length: 30 }, (_, index) => (index === 8 ? -32768 : 100 + index));
  const dem: RasterSource = {
    name: "dem",
    grid: { width: 6, height: 5, geoTransform: [0, 10, 0, 50, 0, -10], crs },
    bands: [{ name: undefined, dtype: "int16", nodata: -32768, scale: 0.5, offset: 1000 }],
    blockSize: [5, 6],
    readWindow: async ({ x, y, width, height }) => [
      Int16Array.from(
        { length: width * height },
        (_, at) => heights[(y + Math.floor(at / width)) * 6 + x + (at % width)]!,
      ),
    ],
    close: async () => undefined,
  };

  it("takes the pixels inside, without no-data, in the band's unit", async () => {
    // Pixels 7, 8 (no data), 13, 14.
    const found = await elevationStatistics(shape(line(10, 20, 30, 20, 30, 40, 10, 40, 10, 20)), dem);
    expect(found).toEqual({
      min: 1053.5,
      max: 1057,
      mean: expect.closeTo(1000 + (107 + 113 + 114) / 6, 10),
      median: 1056.5,
      sigma: expect.closeTo(1.5456, 4),
      pixelCount: 3,
      validFraction: 0.75,
      rule: "center",
    });
  });

  it("takes touched pixels for a pond between centres, and nothing outside", async () => {
    const pond = shape(line(11, 31, 13, 31, 13, 33, 11, 31));
    expect(await elevationStatistics(pond, dem)).toMatchObject({
      pixelCount: 1,
      mean: 1053.5,
      rule: "all-touched",
    });
    expect(await elevationStatistics(shape(line(-50, 0, -40, 0, -40, 10, -50, 0)), dem)).toBeUndefined();
    await expect(elevationStatistics(pond, dem, { band: 1 })).rejects.toMatchObject({ code: "bad-argument" });
    await expect(elevationStatistics(pond, dem, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "aborted",
    });
  });

  const arctic = "data/iceland_lakes_1985_2026/arcticdem_v4_30m.tif";
  it.skipIf(!hasShared(arctic))("reads a real DEM in another CRS than the shape's", async () => {
    const raster = await openRaster(sharedPath(arctic));
    const [x, y] = [729_000, 7_114_020];
    const square = shape(line(x, y, x + 900, y, x + 900, y + 900, x, y + 900, x, y));
    const own = await elevationStatistics(square, raster);
    const toLonLat = projector(raster.grid.crs!, WGS84);
    const other = await elevationStatistics(reprojectPolygons(square, toLonLat), raster, { crs: WGS84 });
    expect(own!.pixelCount).toBe(900);
    expect(Math.abs(other!.mean - own!.mean)).toBeLessThan(0.5);
    await raster.close();
  });
});
