import type { MultiPolygon, Polygon, Position, Ring } from "../types.js";
import { intersectPolygons } from "./clip_polygons.js";

/**
 * Cuts shapes at the antimeridian, as RFC 7946 (3.1.9) asks: each part then has longitudes within [-180, 180]. An edge
 * whose longitudes differ by more than 180 degrees is taken the short way round. A ring that goes round a pole is closed
 * over that pole. Shapes that do not cross come back as they are.
 *
 * @param polygons longitude, latitude in degrees
 */
export function splitAtAntimeridian(polygons: MultiPolygon): MultiPolygon {
  return polygons.flatMap((polygon) => (crosses(polygon) ? split(polygon) : [polygon]));
}

const crosses = (polygon: Polygon): boolean =>
  polygon.some((ring) =>
    ring.some(
      ([longitude], index) =>
        Math.abs(longitude) > 180 || (index > 0 && Math.abs(longitude - ring[index - 1]![0]) > 180),
    ),
  );

function split(polygon: Polygon): Polygon[] {
  const [shore, ...holes] = polygon.map(unwrap);
  const middle = meanLongitude(shore!);
  // Holes are unwrapped on their own: they go where their shore is.
  const near = holes.map((hole) => shift(hole, 360 * Math.round((middle - meanLongitude(hole)) / 360)));
  const whole = [shore!, ...near];
  const longitudes = shore!.map(([longitude]) => longitude);
  const first = Math.floor((Math.min(...longitudes) + 180) / 360);
  const last = Math.ceil((Math.max(...longitudes) + 180) / 360);
  const parts: Polygon[] = [];
  for (let turn = first; turn < last; turn++) {
    const [west, east] = [360 * turn - 180, 360 * turn + 180];
    const band: Ring = [
      [west, -91],
      [east, -91],
      [east, 91],
      [west, 91],
      [west, -91],
    ];
    for (const part of intersectPolygons([whole], [[band]])) {
      parts.push(part.map((ring) => shift(ring, -360 * turn)));
    }
  }
  return parts;
}

/** Longitudes that go on instead of jumping; a ring that has gone all the way round is closed over the nearer pole. */
function unwrap(ring: Ring): Ring {
  let turn = 0;
  const steady = ring.map(([longitude, latitude], index): Position => {
    if (index > 0) turn -= 360 * Math.round((longitude - ring[index - 1]![0]) / 360);
    return [longitude + turn, latitude];
  });
  const [first, last] = [steady[0]!, steady[steady.length - 1]!];
  if (Math.abs(last[0] - first[0]) < 180) return steady;
  const pole = steady.reduce((sum, [, latitude]) => sum + latitude, 0) < 0 ? -90 : 90;
  return [...steady, [last[0], pole], [first[0], pole], first];
}

const meanLongitude = (ring: Ring): number =>
  ring.reduce((sum, [longitude]) => sum + longitude, 0) / ring.length;

const shift = (ring: Ring, degrees: number): Ring =>
  degrees === 0 ? ring : ring.map(([longitude, latitude]): Position => [longitude + degrees, latitude]);
