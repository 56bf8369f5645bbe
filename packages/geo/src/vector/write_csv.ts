import { WGS84 } from "../crs/crs.js";
import { projector, reprojectPolygons } from "../crs/projector.js";
import { geodesicCentroid } from "../measure/geodesic_centroid.js";
import { loadCoreNode } from "../node_only.js";
import type { Crs, Feature, MultiPolygon } from "../types.js";

/** Options of `writeCsv`. */
export interface CsvOptions {
  /** CRS of the features. */
  readonly crs: Crs;
  /** Adds the column `wkt` with the outline as well-known text, in the features' own CRS. Default false. */
  readonly wkt?: boolean;
  /** Digits behind the point of the centre's degrees. Default 7. */
  readonly precision?: number;
}

/**
 * A table as RFC 4180 has it: a line of names, commas, CRLF, quotes where they are needed. Each feature has its
 * attributes, then `lon` and `lat`, its centre on WGS 84 (empty without a shape), then `wkt` when asked for. Attributes
 * that bear these names already keep them, and the added column is left out. NULL is an empty field, text that is empty
 * is `""`.
 *
 * @throws GlofError `unsupported-feature` when the CRS is unknown
 */
export function formatCsv(features: readonly Feature[], options: CsvOptions): string {
  const { crs, wkt = false, precision = 7 } = options;
  const toLonLat = projector(crs, WGS84);
  const attributes = [...new Set(features.flatMap(({ properties }) => Object.keys(properties)))];
  const added = ["lon", "lat", ...(wkt ? ["wkt"] : [])].filter((name) => !attributes.includes(name));
  const rows = features.map(({ geometry, properties }) => {
    const centre =
      geometry.length === 0 ? undefined : geodesicCentroid(reprojectPolygons(geometry, toLonLat));
    const extras: Readonly<Record<string, string>> = {
      lon: centre === undefined ? "" : centre[0].toFixed(precision),
      lat: centre === undefined ? "" : centre[1].toFixed(precision),
      wkt: wkt ? field(toWkt(geometry)) : "",
    };
    return [
      ...attributes.map((name) => field(properties[name] ?? null)),
      ...added.map((name) => extras[name]!),
    ];
  });
  return [[...attributes, ...added].map(field), ...rows].map((row) => `${row.join(",")}\r\n`).join("");
}

/** Writes `formatCsv`'s text, whole or not at all. Node only. */
export async function writeCsv(
  path: string,
  features: readonly Feature[],
  options: CsvOptions,
): Promise<void> {
  const { writeFileAtomic } = await loadCoreNode();
  await writeFileAtomic(path, formatCsv(features, options));
}

function field(value: string | number | boolean | null): string {
  if (value === null || (typeof value === "number" && !Number.isFinite(value))) return "";
  const text = String(value);
  return text === "" || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Well-known text (OGC 06-103r4, 7): `POLYGON`, `MULTIPOLYGON`, or an empty one. */
export function toWkt(polygons: MultiPolygon): string {
  if (polygons.length === 0) return "MULTIPOLYGON EMPTY";
  const texts = polygons.map(
    (polygon) => `(${polygon.map((ring) => `(${ring.map(([x, y]) => `${x} ${y}`).join(", ")})`).join(", ")})`,
  );
  return texts.length === 1 ? `POLYGON ${texts[0]}` : `MULTIPOLYGON (${texts.join(", ")})`;
}
