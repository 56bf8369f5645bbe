import { GlofError } from "@glof/core";
import type { MultiPolygon, Position, Ring } from "../types.js";

/** Options of `hausdorffDistance` and `frechetDistance`. */
export interface RingDistanceOptions {
  /**
   * Each edge is cut into `round(1 / densify)` pieces of equal length before corners are compared, as GEOS does. Default
   * 1: corners only.
   */
  readonly densify?: number;
}

/**
 * Hausdorff distance between two outlines in the unit of their CRS: how far the worst corner of either lies from the
 * nearest point of the other's edges. That is GEOS's `DiscreteHausdorffDistance`: exact at corners, a lower bound between
 * them, which `densify` raises.
 *
 * @throws GlofError `bad-argument` for an empty outline, or `densify` outside ]0, 1]
 */
export function hausdorffDistance(
  a: MultiPolygon,
  b: MultiPolygon,
  options: RingDistanceOptions = {},
): number {
  const [one, other] = [a.flat(), b.flat()];
  checkLines("hausdorffDistance", one, other);
  const pieces = piecesOf("hausdorffDistance", options);
  const forth = farthest(one, other, pieces, 0);
  return Math.sqrt(farthest(other, one, pieces, forth));
}

/** Largest squared distance from points of `from` to the edges of `to`, at least `atLeast`. */
function farthest(from: readonly Ring[], to: readonly Ring[], pieces: number, atLeast: number): number {
  let worst = atLeast;
  for (const point of from.flatMap((ring) => cutEdges(ring, pieces))) {
    let nearest = Number.POSITIVE_INFINITY;
    for (const ring of to) {
      // A point nearer than the worst so far decides nothing more.
      for (let index = 0; index < ring.length && nearest > worst; index++) {
        const square = squaredDistance(point, ring[Math.max(index - 1, 0)]!, ring[index]!);
        if (square < nearest) nearest = square;
      }
    }
    if (nearest > worst) worst = nearest;
  }
  return worst;
}

/** Squared distance of a point from a segment. */
function squaredDistance([x, y]: Position, [x0, y0]: Position, [x1, y1]: Position): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const square = dx * dx + dy * dy;
  const along = square === 0 ? 0 : Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / square));
  return (x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2;
}

/**
 * Discrete Frechet distance of two lines (Eiter and Mannila 1994): the shortest leash with which two may walk them from
 * corner to corner, never back. Lines are taken as they run: rings must begin at matching corners and run the same way.
 *
 * @throws GlofError `bad-argument` for an empty line, or `densify` outside ]0, 1]
 */
export function frechetDistance(a: Ring, b: Ring, options: RingDistanceOptions = {}): number {
  checkLines("frechetDistance", [a], [b]);
  const pieces = piecesOf("frechetDistance", options);
  const [one, other] = [cutEdges(a, pieces), cutEdges(b, pieces)];
  let above = new Float64Array(other.length);
  let row = new Float64Array(other.length);
  one.forEach(([x, y], i) => {
    for (let j = 0; j < other.length; j++) {
      const distance = Math.hypot(x - other[j]![0], y - other[j]![1]);
      const before =
        i === 0
          ? j === 0
            ? 0
            : row[j - 1]!
          : j === 0
            ? above[0]!
            : Math.min(above[j]!, above[j - 1]!, row[j - 1]!);
      row[j] = Math.max(distance, before);
    }
    [above, row] = [row, above];
  });
  return above[other.length - 1]!;
}

/** Corners of a line with each edge cut into pieces. */
function cutEdges(ring: Ring, pieces: number): Ring {
  if (pieces === 1) return ring;
  return ring.flatMap((corner, index): Position[] => {
    if (index === 0) return [corner];
    const [x, y] = ring[index - 1]!;
    const [dx, dy] = [(corner[0] - x) / pieces, (corner[1] - y) / pieces];
    const between = Array.from(
      { length: pieces - 1 },
      (_, at): Position => [x + (at + 1) * dx, y + (at + 1) * dy],
    );
    return [...between, corner];
  });
}

function piecesOf(where: string, { densify = 1 }: RingDistanceOptions): number {
  if (densify > 0 && densify <= 1) return Math.round(1 / densify);
  throw new GlofError(
    "bad-argument",
    `${where}: expected densify above 0 and at most 1, got ${densify}. Give the share of an edge.`,
  );
}

function checkLines(where: string, one: readonly Ring[], other: readonly Ring[]): void {
  if (one.some((ring) => ring.length > 0) && other.some((ring) => ring.length > 0)) return;
  throw new GlofError(
    "bad-argument",
    `${where}: expected two outlines, got an empty one. Skip empty shapes.`,
  );
}
