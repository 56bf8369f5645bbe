import { GlofError } from "@glof/core";
import { knownCrs } from "../../crs/known_crs.js";
import type { Crs } from "../../types.js";

/** A row of `gpkg_spatial_ref_sys`. */
export interface SpatialRef {
  readonly name: string;
  readonly id: number;
  readonly organization: string;
  readonly code: number;
  /** Well-known text 1, or `undefined` where only organization and code say what it is. */
  readonly definition: string;
}

const wgs84Wkt =
  'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],' +
  'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],' +
  'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]';

/** The rows that every GeoPackage has (OGC 12-128r18, requirement 11). */
export const requiredSpatialRefs: readonly SpatialRef[] = [
  { name: "Undefined Cartesian SRS", id: -1, organization: "NONE", code: -1, definition: "undefined" },
  { name: "Undefined geographic SRS", id: 0, organization: "NONE", code: 0, definition: "undefined" },
  { name: "WGS 84", id: 4326, organization: "EPSG", code: 4326, definition: wgs84Wkt },
];

/**
 * The row of a layer's CRS; -1 when there is none.
 *
 * @throws GlofError `unsupported-feature` for a CRS without an EPSG code
 */
export function spatialRefOf(crs: Crs | undefined): SpatialRef {
  if (crs === undefined) return requiredSpatialRefs[0]!;
  const { epsg } = crs;
  if (epsg === undefined) {
    throw new GlofError(
      "unsupported-feature",
      `writeGeoPackage: expected a CRS with an EPSG code, got ${crs.name}. Reproject to a UTM zone first.`,
      { crs },
    );
  }
  const definition = epsg === 4326 ? wgs84Wkt : utmWkt(epsg);
  return { name: crs.name, id: epsg, organization: "EPSG", code: epsg, definition };
}

/** Text of a WGS 84 / UTM zone. Other CRSs are found by their EPSG code, which GDAL and QGIS look up first. */
function utmWkt(epsg: number): string {
  const zone = epsg % 100;
  const isSouth = epsg > 32_700;
  if (!((epsg > 32_600 && epsg <= 32_660) || (epsg > 32_700 && epsg <= 32_760))) return "undefined";
  const parameters = [
    ["latitude_of_origin", 0],
    ["central_meridian", 6 * zone - 183],
    ["scale_factor", 0.9996],
    ["false_easting", 500_000],
    ["false_northing", isSouth ? 10_000_000 : 0],
  ] as const;
  const list = parameters.map(([name, value]) => `PARAMETER["${name}",${value}]`).join(",");
  return (
    `PROJCS["${knownCrs(epsg)!.name}",${wgs84Wkt},PROJECTION["Transverse_Mercator"],${list},` +
    'UNIT["metre",1,AUTHORITY["EPSG","9001"]],AXIS["Easting",EAST],AXIS["Northing",NORTH],' +
    `AUTHORITY["EPSG","${epsg}"]]`
  );
}
