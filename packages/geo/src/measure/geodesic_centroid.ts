import { GlofError } from "@glof/core";
import { WGS84 } from "../crs/crs.js";
import { projector } from "../crs/projector.js";
import type { Crs, MultiPolygon, Position } from "../types.js";
import { centroid } from "./areas.js";

/**
 * An equal-area plane about a place (Lambert azimuthal, metres): areas, centres and, near the place, lengths are right in
 * it, at the poles and over the antimeridian too.
 *
 * @param place longitude, latitude in degrees
 */
export function localPlaneAt([longitude, latitude]: Position): Crs {
  return {
    epsg: undefined,
    geographic: false,
    proj4: `+proj=laea +lat_0=${latitude} +lon_0=${longitude} +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs`,
    name: `equal-area plane about ${longitude}, ${latitude}`,
  };
}

/**
 * A place in the middle of the corners: their mean direction from the Earth's centre, so that neither the antimeridian
 * nor a pole matters.
 *
 * @param polygons longitude, latitude in degrees
 * @throws GlofError `bad-argument` when there is no corner, or the corners lie all round the Earth
 */
export function middleOf(polygons: MultiPolygon): Position {
  const sum = [0, 0, 0];
  for (const [longitude, latitude] of polygons.flat(2)) {
    const [lambda, phi] = [(longitude * Math.PI) / 180, (latitude * Math.PI) / 180];
    sum[0]! += Math.cos(phi) * Math.cos(lambda);
    sum[1]! += Math.cos(phi) * Math.sin(lambda);
    sum[2]! += Math.sin(phi);
  }
  const length = Math.hypot(...sum);
  if (!(length > 1e-9)) {
    throw new GlofError(
      "bad-argument",
      "middleOf: expected corners on one side of the Earth, got none or some all round it. Split the shape.",
    );
  }
  const [x, y, z] = sum as [number, number, number];
  return [(Math.atan2(y, x) * 180) / Math.PI, (Math.asin(z / length) * 180) / Math.PI];
}

/**
 * Centre of mass of a shape on the ellipsoid, taken in an equal-area plane about it. Right for shapes that hold a pole or
 * cross the antimeridian; they may be up to a hemisphere large. Good to a few millimetres, the precision of the plane's series in proj4. It need not lie inside: see `pointOnSurface`.
 *
 * @param polygons longitude, latitude in degrees
 * @returns longitude in [-180, 180], latitude
 * @throws GlofError `bad-argument` for no corners, or corners all round the Earth
 */
export function geodesicCentroid(polygons: MultiPolygon): Position {
  const plane = localPlaneAt(middleOf(polygons));
  const [toPlane, toLonLat] = [projector(WGS84, plane), projector(plane, WGS84)];
  return toLonLat(centroid(polygons.map((polygon) => polygon.map((ring) => ring.map(toPlane)))));
}
