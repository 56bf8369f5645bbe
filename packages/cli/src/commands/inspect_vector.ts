import { open } from "node:fs/promises";
import {
  type Feature,
  geodesicArea,
  type LonLatBounds,
  projector,
  readVectors,
  reprojectPolygons,
  type VectorLayer,
  WGS84,
} from "@glof/geo";
import {
  beginsWith,
  type InspectedPath,
  type Inspection,
  type InspectKind,
  type InspectOptions,
} from "./inspect_kind.js";
import { boundsText, crsText, line, tableLines } from "./place_text.js";

/** Polygons: GeoJSON, GeoPackage, FlatGeobuf, shapefile, any of them zipped. */
export const vectorKind: InspectKind = {
  title: "polygons (GeoJSON, GeoPackage, FlatGeobuf, shapefile)",
  recognises: isVector,
  inspect: ({ path }, options) => inspectVectors(path, options),
};

const shapefileMagic = [0, 0, 0x27, 0x0a];

async function isVector({ path, isFolder, start }: InspectedPath): Promise<boolean> {
  if (isFolder || start.length === 0) return false;
  const text = new TextDecoder("latin1").decode(start);
  if (/^(SQLite format 3|fgb)/.test(text) || beginsWith(start, shapefileMagic)) return true;
  if (/^(ï»¿)?\s*[{[]/.test(text)) return true;
  return text.startsWith("PK") && (await endsInVectors(path));
}

/** Whether the directory at the end of an archive names vector files. */
async function endsInVectors(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const length = Math.min(size, 2 ** 20);
    const { buffer } = await file.read(new Uint8Array(length), 0, length, size - length);
    return /\.(shp|gpkg|fgb|geojson)/i.test(new TextDecoder("latin1").decode(buffer));
  } finally {
    await file.close();
  }
}

async function inspectVectors(path: string, { signal, all }: InspectOptions): Promise<Inspection> {
  const layers = (await readVectors(path, { signal })).map(layerFacts);
  return {
    json: { kind: "vectors", path, layers },
    lines: [
      `${path}: ${layers.length} ${layers.length === 1 ? "layer" : "layers"} of polygons`,
      ...layers.flatMap((layer) => layerLines(layer, all)),
    ],
  };
}

type FieldFacts = {
  readonly name: string;
  readonly type: string;
  readonly empty: number;
  readonly range: string;
};
type LayerFacts = ReturnType<typeof layerFacts>;

function layerFacts({ layer, crs, features }: VectorLayer) {
  const toLonLat = crs && projector(crs, WGS84);
  let totalAreaM2 = 0;
  let bounds: LonLatBounds | undefined;
  let withoutShape = 0;
  for (const { geometry } of features) {
    if (geometry.length === 0) withoutShape++;
    if (toLonLat === undefined) continue;
    const lonLat = reprojectPolygons(geometry, toLonLat);
    for (const polygon of lonLat) totalAreaM2 += geodesicArea(polygon);
    for (const [lon, lat] of lonLat.flat(2)) {
      const [west, south, east, north] = bounds ?? [lon, lat, lon, lat];
      bounds = [Math.min(west, lon), Math.min(south, lat), Math.max(east, lon), Math.max(north, lat)];
    }
  }
  return {
    layer,
    crs: crs === undefined ? null : { epsg: crs.epsg ?? null, name: crs.name },
    featureCount: features.length,
    withoutShape,
    bounds: bounds ?? null,
    totalAreaM2: crs === undefined ? null : totalAreaM2,
    fields: fieldsOf(features),
  };
}

function fieldsOf(features: readonly Feature[]): FieldFacts[] {
  const names = [...new Set(features.flatMap(({ properties }) => Object.keys(properties)))];
  return names.map((name) => {
    const values = features.map(({ properties }) => properties[name] ?? null);
    const present = values.filter((value) => value !== null);
    const kinds = new Set(present.map((value) => (Number.isSafeInteger(value) ? "integer" : typeof value)));
    const isNumeric = kinds.size > 0 && [...kinds].every((kind) => kind === "integer" || kind === "number");
    const type = isNumeric
      ? kinds.has("number")
        ? "real"
        : "integer"
      : kinds.size === 1
        ? [...kinds][0]!
        : "text";
    return {
      name,
      type: type === "string" ? "text" : type,
      empty: values.length - present.length,
      range: isNumeric ? numberRange(present as number[]) : textRange(present.map(String)),
    };
  });
}

function numberRange(values: readonly number[]): string {
  const least = values.reduce((a, b) => Math.min(a, b));
  const greatest = values.reduce((a, b) => Math.max(a, b));
  return least === greatest ? String(least) : `${least} to ${greatest}`;
}

function textRange(values: readonly string[]): string {
  const distinct = [...new Set(values)];
  const shown = distinct.slice(0, 3).map((value) => (value.length > 24 ? `${value.slice(0, 23)}…` : value));
  return `${shown.join(", ")}${distinct.length > 3 ? `, … (${distinct.length} values)` : ""}`;
}

function layerLines(facts: LayerFacts, all: boolean): string[] {
  const { layer, crs, featureCount, withoutShape, bounds, totalAreaM2, fields } = facts;
  const shown = all ? fields : fields.slice(0, 20);
  const crsFacts = crs && { ...crs, epsg: crs.epsg ?? undefined, geographic: false, proj4: "" };
  return [
    ...line("layer", `${layer}: ${featureCount} ${featureCount === 1 ? "feature" : "features"}`),
    ...line("shape", withoutShape === 0 ? undefined : `${withoutShape} features have none`),
    ...line("CRS", crsText(crsFacts ?? undefined)),
    ...line("extent", bounds === null ? undefined : boundsText(bounds)),
    ...line(
      "area",
      totalAreaM2 === null ? undefined : `${(totalAreaM2 / 1e6).toFixed(4)} km² on the ellipsoid`,
    ),
    ...(fields.length === 0 ? [] : ["fields"]),
    ...tableLines(
      shown.map(({ name, type, empty, range }) => [name, type, range, empty === 0 ? "" : `${empty} empty`]),
    ),
    ...(shown.length < fields.length ? [`  … ${fields.length - shown.length} more (--all)`] : []),
  ];
}
