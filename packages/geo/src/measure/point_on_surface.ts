import { GlofError } from "@glof/core";
import type { MultiPolygon, Position } from "../types.js";

/**
 * A position that lies inside a shape, for labels and look-ups: the middle of the widest part of a horizontal line through
 * it. The line runs halfway between the corners next to the middle of the shape's height (the rule of JTS and GEOS), for
 * each polygon; the widest wins.
 *
 * @throws GlofError `bad-argument` for an empty shape
 */
export function pointOnSurface(polygons: MultiPolygon): Position {
  let best: { readonly position: Position; readonly width: number } | undefined;
  for (const polygon of polygons) {
    const ys = polygon.flat().map(([, y]) => y);
    if (ys.length === 0) continue;
    const shore = polygon[0]!.map(([, y]) => y);
    const [low, high] = [shore.reduce((a, b) => Math.min(a, b)), shore.reduce((a, b) => Math.max(a, b))];
    const middle = (low + high) / 2;
    // Halfway between corners: the line never runs through one.
    const below = ys.reduce((found, y) => (y <= middle && y > found ? y : found), low);
    const above = ys.reduce((found, y) => (y > middle && y < found ? y : found), high);
    const y = (below + above) / 2;
    const crossings = polygon.flatMap((ring) => crossingsAt(ring, y)).sort((a, b) => a - b);
    for (let index = 0; index + 1 < crossings.length; index += 2) {
      const [from, to] = [crossings[index]!, crossings[index + 1]!];
      if (best === undefined || to - from > best.width)
        best = { position: [(from + to) / 2, y], width: to - from };
    }
    best ??= { position: polygon[0]![0]!, width: -1 };
  }
  if (best === undefined) {
    throw new GlofError("bad-argument", "pointOnSurface: expected a shape, got an empty one. Skip it.");
  }
  return best.position;
}

function crossingsAt(ring: readonly Position[], y: number): number[] {
  const xs: number[] = [];
  ring.forEach(([x1, y1], index) => {
    const [x0, y0] = ring[index === 0 ? ring.length - 1 : index - 1]!;
    if (y0 > y !== y1 > y) xs.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
  });
  return xs;
}
