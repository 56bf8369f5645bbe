import type { Crs } from "../types.js";
import { crsFromEpsg } from "./crs.js";
import { knownCrs } from "./known_crs.js";
import { projFromGeoKeys } from "./proj_from_geo_keys.js";
import { userDefined } from "./projection_methods.js";

/**
 * The CRS that a GeoTIFF's keys name (OGC 19-008r4, 7.5), or describe by the parameters of a common projection: then it has
 * a proj string and no EPSG code. A CRS that is neither still comes back, so that pixels can be read; `projector` refuses
 * it when coordinates are needed.
 *
 * @returns `undefined` when the keys name none
 */
export function crsFromGeoKeys(keys: Readonly<Record<string, unknown>>): Crs | undefined {
  const modelType = keys.GTModelTypeGeoKey;
  const projected = code(keys.ProjectedCSTypeGeoKey);
  const geographic = code(keys.GeographicTypeGeoKey);
  const isGeographic =
    modelType === 2 || (modelType !== 1 && projected === undefined && geographic !== undefined);
  if (modelType !== 1 && !isGeographic) return undefined;
  const epsg = isGeographic ? geographic : projected;
  if (epsg !== undefined && epsg !== userDefined && epsg > 0) {
    if (knownCrs(epsg) !== undefined) return crsFromEpsg(epsg);
    return { epsg, geographic: isGeographic, proj4: `EPSG:${epsg}`, name: citation(keys) ?? `EPSG:${epsg}` };
  }
  if (isGeographic && geographic === undefined) return undefined;
  const proj4 = projFromGeoKeys(keys, isGeographic) ?? "";
  return { epsg: undefined, geographic: isGeographic, proj4, name: citation(keys) ?? "user-defined CRS" };
}

const code = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

function citation(keys: Readonly<Record<string, unknown>>): string | undefined {
  for (const key of ["PCSCitationGeoKey", "GTCitationGeoKey", "GeogCitationGeoKey"]) {
    const value = keys[key];
    if (typeof value === "string" && value.trim() !== "") return value.replace(/\|.*$/s, "").trim();
  }
  return undefined;
}

/** Geo keys of a CRS, ready for the tags 34735 (directory), 34736 (measures) and 34737 (text). */
export interface GeoKeyTags {
  readonly directory: readonly number[];
  readonly text: string;
  readonly doubles?: readonly number[];
}

/** The keys that name an EPSG CRS, pixels being areas. */
export function geoKeysForEpsg(crs: Crs & { readonly epsg: number }): GeoKeyTags {
  // Only ASCII is allowed there; a bar separates texts.
  const name = crs.name.replace(/[^\x20-\x7e]|\|/g, "?");
  const entries = [
    [1024, 0, 1, crs.geographic ? 2 : 1],
    [1025, 0, 1, 1],
    [1026, 34737, name.length + 1, 0],
    crs.geographic ? [2048, 0, 1, crs.epsg] : [3072, 0, 1, crs.epsg],
  ];
  return { directory: [1, 1, 0, entries.length, ...entries.flat()], text: `${name}|` };
}
