import { GlofError } from "@glof/core";
import geographiclib from "geographiclib-geodesic";
import { WGS84 } from "../crs/crs.js";
import { projector, reprojectPolygons } from "../crs/projector.js";
import type { MultiPolygon, Position, Ring } from "../types.js";
import { localPlaneAt, middleOf } from "./geodesic_centroid.js";

/** The rectangle of least area round a shape; it may stand askew. */
export interface OrientedRectangle {
  /** Longer and shorter side, in the unit of the CRS. */
  readonly length: number;
  readonly width: number;
  /** Direction of the longer side, in degrees clockwise from the axis of y, [0, 180). */
  readonly azimuthDeg: number;
  /** Closed, counter-clockwise. */
  readonly ring: Ring;
}

/** Corners of the convex hull, counter-clockwise, not closed (Andrew 1979, monotone chain). */
export function convexHull(positions: readonly Position[]): Position[] {
  const sorted = [...positions].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (corners: readonly Position[]): Position[] => {
    const chain: Position[] = [];
    for (const corner of corners) {
      while (chain.length > 1 && cross(chain[chain.length - 2]!, chain[chain.length - 1]!, corner) <= 0)
        chain.pop();
      chain.push(corner);
    }
    return chain.slice(0, -1);
  };
  const hull = [...half(sorted), ...half(sorted.reverse())];
  return hull.length === 0 ? sorted.slice(0, 1) : hull;
}

const cross = (a: Position, b: Position, c: Position): number =>
  (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);

/**
 * The rectangle of least area round a shape: one of its sides lies on an edge of the convex hull (Freeman and Shapira
 * 1975).
 *
 * @throws GlofError `bad-argument` for an empty shape
 */
export function orientedRectangle(polygons: MultiPolygon): OrientedRectangle {
  const hull = convexHull(polygons.flat(2));
  if (hull.length === 0) {
    throw new GlofError("bad-argument", "orientedRectangle: expected a shape, got an empty one. Skip it.");
  }
  let best: OrientedRectangle | undefined;
  hull.forEach((corner, index) => {
    const next = hull[(index + 1) % hull.length]!;
    const rectangle = rectangleAlong(hull, corner, Math.atan2(next[1] - corner[1], next[0] - corner[0]));
    if (best === undefined || rectangle.length * rectangle.width < best.length * best.width) best = rectangle;
  });
  return best!;
}

/** Rectangle round corners with a side in the direction `angle`, measured from `origin`. */
function rectangleAlong(hull: readonly Position[], [x0, y0]: Position, angle: number): OrientedRectangle {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  let [minU, maxU, minV, maxV] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of hull) {
    const u = (x - x0) * cos + (y - y0) * sin;
    const v = (y - y0) * cos - (x - x0) * sin;
    [minU, maxU, minV, maxV] = [Math.min(minU, u), Math.max(maxU, u), Math.min(minV, v), Math.max(maxV, v)];
  }
  const at = (u: number, v: number): Position => [x0 + u * cos - v * sin, y0 + u * sin + v * cos];
  const first = at(minU, minV);
  const [along, across] = [maxU - minU, maxV - minV];
  const direction = along >= across ? angle : angle + Math.PI / 2;
  return {
    length: Math.max(along, across),
    width: Math.min(along, across),
    azimuthDeg: (((90 - (direction * 180) / Math.PI) % 180) + 180) % 180,
    ring: [first, at(maxU, minV), at(maxU, maxV), at(minU, maxV), first],
  };
}

/** Length and width of a lake. */
export interface LakeExtent {
  /** Sides of the rectangle of least area round it, in metres. */
  readonly lengthM: number;
  readonly widthM: number;
  /** Direction of the longer side, degrees clockwise from north, [0, 180). */
  readonly azimuthDeg: number;
  /** Longest straight line between two of its corners, in metres along the geodesic. */
  readonly longestAxisM: number;
  /** The ends of that line. */
  readonly longestAxis: readonly [Position, Position];
}

/**
 * Length and width of a shape in an equal-area plane about it, where lengths are right to 1 : 100 000 within 30 km of its
 * middle; over the antimeridian and at the poles too (there north is that of the middle).
 *
 * @param polygons longitude, latitude in degrees
 * @throws GlofError `bad-argument` for an empty shape
 */
export function lakeExtent(polygons: MultiPolygon): LakeExtent {
  const plane = localPlaneAt(middleOf(polygons));
  const local = reprojectPolygons(polygons, projector(WGS84, plane));
  const { length, width, azimuthDeg } = orientedRectangle(local);
  const hull = convexHull(local.flat(2));
  let ends: [Position, Position] = [hull[0]!, hull[0]!];
  let longest = 0;
  hull.forEach((a, index) => {
    for (const b of hull.slice(index + 1)) {
      const square = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2;
      if (square > longest) [longest, ends] = [square, [a, b]];
    }
  });
  const toLonLat = projector(plane, WGS84);
  const [from, to] = [toLonLat(ends[0]), toLonLat(ends[1])];
  const longestAxisM = geographiclib.Geodesic.WGS84.Inverse(from[1], from[0], to[1], to[0]).s12 ?? 0;
  return { lengthM: length, widthM: width, azimuthDeg, longestAxisM, longestAxis: [from, to] };
}
