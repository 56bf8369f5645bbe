import { GlofError } from "@glof/core";
import proj4 from "proj4";
import type { Crs, MultiPolygon, Position } from "../types.js";
import { isSameCrs } from "./crs.js";
import { knownCrs } from "./known_crs.js";

/**
 * A function that turns positions of one CRS into another, by proj4. Geographic positions are longitude, latitude.
 * Datum shifts are those of the proj strings (no grid files).
 *
 * @throws GlofError `unsupported-feature` when a CRS has neither a known EPSG code nor a proj string. The function itself
 *   throws `bad-argument` for positions that the projection cannot reach.
 */
export function projector(from: Crs, to: Crs): (position: Position) => Position {
  if (isSameCrs(from, to)) return (position) => position;
  const converter = proj4(definition(from), definition(to));
  const refuse = ([x, y]: Position, cause?: unknown): GlofError =>
    new GlofError(
      "bad-argument",
      `projector: expected a position that ${to.name} can show, got ${x}, ${y} in ${from.name}. Check its CRS.`,
      { position: [x, y], cause },
    );
  return (position) => {
    let result: readonly number[];
    try {
      result = converter.forward([position[0], position[1]]);
    } catch (error) {
      throw refuse(position, error);
    }
    const [x, y] = result;
    if (!Number.isFinite(x) || !Number.isFinite(y)) throw refuse(position);
    return [x!, y!];
  };
}

/** Every position of a shape in another CRS. Edges stay straight lines between the same corners. */
export function reprojectPolygons(
  polygons: MultiPolygon,
  project: (position: Position) => Position,
): MultiPolygon {
  return polygons.map((polygon) => polygon.map((ring) => ring.map(project)));
}

function definition(crs: Crs): string {
  const known = crs.epsg === undefined ? undefined : knownCrs(crs.epsg);
  if (known !== undefined) return known.proj4;
  if (crs.proj4.startsWith("+")) return crs.proj4;
  throw new GlofError(
    "unsupported-feature",
    `projector: expected a CRS with a known EPSG code or a proj string, got ${crs.name}. Reproject the raster to UTM first, or set Crs.proj4.`,
    { crs },
  );
}
