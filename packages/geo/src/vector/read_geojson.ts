import { GlofError, parseJson } from "@glof/core";
import { crsFromEpsg, isSameCrs, WGS84 } from "../crs/crs.js";
import { projector, reprojectPolygons } from "../crs/projector.js";
import { loadCoreNode, loadFs } from "../node_only.js";
import type { AttributeValue, Crs, Feature, MultiPolygon, Polygon, Position, Ring } from "../types.js";

/** Features of a file. */
export interface FeatureTable {
  readonly name: string | undefined;
  readonly crs: Crs;
  readonly features: readonly Feature[];
}

/** Reads a GeoJSON file; see `parseGeoJson`. Node only. */
export async function readGeoJson(path: string): Promise<FeatureTable> {
  const [{ readFile }, { asGlofError }] = await Promise.all([loadFs(), loadCoreNode()]);
  return parseGeoJson(await asGlofError(path, () => readFile(path, "utf8")), path);
}

/**
 * Polygons of a GeoJSON text: a collection, one feature or a bare geometry. Other kinds of geometry are refused, since a
 * lake or an area of interest is a surface. The old `crs` member is obeyed: what comes back is always WGS 84 longitude,
 * latitude. Attributes that are lists or objects come back as JSON text.
 *
 * @param name file name for messages
 * @throws GlofError `corrupt-file` when it is no GeoJSON; `unsupported-feature` for points, lines and unknown CRSs
 */
export function parseGeoJson(text: string, name = "GeoJSON"): FeatureTable {
  const root = parseObject(text, name);
  const crs = namedCrs(root.crs, name);
  const members: unknown[] = root.type === "FeatureCollection" ? list(root.features, name) : [root];
  const features = members.map((member): Feature => {
    const item = object(member, name);
    const isFeature = item.type === "Feature";
    const geometry = toPolygons(isFeature ? item.geometry : item, name);
    return { geometry, properties: isFeature ? toProperties(item.properties) : {} };
  });
  const project = isSameCrs(crs, WGS84) ? undefined : projector(crs, WGS84);
  const title = root.name;
  return {
    name: typeof title === "string" ? title : undefined,
    crs: WGS84,
    features:
      project === undefined
        ? features
        : features.map((feature) => ({ ...feature, geometry: reprojectPolygons(feature.geometry, project) })),
  };
}

type Json = Readonly<Record<string, unknown>>;

function parseObject(text: string, name: string): Json {
  try {
    return object(parseJson(text.replace(/^\uFEFF/, "")), name);
  } catch (error) {
    if (error instanceof SyntaxError) throw malformed(name, `text that is no JSON (${error.message})`);
    throw error;
  }
}

function object(value: unknown, name: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(name, "no object");
  return value as Json;
}

function list(value: unknown, name: string): unknown[] {
  if (!Array.isArray(value)) throw malformed(name, "no list where one belongs");
  return value;
}

function toPolygons(value: unknown, name: string): MultiPolygon {
  if (value === null || value === undefined) return [];
  const geometry = object(value, name);
  switch (geometry.type) {
    case "Polygon":
      return [toPolygon(geometry.coordinates, name)];
    case "MultiPolygon":
      return list(geometry.coordinates, name).map((polygon) => toPolygon(polygon, name));
    case "GeometryCollection":
      return list(geometry.geometries, name).flatMap((part) => toPolygons(part, name));
    default:
      throw new GlofError(
        "unsupported-feature",
        `${name}: expected polygons, got ${JSON.stringify(geometry.type)}. Draw areas, not points or lines.`,
        { name },
      );
  }
}

const toPolygon = (value: unknown, name: string): Polygon =>
  list(value, name).map((ring) => toRing(ring, name));

function toRing(value: unknown, name: string): Ring {
  const ring = list(value, name).map((entry): Position => {
    const [x, y] = list(entry, name);
    if (typeof x !== "number" || typeof y !== "number" || !Number.isFinite(x) || !Number.isFinite(y)) {
      throw malformed(name, "a position that is not two numbers");
    }
    return [x, y];
  });
  const [first, last] = [ring[0], ring[ring.length - 1]];
  if (first === undefined || last === undefined || ring.length < 3)
    throw malformed(name, `a ring of ${ring.length} positions`);
  return first[0] === last[0] && first[1] === last[1] ? ring : [...ring, first];
}

function toProperties(value: unknown): Record<string, AttributeValue> {
  if (typeof value !== "object" || value === null) return {};
  const entries = Object.entries(value).map(([key, entry]): [string, AttributeValue] => {
    const isPlain = entry === null || ["string", "number", "boolean"].includes(typeof entry);
    return [key, isPlain ? (entry as AttributeValue) : JSON.stringify(entry)];
  });
  return Object.fromEntries(entries);
}

/** The CRS of the member that GeoJSON had before RFC 7946, as GDAL and QGIS still write it. */
function namedCrs(value: unknown, name: string): Crs {
  if (value === undefined || value === null) return WGS84;
  const properties = object(value, name).properties;
  const title = typeof properties === "object" && properties !== null ? (properties as Json).name : undefined;
  if (typeof title === "string") {
    if (/CRS:?84$/i.test(title)) return WGS84;
    const epsg = /EPSG:[^:]*:?(\d+)$/i.exec(title);
    if (epsg !== null) return crsFromEpsg(Number(epsg[1]));
  }
  throw new GlofError(
    "unsupported-feature",
    `${name}: expected WGS 84 or an EPSG code, got the CRS ${JSON.stringify(value)}. Save it in WGS 84.`,
    { name },
  );
}

const malformed = (name: string, got: string): GlofError =>
  new GlofError("corrupt-file", `${name}: expected GeoJSON, got ${got}. Export it again.`, { name });
