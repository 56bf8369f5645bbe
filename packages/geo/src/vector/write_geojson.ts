import { GlofError } from "@glof/core";
import { WGS84 } from "../crs/crs.js";
import { projector, reprojectPolygons } from "../crs/projector.js";
import { signedArea } from "../measure/areas.js";
import { splitAtAntimeridian } from "../measure/split_antimeridian.js";
import { loadCoreNode } from "../node_only.js";
import type { Crs, Feature, MultiPolygon, Polygon, Position } from "../types.js";

/** Options of `writeGeoJson`. */
export interface GeoJsonOptions {
  /** CRS of the features; they are turned into WGS 84 longitude and latitude. */
  readonly crs: Crs;
  /** Name of the collection, shown as the layer's name by GDAL and QGIS. */
  readonly name?: string;
  /** Digits behind the point of degrees. Default 7: about a centimetre. */
  readonly precision?: number;
}

/**
 * The text of an RFC 7946 feature collection: WGS 84 without a `crs` member, outer rings counter-clockwise, holes
 * clockwise, closed. One polygon becomes a `Polygon`, more a `MultiPolygon`, none `null`. Shapes that cross the
 * antimeridian, or hold a pole, are cut there (3.1.9).
 *
 * @throws GlofError `bad-argument` for a precision that is no whole number from 0 to 15
 */
export function formatGeoJson(features: Iterable<Feature>, options: GeoJsonOptions): string {
  const project = projector(options.crs, WGS84);
  const scale = 10 ** checkPrecision(options.precision ?? 7);
  const round = ([longitude, latitude]: Position): Position => [
    Math.round(longitude * scale) / scale,
    Math.round(latitude * scale) / scale,
  ];
  const lines: string[] = [];
  for (const { geometry, properties } of features) {
    const whole = splitAtAntimeridian(reprojectPolygons(geometry, project));
    const polygons = reprojectPolygons(whole, round).map(wind);
    lines.push(JSON.stringify({ type: "Feature", properties, geometry: toGeometry(polygons) }));
  }
  const name = options.name === undefined ? "" : `"name":${JSON.stringify(options.name)},`;
  return `{"type":"FeatureCollection",${name}"features":[${lines.length === 0 ? "" : `\n${lines.join(",\n")}\n`}]}\n`;
}

/**
 * Writes features as RFC 7946 GeoJSON, whole or not at all; see `formatGeoJson`.
 *
 * @throws GlofError `unsupported-feature` when the CRS is unknown; `not-writable`, `no-space`, `io`
 */
export async function writeGeoJson(
  path: string,
  features: Iterable<Feature>,
  options: GeoJsonOptions,
): Promise<void> {
  const { writeFileAtomic } = await loadCoreNode();
  await writeFileAtomic(path, formatGeoJson(features, options));
}

function checkPrecision(precision: number): number {
  if (Number.isInteger(precision) && precision >= 0 && precision <= 15) return precision;
  throw new GlofError(
    "bad-argument",
    `formatGeoJson: expected a precision of 0 to 15 digits, got ${precision}. Leave it out for 7.`,
  );
}

/** Makes the outer ring counter-clockwise and the holes clockwise. */
function wind(polygon: Polygon): Polygon {
  return polygon.map((ring, index) => (signedArea(ring) < 0 === (index === 0) ? [...ring].reverse() : ring));
}

function toGeometry(polygons: MultiPolygon): unknown {
  if (polygons.length === 0) return null;
  if (polygons.length === 1) return { type: "Polygon", coordinates: polygons[0] };
  return { type: "MultiPolygon", coordinates: polygons };
}
