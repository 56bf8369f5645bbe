import { crsFromEpsg, WGS84 } from "../../crs/crs.js";
import { knownCrs } from "../../crs/known_crs.js";
import type { Crs, GeoTransform } from "../../types.js";
import type { MapAxes } from "./cf_axes.js";
import {
  type CubeStore,
  type CubeVariable,
  findVariable,
  numberAttribute,
  textAttribute,
} from "./cube_store.js";

/**
 * The variable that describes the CRS of another: the one its `grid_mapping` names (CF 1.11, 5.6), else `spatial_ref`,
 * which rioxarray writes without always pointing to it.
 */
export function gridMappingOf(store: CubeStore, variable: CubeVariable): CubeVariable | undefined {
  const named = textAttribute(variable, "grid_mapping")
    ?.trim()
    .split(/[\s:]+/)[0];
  const found = named === undefined ? undefined : findVariable(store.variables, named, variable);
  if (found !== undefined) return found;
  return ["spatial_ref", "crs"]
    .map((name) => findVariable(store.variables, name, variable))
    .find((candidate) => candidate !== undefined && isGridMapping(candidate));
}

/** Whether a variable describes a CRS and holds no measurements. */
export const isGridMapping = (variable: CubeVariable): boolean =>
  ["grid_mapping_name", "crs_wkt", "spatial_ref"].some((name) => name in variable.attributes);

/**
 * The CRS that a grid mapping describes: by the EPSG code of its WKT, else by CF's own parameters (CF 1.11, appendix F).
 * Longitudes and latitudes without a mapping are taken as WGS 84, as GDAL does.
 */
export function cfCrs(
  variable: CubeVariable,
  mapping: CubeVariable | undefined,
  axes: MapAxes,
): Crs | undefined {
  const wkt = textAttribute(mapping, "crs_wkt") ?? textAttribute(mapping, "spatial_ref");
  // GDAL's Zarr driver keeps the WKT in an attribute of the array itself.
  const text = wkt ?? textAttribute(variable, "_CRS");
  const epsg =
    (text === undefined ? undefined : epsgOfWkt(text)) ?? epsgOfName(textAttribute(mapping, "epsg_code"));
  if (epsg !== undefined) {
    const geographic = knownCrs(epsg)?.geographic ?? /^\s*GEO(GCS|GCRS|DCRS)/i.test(text ?? "");
    if (knownCrs(epsg) !== undefined) return crsFromEpsg(epsg);
    return { epsg, geographic, proj4: `EPSG:${epsg}`, name: nameOfWkt(text) ?? `EPSG:${epsg}` };
  }
  const proj4 = mapping === undefined ? undefined : projString(mapping);
  if (proj4 !== undefined || text !== undefined) {
    const geographic = proj4?.startsWith("+proj=longlat") ?? /^\s*GEO(GCS|GCRS|DCRS)/i.test(text ?? "");
    return { epsg: undefined, geographic, proj4: proj4 ?? "", name: nameOfWkt(text) ?? "user-defined CRS" };
  }
  return axes.x.isDegrees && axes.y.isDegrees ? WGS84 : undefined;
}

/** The EPSG code of the outermost element of a WKT 1 or WKT 2 text (OGC 01-009, 18-010r7). */
export function epsgOfWkt(wkt: string): number | undefined {
  // Outermost: only the authority right before the last bracket belongs to the CRS as a whole.
  const match = /(?:AUTHORITY|ID)\s*\[\s*"EPSG"\s*,\s*"?(\d+)"?(?:\s*,[^\]]*)?\]\s*\]\s*$/i.exec(wkt);
  return match === null ? undefined : Number(match[1]);
}

const epsgOfName = (text: string | undefined): number | undefined => {
  const match = /^EPSG:(\d+)$/i.exec(text?.trim() ?? "");
  return match === null ? undefined : Number(match[1]);
};

const nameOfWkt = (wkt: string | undefined): string | undefined => /\[\s*"([^"]*)"/.exec(wkt ?? "")?.[1];

/** CF's parameters by PROJ's names. */
const parameterNames: readonly (readonly [string, string])[] = [
  ["latitude_of_projection_origin", "lat_0"],
  ["longitude_of_central_meridian", "lon_0"],
  ["longitude_of_projection_origin", "lon_0"],
  ["straight_vertical_longitude_from_pole", "lon_0"],
  ["scale_factor_at_central_meridian", "k"],
  ["scale_factor_at_projection_origin", "k"],
  ["false_easting", "x_0"],
  ["false_northing", "y_0"],
];

const projections: Readonly<Record<string, string>> = {
  latitude_longitude: "longlat",
  transverse_mercator: "tmerc",
  lambert_conformal_conic: "lcc",
  albers_conical_equal_area: "aea",
  lambert_azimuthal_equal_area: "laea",
  polar_stereographic: "stere",
  mercator: "merc",
  lambert_cylindrical_equal_area: "cea",
};

/** The mapping as a proj string; `undefined` for projections that proj4 does not know by these parameters. */
function projString(mapping: CubeVariable): string | undefined {
  const kind = textAttribute(mapping, "grid_mapping_name") ?? "";
  const projection = projections[kind];
  if (projection === undefined) return undefined;
  const parts = [`+proj=${projection}`];
  if (projection !== "longlat") {
    for (const [cf, proj] of parameterNames) {
      const value = numberAttribute(mapping, cf);
      if (value !== undefined) parts.push(`+${proj}=${value}`);
    }
    parts.push(...standardParallels(mapping, projection), "+units=m");
  }
  return [...parts, ellipsoid(mapping), "+no_defs"].join(" ");
}

function standardParallels(mapping: CubeVariable, projection: string): string[] {
  const value = mapping.attributes.standard_parallel;
  const parallels = (Array.isArray(value) ? value : [value]).filter((entry) => typeof entry === "number");
  if (parallels.length === 0) return [];
  if (["stere", "merc", "cea"].includes(projection)) return [`+lat_ts=${parallels[0]}`];
  return [`+lat_1=${parallels[0]}`, ...(parallels.length > 1 ? [`+lat_2=${parallels[1]}`] : [])];
}

function ellipsoid(mapping: CubeVariable): string {
  const radius = numberAttribute(mapping, "earth_radius");
  const major = numberAttribute(mapping, "semi_major_axis");
  const flattening = numberAttribute(mapping, "inverse_flattening");
  const minor = numberAttribute(mapping, "semi_minor_axis");
  if (major === undefined) return radius === undefined ? "+datum=WGS84" : `+R=${radius}`;
  if (major === 6_378_137 && flattening !== undefined && Math.abs(flattening - 298.257223563) < 1e-9) {
    return "+datum=WGS84";
  }
  if (flattening !== undefined && flattening !== 0) return `+a=${major} +rf=${flattening}`;
  return `+a=${major} +b=${minor ?? major}`;
}

/** The six numbers that GDAL and rioxarray leave in a grid mapping. */
export function mappingTransform(mapping: CubeVariable | undefined): GeoTransform | undefined {
  const value = mapping?.attributes.GeoTransform;
  const numbers = typeof value === "string" ? value.trim().split(/\s+/).map(Number) : value;
  if (!Array.isArray(numbers) || numbers.length !== 6) return undefined;
  const [a, b, c, d, e, f] = numbers as number[];
  return [a, b, c, d, e, f].every(Number.isFinite) ? [a!, b!, c!, d!, e!, f!] : undefined;
}
