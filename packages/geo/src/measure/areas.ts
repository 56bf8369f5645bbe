import { GlofError } from "@glof/core";
// A CommonJS module whose names Node cannot see from outside: only its default is there for `import`.
import geographiclib from "geographiclib-geodesic";
import type { MultiPolygon, Polygon, Position, Ring } from "../types.js";
import { measureShortRing, type ShortRing } from "./short_edges.js";

/**
 * Area in m2 on the WGS 84 ellipsoid, edges being geodesics (Karney 2013, "Algorithms for geodesics", by geographiclib).
 * Holes are taken off. Rings may cross the antimeridian or hold a pole; their direction does not matter. An edge goes the
 * short way round, so a ring about a pole needs a position at least every 180 degrees of longitude.
 *
 * @param polygon longitude, latitude in degrees
 * @throws GlofError `bad-argument` for latitudes beyond 90 degrees, and for rings drawn in the plane of longitudes and
 *   latitudes whose edges go the long way round: along a pole, or from -180 to 180 in one step
 */
export function geodesicArea(polygon: Polygon): number {
  return polygon.reduce((area, ring, index) => {
    const size = measure(ring).areaM2;
    return index === 0 ? size : area - size;
  }, 0);
}

/**
 * Length in metres of all rings, holes included, on the WGS 84 ellipsoid.
 *
 * @param polygon longitude, latitude in degrees
 * @throws GlofError `bad-argument` for latitudes beyond 90 degrees
 */
export function geodesicPerimeter(polygon: Polygon): number {
  return polygon.reduce((sum, ring) => sum + measure(ring).perimeterM, 0);
}

function measure(ring: Ring): ShortRing {
  return measureShortRing(ring) ?? measureGeodesically(ring);
}

function measureGeodesically(ring: Ring): ShortRing {
  if (isLongWayRound(ring)) {
    throw new GlofError(
      "bad-argument",
      "geodesicArea: expected edges of less than 180 degrees of longitude round a pole, got a longer one. Put positions between its ends.",
    );
  }
  const polygon = geographiclib.Geodesic.WGS84.Polygon(false);
  for (const [longitude, latitude] of openRing(ring)) {
    if (!(Math.abs(latitude) <= 90) || !Number.isFinite(longitude)) {
      throw new GlofError(
        "bad-argument",
        `geodesicArea: expected longitude, latitude in degrees, got ${longitude}, ${latitude}. Reproject to WGS84 first.`,
      );
    }
    polygon.AddPoint(latitude, longitude);
  }
  const { area = 0, perimeter } = polygon.Compute(false, true);
  return { areaM2: Math.abs(area), perimeterM: perimeter };
}

/**
 * Whether a ring can only be meant with an edge that goes more than half round: closed along a pole with such an edge
 * elsewhere, or right round in one step, so that nothing is left of it on the globe.
 */
function isLongWayRound(ring: Ring): boolean {
  let [longest, alongPole, unwrapped, west, east] = [0, 0, 0, 0, 0];
  for (let index = 1; index < ring.length; index++) {
    const [[before, latitudeBefore], [longitude, latitude]] = [ring[index - 1]!, ring[index]!];
    const step = longitude - before;
    const isAtPole = Math.abs(latitude) === 90 && latitude === latitudeBefore;
    if (isAtPole) alongPole = Math.max(alongPole, Math.abs(step));
    else longest = Math.max(longest, Math.abs(step));
    unwrapped += step - 360 * Math.round(step / 360);
    [west, east] = [Math.min(west, unwrapped), Math.max(east, unwrapped)];
  }
  return (longest >= 180 && alongPole >= 180) || (longest >= 360 && east - west < 1e-9);
}

/** Area in the square of the CRS's unit, by the shoelace formula; holes are taken off. */
export function planarArea(polygon: Polygon): number {
  return polygon.reduce((area, ring, index) => area + (index === 0 ? 1 : -1) * Math.abs(signedArea(ring)), 0);
}

/** Length of all rings in the CRS's unit, holes included. */
export function planarPerimeter(polygon: Polygon): number {
  return polygon.reduce((sum, ring) => {
    return (
      sum +
      ring
        .slice(1)
        .reduce((length, [x, y], index) => length + Math.hypot(x - ring[index]![0], y - ring[index]![1]), 0)
    );
  }, 0);
}

/** Centre of mass in the plane of the CRS; it need not lie inside. Of shapes without area, the mean of the corners. */
export function centroid(polygons: MultiPolygon): Position {
  const origin = polygons[0]?.[0]?.[0];
  if (origin === undefined) {
    throw new GlofError("bad-argument", "centroid: expected at least one ring, got none. Skip empty shapes.");
  }
  let [area, sumX, sumY] = [0, 0, 0];
  for (const polygon of polygons) {
    polygon.forEach((ring, index) => {
      // Coordinates are taken from one corner: UTM northings squared would swallow the digits that matter.
      const [ringArea, x, y] = ringMoments(ring, origin);
      const sign = Math.sign(ringArea) * (index === 0 ? 1 : -1);
      area += sign * ringArea;
      sumX += sign * x;
      sumY += sign * y;
    });
  }
  if (area !== 0) return [origin[0] + sumX / area, origin[1] + sumY / area];
  const corners = openRing(polygons[0]![0]!);
  return [0, 1].map((axis) =>
    corners.reduce((sum, corner) => sum + corner[axis]! / corners.length, 0),
  ) as unknown as Position;
}

/** Area of a ring, positive when it runs counter-clockwise. */
export function signedArea(ring: Ring): number {
  return ring.length === 0 ? 0 : ringMoments(ring, ring[0]!)[0];
}

/** Signed area of a ring and its first moments about `origin`. */
function ringMoments(
  ring: Ring,
  [originX, originY]: Position,
): readonly [area: number, x: number, y: number] {
  let [area, sumX, sumY] = [0, 0, 0];
  for (let index = 1; index < ring.length; index++) {
    const [x0, y0] = [ring[index - 1]![0] - originX, ring[index - 1]![1] - originY];
    const [x1, y1] = [ring[index]![0] - originX, ring[index]![1] - originY];
    const cross = x0 * y1 - x1 * y0;
    area += cross / 2;
    sumX += ((x0 + x1) * cross) / 6;
    sumY += ((y0 + y1) * cross) / 6;
  }
  return [area, sumX, sumY];
}

/** A ring without its repeated last position. */
function openRing(ring: Ring): Ring {
  const [first, last] = [ring[0], ring[ring.length - 1]];
  const isClosed = ring.length > 1 && first![0] === last![0] && first![1] === last![1];
  return isClosed ? ring.slice(0, -1) : ring;
}
