import type { Position } from "../types.js";

/**
 * Area and length of rings of short edges on the WGS 84 ellipsoid, in closed form. Outlines along pixels have edges of some
 * tens of metres, and millions of them in a scene: Karney's solution of each takes thirty times as long.
 *
 * Length: Gauss's mid-latitude formula without its terms of higher order, which for an edge of length s are of the order
 * (s / R)^2 / 24 of it: 1e-10 at 300 m.
 *
 * Area: in the cylindrical equal-area projection (x longitude, y the area between a parallel and the equator, per radian)
 * the area of a ring is the integral of y dx. A geodesic lies poleward of the straight line between its ends there, by an
 * area of κ s³ / 12 with κ the geodesic curvature of that line in its middle, -(tan φ / R) sin α (1 + 2 cos² α): that is
 * the last term of `addEdge`. What is left out is of the order s⁵ / R³.
 */
export interface ShortRing {
  readonly areaM2: number;
  readonly perimeterM: number;
}

/** Longest step in degrees that counts as short: 330 m and less. */
const shortDeg = 0.003;
/** Nearer to a pole than this meridians converge too fast for a mid-latitude. */
const farthestDeg = 85;

const [semiMajorM, flattening] = [6_378_137, 1 / 298.257223563];
const squared = flattening * (2 - flattening);
const eccentricity = Math.sqrt(squared);
const radians = Math.PI / 180;

/** The ring's measures; `undefined` where an edge is not short, or where it is no ring of this kind. */
export function measureShortRing(ring: readonly Position[]): ShortRing | undefined {
  const count = ring.length;
  if (count < 3) return undefined;
  let [lonDeg, latDeg] = ring[count - 1]!;
  const from = zoneArea(latDeg);
  let y = 0;
  let [area, length, turned] = [0, 0, 0];
  for (const [nextLonDeg, nextLatDeg] of ring) {
    const [stepLonDeg, stepLatDeg] = [nextLonDeg - lonDeg, nextLatDeg - latDeg];
    const isShort =
      Math.abs(stepLonDeg) <= shortDeg &&
      Math.abs(stepLatDeg) <= shortDeg &&
      Math.abs(nextLatDeg) < farthestDeg;
    if (!isShort) return undefined;
    const nextY = zoneArea(nextLatDeg) - from;
    if (stepLonDeg !== 0 || stepLatDeg !== 0) {
      const middle = (latDeg + stepLatDeg / 2) * radians;
      const [sine, cosine] = [Math.sin(middle), Math.cos(middle)];
      const w2 = 1 - squared * sine * sine;
      const normalM = semiMajorM / Math.sqrt(w2);
      const eastM = normalM * cosine * stepLonDeg * radians;
      const northM = ((normalM * (1 - squared)) / w2) * stepLatDeg * radians;
      length += Math.sqrt(eastM * eastM + northM * northM);
      const bulge = ((sine / cosine) * eastM * (eastM * eastM + 3 * northM * northM)) / (12 * normalM);
      area += (stepLonDeg * radians * (y + nextY)) / 2 + bulge;
    }
    turned += stepLonDeg;
    [lonDeg, latDeg, y] = [nextLonDeg, nextLatDeg, nextY];
  }
  // A ring that goes round a pole comes back 360 degrees away.
  if (Math.abs(turned) > shortDeg) return undefined;
  return { areaM2: Math.abs(area), perimeterM: length };
}

/** Area between the equator and a parallel, per radian of longitude (Snyder 1987, 3-12). */
function zoneArea(latDeg: number): number {
  const sine = Math.sin(latDeg * radians);
  const inside = eccentricity * sine;
  const q = sine / (1 - inside * inside) + Math.atanh(inside) / eccentricity;
  return (semiMajorM * semiMajorM * (1 - squared) * q) / 2;
}
