import { GlofError } from "@glof/core";
import type { Crs } from "../types.js";
import type { GeoKeyTags } from "./geo_keys.js";
import {
  ellipsoids,
  linearUnits,
  type ProjectionMethod,
  projectionMethods,
  userDefined,
} from "./projection_methods.js";

type Parameters = ReadonlyMap<string, string>;
/** A key and its value: a number that is a code, a measure, or text. */
type Key = readonly [
  id: number,
  value: number | readonly number[] | string,
  kind: "code" | "measure" | "text",
];

const understood =
  "proj zone south lat_0 lon_0 lat_1 lat_2 lat_ts k k_0 x_0 y_0 ellps datum a b rf R towgs84 units to_meter no_defs type wktext".split(
    " ",
  );

/**
 * The keys that describe a CRS by its parameters, pixels being areas, in the form in which GDAL writes it.
 *
 * @throws GlofError `unsupported-feature` for proj strings with other projections, datums or parameters than those of
 *   `projection_methods`
 */
export function geoKeysForProj(crs: Crs): GeoKeyTags {
  const parameters = parseProj(crs);
  const geographic = parameters.get("proj") === "longlat";
  const keys: Key[] = [
    [1024, geographic ? 2 : 1, "code"],
    [1025, 1, "code"],
    [1026, crs.name, "text"],
    ...datumKeys(crs, parameters),
    ...(geographic ? [] : projectionKeys(crs, parameters)),
  ];
  return formatKeys(keys.sort((a, b) => a[0] - b[0]));
}

function parseProj(crs: Crs): Parameters {
  const parts = crs.proj4
    .trim()
    .split(/\s+/)
    .map((part) => /^\+(\w+)(?:=(.*))?$/.exec(part));
  const parameters = new Map(parts.map((part) => [part?.[1] ?? "", part?.[2] ?? ""]));
  const strange = [...parameters.keys()].find((name) => !understood.includes(name));
  if (strange !== undefined || !parameters.has("proj")) throw unsupported(crs, strange ?? "proj");
  return parameters;
}

function datumKeys(crs: Crs, parameters: Parameters): Key[] {
  const datum = parameters.get("datum");
  const named = datum === "WGS84" ? 4326 : datum === "NAD83" ? 4269 : undefined;
  if (datum !== undefined && named === undefined) throw unsupported(crs, "datum");
  const degrees: Key = [2054, 9102, "code"];
  if (named !== undefined) return [[2048, named, "code"], degrees];
  const shift = parameters.get("towgs84")?.split(",").map(Number);
  if (shift !== undefined && !([3, 7].includes(shift.length) && shift.every(Number.isFinite))) {
    throw unsupported(crs, "towgs84");
  }
  return [
    [2048, userDefined, "code"],
    [2049, "unknown", "text"],
    [2050, userDefined, "code"],
    degrees,
    ...ellipsoidKeys(crs, parameters),
    [2061, 0, "measure"],
    ...(shift === undefined ? [] : [[2062, shift, "measure"] as const]),
  ];
}

function ellipsoidKeys(crs: Crs, parameters: Parameters): Key[] {
  const name = parameters.get("ellps");
  const known = ellipsoids.find((row) => row[1] === name);
  if (known !== undefined) {
    return [
      [2056, known[0], "code"],
      [2057, known[2], "measure"],
      [2059, known[3], "measure"],
    ];
  }
  const radius = Number(parameters.get("R") ?? Number.NaN);
  const a = Number(parameters.get("a") ?? radius);
  if (name !== undefined || !(a > 0)) throw unsupported(crs, "ellps");
  const rf = parameters.get("rf");
  const shape: Key =
    rf === undefined ? [2058, Number(parameters.get("b") ?? a), "measure"] : [2059, Number(rf), "measure"];
  return [[2056, userDefined, "code"], [2057, a, "measure"], shape];
}

function projectionKeys(crs: Crs, parameters: Parameters): Key[] {
  const [unitCode, metres] = unitOf(crs, parameters);
  const unit: Key[] = [[3076, unitCode, "code"]];
  if (unitCode === userDefined) unit.push([3077, metres, "measure"]);
  const zone = Number(parameters.get("zone") ?? 0);
  if (parameters.get("proj") === "utm") {
    const south = parameters.has("south");
    if (!(Number.isInteger(zone) && zone >= 1 && zone <= 60)) throw unsupported(crs, "zone");
    if (parameters.get("datum") === "WGS84") return [[3072, (south ? 32_700 : 32_600) + zone, "code"]];
    return [[3072, userDefined, "code"], [3074, (south ? 16_100 : 16_000) + zone, "code"], ...unit];
  }
  const method = methodOf(crs, parameters);
  const value = (name: string): number => Number(parameters.get(name) ?? 0);
  const keys: Key[] = [
    [3072, userDefined, "code"],
    [3074, userDefined, "code"],
    [3075, method.code, "code"],
    ...unit,
    [method.origin.lat, originLatitude(method, parameters), "measure"],
    [method.origin.lon, value("lon_0"), "measure"],
    [method.origin.x, value("x_0") / metres, "measure"],
    [method.origin.y, value("y_0") / metres, "measure"],
  ];
  const parallels = method.parallels.filter((name) => parameters.has(name));
  keys.push(...parallels.map((name, index): Key => [3078 + index, value(name), "measure"]));
  const scale = Number(parameters.get("k_0") ?? parameters.get("k") ?? 1);
  if (method.hasScale && parallels.length === 0) keys.push([3092, scale, "measure"]);
  if (keys.some(([, measure]) => Number.isNaN(measure))) throw unsupported(crs, "number");
  return keys;
}

/** Conformal conics with one parallel and polar stereographics have codes of their own. */
function methodOf(crs: Crs, parameters: Parameters): ProjectionMethod {
  const proj = parameters.get("proj");
  const isOneParallel = proj === "lcc" && !parameters.has("lat_2");
  const isPolar = proj === "stere" && Math.abs(Number(parameters.get("lat_0"))) === 90;
  const code = isOneParallel ? 9 : isPolar ? 15 : proj === "lcc" ? 8 : proj === "stere" ? 14 : undefined;
  const found = projectionMethods.find(
    (one) => one.proj === proj && (code === undefined || one.code === code),
  );
  if (found === undefined) throw unsupported(crs, "proj");
  // Elsewhere these would have to be left out, and the file would lie somewhere else.
  const isStrayScale = parameters.has("lat_ts") && !found.parallels.includes("lat_ts") && !isPolar;
  const isOffset =
    isOneParallel && Number(parameters.get("lat_1") ?? 0) !== Number(parameters.get("lat_0") ?? 0);
  if (isStrayScale || isOffset) throw unsupported(crs, isOffset ? "lat_1" : "lat_ts");
  return found;
}

function originLatitude(method: ProjectionMethod, parameters: Parameters): number {
  const lat = Number(parameters.get("lat_0") ?? 0);
  return method.code === 15 && parameters.has("lat_ts") ? Number(parameters.get("lat_ts")) : lat;
}

function unitOf(crs: Crs, parameters: Parameters): readonly [code: number, metres: number] {
  const size = parameters.get("to_meter");
  if (size !== undefined && Number(size) > 0) return [Number(size) === 1 ? 9001 : userDefined, Number(size)];
  const found = linearUnits.find((row) => row[1] === (parameters.get("units") ?? "m"));
  if (found === undefined) throw unsupported(crs, "units");
  return [found[0], found[2]];
}

/** The tags: codes stand in the directory, measures and text in lists beside it. */
function formatKeys(keys: readonly Key[]): GeoKeyTags {
  const doubles: number[] = [];
  let text = "";
  const entries = keys.map(([id, value, kind]): readonly number[] => {
    if (kind === "code") return [id, 0, 1, value as number];
    if (typeof value === "string") {
      const at = text.length;
      // Only ASCII is allowed there; a bar separates texts.
      text += `${value.replace(/[^\x20-\x7e]|\|/g, "?")}|`;
      return [id, 34_737, text.length - at, at];
    }
    const list = typeof value === "number" ? [value] : value;
    doubles.push(...list);
    return [id, 34_736, list.length, doubles.length - list.length];
  });
  return { directory: [1, 1, 0, entries.length, ...entries.flat()], text, doubles };
}

const unsupported = (crs: Crs, what: string): GlofError =>
  new GlofError(
    "unsupported-feature",
    `beginCog: expected a CRS with an EPSG code, or a proj string of a common projection, got ${crs.name} (${crs.proj4 || "no proj string"}; see ${what}). Reproject to a UTM zone first.`,
    { crs },
  );
