import { GlofError } from "@glof/core";
import { signedArea } from "../../measure/areas.js";
import { isInRing } from "../../measure/point_in_polygon.js";
import type { MultiPolygon, Position, Ring } from "../../types.js";

/** Shape types of polygons: plain, with heights, with measures. */
const polygonTypes = [5, 15, 25];
const nullType = 0;

/**
 * Shapes of a `.shp` file in its order (ESRI Shapefile Technical Description, July 1998); null shapes are empty. Heights
 * and measures are left out. Rings are sorted into polygons by their direction and by what lies inside what, and turned
 * the way this package has them.
 *
 * @throws GlofError `unsupported-feature` for points, lines and multipatches; RangeError where the file points outside
 *   itself
 */
export function parseShp(bytes: Uint8Array, name: string): MultiPolygon[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getInt32(0) !== 9994) throw new RangeError("other first bytes");
  const shapes: MultiPolygon[] = [];
  for (let at = 100; at + 8 <= bytes.length; ) {
    const end = at + 8 + 2 * view.getUint32(at + 4);
    if (end > bytes.length || end < at + 12) throw new RangeError(`a record that ends at byte ${end}`);
    shapes.push(readShape(new DataView(bytes.buffer, bytes.byteOffset + at + 8, end - at - 8), name));
    at = end;
  }
  return shapes;
}

function readShape(view: DataView, name: string): MultiPolygon {
  const type = view.getInt32(0, true);
  if (type === nullType) return [];
  if (!polygonTypes.includes(type)) {
    throw new GlofError(
      "unsupported-feature",
      `${name}: expected polygons, got shape type ${type}. Keep areas only, no points or lines.`,
      { name },
    );
  }
  const partCount = view.getUint32(36, true);
  const pointCount = view.getUint32(40, true);
  const points = 44 + 4 * partCount;
  if (points + 16 * pointCount > view.byteLength) throw new RangeError(`a shape of ${pointCount} positions`);
  const rings: Position[][] = [];
  for (let part = 0; part < partCount; part++) {
    const from = view.getUint32(44 + 4 * part, true);
    const to = part + 1 < partCount ? view.getUint32(48 + 4 * part, true) : pointCount;
    if (from > to || to > pointCount) throw new RangeError(`a ring from position ${from} to ${to}`);
    const ring: Position[] = [];
    for (let index = from; index < to; index++) {
      const at = points + 16 * index;
      ring.push([view.getFloat64(at, true), view.getFloat64(at + 8, true)]);
    }
    if (ring.length > 2) rings.push(ring);
  }
  return sortRings(rings);
}

/** Clockwise rings are outer ones there. A hole goes to the smallest outer ring round it; one without any stands alone. */
function sortRings(rings: readonly Ring[]): MultiPolygon {
  const measured = rings.map((ring) => ({ ring, area: signedArea(ring) }));
  // With no clockwise ring at all, the writer had it the other way round.
  const isOuter = measured.some(({ area }) => area < 0) ? (area: number) => area <= 0 : () => true;
  const polygons = measured
    .filter(({ area }) => isOuter(area))
    .map(({ ring, area }) => ({ size: Math.abs(area), rings: [area < 0 ? [...ring].reverse() : ring] }));
  const bySize = [...polygons].sort((a, b) => a.size - b.size);
  for (const { ring, area } of measured) {
    if (isOuter(area)) continue;
    const round = bySize.find(
      ({ size, rings: [shore] }) => size >= area && ring.every((corner) => isInRing(corner, shore!) >= 0),
    );
    if (round === undefined) polygons.push({ size: area, rings: [ring] });
    else round.rings.push([...ring].reverse());
  }
  return polygons.map((polygon) => polygon.rings);
}
