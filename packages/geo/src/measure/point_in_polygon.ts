import type { MultiPolygon, Polygon, Position, Ring } from "../types.js";

/**
 * Where a position lies of a ring: 1 inside, 0 on its line, -1 outside. By crossings of a ray to the right (even-odd);
 * the side of an edge is that of an exact product for coordinates of up to 26 bits, such as pixel corners.
 */
export function isInRing([x, y]: Position, ring: Ring): -1 | 0 | 1 {
  let isInside = false;
  for (let index = 0; index < ring.length; index++) {
    const [x0, y0] = ring[index]!;
    const [x1, y1] = ring[index + 1 === ring.length ? 0 : index + 1]!;
    if (y0 === y1) {
      if (y === y0 && x >= Math.min(x0, x1) && x <= Math.max(x0, x1)) return 0;
      continue;
    }
    if (y < Math.min(y0, y1) || y > Math.max(y0, y1)) continue;
    const side = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0);
    if (side === 0) return 0;
    if (y0 > y !== y1 > y && side > 0 === y1 > y0) isInside = !isInside;
  }
  return isInside ? 1 : -1;
}

/** Where a position lies of a polygon: 1 inside, 0 on a ring, -1 outside or in a hole. */
export function isInPolygon(position: Position, polygon: Polygon): -1 | 0 | 1 {
  let place: -1 | 0 | 1 = -1;
  for (const [index, ring] of polygon.entries()) {
    const side = isInRing(position, ring);
    if (side === 0) return 0;
    if (index === 0 && side < 0) return -1;
    if (index > 0 && side > 0) return -1;
    place = 1;
  }
  return place;
}

/** Where a position lies of polygons: 1 inside one, 0 on a ring of one, -1 outside all. */
export function isInPolygons(position: Position, polygons: MultiPolygon): -1 | 0 | 1 {
  let place: -1 | 0 | 1 = -1;
  for (const polygon of polygons) {
    const own = isInPolygon(position, polygon);
    if (own === 1) return 1;
    if (own === 0) place = 0;
  }
  return place;
}
