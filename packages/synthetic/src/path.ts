import type { FieldGrid } from "./grid.js";

/** A smooth line on the ground, in metres. */
export interface GroundPath {
  readonly xM: Float64Array;
  readonly yM: Float64Array;
  /** Distance along the line at each point. */
  readonly alongM: Float64Array;
}

/**
 * Where a position lies relative to a path: how far along, and how far to the side (right of travel is
 * positive).
 */
export interface PathPosition {
  alongM: number;
  acrossM: number;
}

/** Joins the centres of coarse cells and rounds the corners (two rounds of Chaikin's cutting). */
export function pathThrough(cells: readonly number[], grid: FieldGrid): GroundPath {
  let points = cells.map((cell) => ({
    x: grid.originXM + (cell % grid.cols) * grid.cellM,
    y: grid.originYM + Math.floor(cell / grid.cols) * grid.cellM,
  }));
  points = points.filter((_, index) => index % 2 === 0 || index === points.length - 1);
  for (let round = 0; round < 2; round++) {
    points = points.flatMap((point, index) => {
      const next = points[index + 1];
      if (next === undefined) return [point];
      const cut = (t: number) => ({
        x: point.x + t * (next.x - point.x),
        y: point.y + t * (next.y - point.y),
      });
      return index === 0 ? [point, cut(0.75)] : [cut(0.25), cut(0.75)];
    });
  }
  return toPath(points);
}

/** A path through given ground points. */
export function toPath(points: readonly { x: number; y: number }[]): GroundPath {
  const alongM = new Float64Array(points.length);
  for (let at = 1; at < points.length; at++) {
    const [a, b] = [points[at - 1]!, points[at]!];
    alongM[at] = alongM[at - 1]! + Math.hypot(b.x - a.x, b.y - a.y);
  }
  return {
    xM: Float64Array.from(points, (point) => point.x),
    yM: Float64Array.from(points, (point) => point.y),
    alongM,
  };
}

/**
 * The place on the path nearest to a position; before the start `alongM` is negative, past the end it grows
 * on.
 */
export function locate(path: GroundPath, xM: number, yM: number, result: PathPosition): PathPosition {
  let best = Number.POSITIVE_INFINITY;
  const last = path.xM.length - 2;
  for (let at = 0; at <= last; at++) {
    const ax = path.xM[at]!;
    const ay = path.yM[at]!;
    const dx = path.xM[at + 1]! - ax;
    const dy = path.yM[at + 1]! - ay;
    const lengthM = Math.hypot(dx, dy) || 1e-6;
    let t = ((xM - ax) * dx + (yM - ay) * dy) / (lengthM * lengthM);
    if (t < 0 && at > 0) t = 0;
    if (t > 1 && at < last) t = 1;
    const offX = xM - ax - t * dx;
    const offY = yM - ay - t * dy;
    // Past either end the distance is to the end point, so that a bend does not capture far positions.
    const beyondM = t < 0 ? -t * lengthM : t > 1 ? (t - 1) * lengthM : 0;
    const apart = offX * offX + offY * offY + beyondM * beyondM;
    if (apart >= best) continue;
    best = apart;
    result.alongM = path.alongM[at]! + t * lengthM;
    result.acrossM = (dx * offY - dy * offX) / lengthM;
  }
  return result;
}
