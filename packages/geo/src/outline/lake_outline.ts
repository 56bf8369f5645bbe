import { pixelToMap } from "../grid.js";
import type { MultiPolygon, Polygon, Position, RasterGrid } from "../types.js";
import type { RegionGroup } from "./region.js";
import { splitAtPinches } from "./split_at_pinches.js";

/** A connected region of a mask with its exact outline along pixel edges, in the grid's CRS. */
export interface LakeOutline {
  /** 1, 2, … in the order of each region's first pixel, rows from the top. */
  readonly id: number;
  /** The outline; with 8-connectivity the largest part of it. */
  readonly polygon: Polygon;
  /** The whole outline: one polygon, or with 8-connectivity several that touch at corners only. */
  readonly parts: MultiPolygon;
  /** Pixels inside: the outline's area is exactly this times the pixel's area. */
  readonly pixelCount: number;
  /** Sum of the probabilities of its valid pixels (not NaN); 0 when no probabilities were given. */
  readonly probSum: number;
  /** Mean of the same probabilities; `undefined` when there were none. */
  readonly meanProb: number | undefined;
  /** Pixels that the validity mask calls valid; `pixelCount` when none was given. */
  readonly validCount: number;
  /** Some pixel lies at the raster's edge: the lake may go on outside. */
  readonly touchesEdge: boolean;
  /** Some pixel is invalid, or shares an edge with one that is: the lake may go on under the cloud. */
  readonly touchesNoData: boolean;
  /** Pixel sides that it shares with invalid pixels outside it (one in a corner of the shore has two). */
  readonly noDataNeighbours: number;
}

/** Turns a finished group into what callers get, and empties it: there may be many. */
export function toLakeOutline(group: RegionGroup, id: number, grid: RasterGrid): LakeOutline {
  const polygons = group.parts.map((rings) => toPolygon(rings, grid));
  group.parts = [];
  polygons.sort((a, b) => b.area - a.area);
  const parts = polygons.map(({ polygon }) => polygon);
  return {
    id,
    polygon: parts[0]!,
    parts,
    pixelCount: group.pixelCount,
    probSum: group.probSum,
    meanProb: group.probCount === 0 ? undefined : group.probSum / group.probCount,
    validCount: group.validCount,
    touchesEdge: group.touchesEdge,
    touchesNoData: group.noDataNeighbours > 0 || group.validCount < group.pixelCount,
    noDataNeighbours: group.noDataNeighbours,
  };
}

function toPolygon(traced: readonly Int32Array[], grid: RasterGrid): { polygon: Polygon; area: number } {
  const rings = traced.flatMap(splitAtPinches);
  const areas = rings.map(ringArea);
  // One ring goes round the outside; it alone is counter-clockwise.
  const exterior = areas.findIndex((area) => area > 0);
  const ordered = [rings[exterior]!, ...rings.filter((_, index) => index !== exterior)];
  return {
    polygon: ordered.map((ring) => toMapRing(ring, grid)),
    area: areas.reduce((sum, area) => sum + area, 0),
  };
}

/** Pixels enclosed; negative for holes. Rows count downwards, hence the order of the terms. */
function ringArea(ring: Int32Array): number {
  let twice = 0;
  let [x, y] = [ring[ring.length - 2]!, ring[ring.length - 1]!];
  for (let at = 0; at < ring.length; at += 2) {
    const [nextX, nextY] = [ring[at]!, ring[at + 1]!];
    twice += nextX * y - x * nextY;
    [x, y] = [nextX, nextY];
  }
  return twice / 2;
}

function toMapRing(ring: Int32Array, { geoTransform }: RasterGrid): Position[] {
  const positions: Position[] = [];
  for (let at = 0; at < ring.length; at += 2)
    positions.push(pixelToMap(geoTransform, ring[at]!, ring[at + 1]!));
  const [, a, b, , c, d] = geoTransform;
  // Tracing assumes a map whose rows go down; one that is mirrored turns the other way round.
  if (a * d - b * c > 0) positions.reverse();
  positions.push(positions[0]!);
  return positions;
}
