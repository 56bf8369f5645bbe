import { GlofError } from "@glof/core";
import { difference, intersection, union } from "polyclip-ts";
import type { MultiPolygon, Position } from "../types.js";
import { planarArea, signedArea } from "./areas.js";

/** What both shapes cover, in the plane of their CRS, by exact clipping (Martinez, Rueda and Feito 2009, polyclip-ts). */
export const intersectPolygons = (a: MultiPolygon, b: MultiPolygon): MultiPolygon =>
  clip("intersectPolygons", () => intersection(copy(a), copy(b)));

/** What either shape covers; one shape alone comes back without overlaps and self-crossings. */
export const unitePolygons = (...shapes: readonly MultiPolygon[]): MultiPolygon =>
  clip("unitePolygons", () => union(copy(shapes[0] ?? []), ...shapes.slice(1).map(copy)));

/** What the first shape covers and the second does not. */
export const subtractPolygons = (a: MultiPolygon, b: MultiPolygon): MultiPolygon =>
  clip("subtractPolygons", () => difference(copy(a), copy(b)));

/** Two shapes' overlap in the square of the CRS's unit. */
export interface PolygonOverlap {
  readonly areaA: number;
  readonly areaB: number;
  readonly intersection: number;
  readonly union: number;
  /** Intersection over union, 0 to 1; `undefined` when neither shape has an area. */
  readonly iou: number | undefined;
}

/**
 * Intersection over union of two shapes (Jaccard index) with the areas behind it. Take an equal-area or UTM plane: in
 * degrees only the ratio is right, and that nearly.
 *
 * @throws GlofError `bad-argument` for coordinates that are not finite
 */
export function polygonOverlap(a: MultiPolygon, b: MultiPolygon): PolygonOverlap {
  const areaOf = (polygons: MultiPolygon): number =>
    polygons.reduce((sum, polygon) => sum + planarArea(polygon), 0);
  // Shapes may overlap themselves: what is counted twice would spoil the ratio.
  const [areaA, areaB] = [areaOf(unitePolygons(a)), areaOf(unitePolygons(b))];
  const shared = areaOf(intersectPolygons(a, b));
  const either = areaA + areaB - shared;
  return { areaA, areaB, intersection: shared, union: either, iou: either > 0 ? shared / either : undefined };
}

function copy(polygons: MultiPolygon): [number, number][][][] {
  return polygons.map((polygon) =>
    polygon.map((ring) =>
      ring.map(([x, y]) => {
        if (!Number.isFinite(x) || !Number.isFinite(y)) throw positionError(x, y);
        return [x, y];
      }),
    ),
  );
}

/** Runs a boolean operation and turns its rings the way this package has them. */
function clip(where: string, work: () => [number, number][][][]): MultiPolygon {
  let result: [number, number][][][];
  try {
    result = work();
  } catch (error) {
    if (error instanceof GlofError) throw error;
    throw new GlofError(
      "bad-argument",
      `${where}: expected closed rings of finite positions, got shapes that cannot be clipped (${error instanceof Error ? error.message : error}). Mend them first.`,
      { cause: error },
    );
  }
  return result.map((polygon) =>
    polygon.map((ring, index): Position[] =>
      signedArea(ring) > 0 === (index === 0) ? ring : ring.reverse(),
    ),
  );
}

const positionError = (x: number, y: number): GlofError =>
  new GlofError("bad-argument", `clip: expected finite positions, got ${x}, ${y}. Leave such corners out.`);
