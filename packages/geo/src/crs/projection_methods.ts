/** A map projection as GeoTIFF keys and as PROJ name it. */
export interface ProjectionMethod {
  /** Value of `ProjCoordTransGeoKey` (OGC 19-008r4, annex C; CT codes of GeoTIFF 1.0, 6.3.3.3). */
  readonly code: number;
  readonly proj: string;
  /** Which family of keys holds origin and false origin. */
  readonly origin: OriginKeys;
  /** PROJ's names of the standard parallels, for `ProjStdParallel1GeoKey` and `ProjStdParallel2GeoKey`. */
  readonly parallels: readonly ("lat_1" | "lat_2" | "lat_ts")[];
  /** Has a scale at its origin. */
  readonly hasScale: boolean;
}

/** Keys of latitude and longitude of the origin, and of its false easting and northing. */
export interface OriginKeys {
  readonly lat: number;
  readonly lon: number;
  readonly x: number;
  readonly y: number;
}

const natural: OriginKeys = { lat: 3081, lon: 3080, x: 3082, y: 3083 };
const centre: OriginKeys = { lat: 3089, lon: 3088, x: 3082, y: 3083 };
const falseOrigin: OriginKeys = { lat: 3085, lon: 3084, x: 3086, y: 3087 };
const pole: OriginKeys = { lat: 3081, lon: 3095, x: 3082, y: 3083 };

const method = (
  code: number,
  proj: string,
  origin: OriginKeys,
  parallels: ProjectionMethod["parallels"] = [],
  hasScale = false,
): ProjectionMethod => ({ code, proj, origin, parallels, hasScale });

/** The projections that are read and written; the keys are those that GDAL 3.6 writes for each. */
export const projectionMethods: readonly ProjectionMethod[] = [
  method(1, "tmerc", natural, [], true),
  method(7, "merc", natural, ["lat_ts"], true),
  method(8, "lcc", falseOrigin, ["lat_1", "lat_2"]),
  method(9, "lcc", natural, [], true),
  method(10, "laea", centre),
  method(11, "aea", natural, ["lat_1", "lat_2"]),
  method(12, "aeqd", centre),
  method(13, "eqdc", centre, ["lat_1", "lat_2"]),
  method(14, "stere", centre, [], true),
  method(15, "stere", pole, [], true),
  method(16, "sterea", natural, [], true),
  method(17, "eqc", centre, ["lat_ts"]),
  method(24, "sinu", centre),
  method(28, "cea", natural, ["lat_ts"]),
];

/** Other keys that files hold an origin in, in the order in which GDAL asks for them. */
export const otherOrigins: readonly OriginKeys[] = [
  natural,
  falseOrigin,
  { lat: 3089, lon: 3088, x: 3090, y: 3091 },
  pole,
];

/** Ellipsoids: EPSG code, PROJ's name, half the major axis in metres, inverse flattening (EPSG registry v10). */
export const ellipsoids: readonly (readonly [code: number, name: string, a: number, rf: number])[] = [
  [7030, "WGS84", 6_378_137, 298.257223563],
  [7019, "GRS80", 6_378_137, 298.257222101],
  [7004, "bessel", 6_377_397.155, 299.1528128],
  [7022, "intl", 6_378_388, 297],
  [7024, "krass", 6_378_245, 298.3],
  [7001, "airy", 6_377_563.396, 299.3249646],
  [7043, "WGS72", 6_378_135, 298.26],
  [7036, "GRS67", 6_378_160, 298.247167427],
];

/** Linear units: EPSG code, PROJ's name, metres. */
export const linearUnits: readonly (readonly [code: number, name: string, metres: number])[] = [
  [9001, "m", 1],
  [9002, "ft", 0.3048],
  [9003, "us-ft", 1200 / 3937],
  [9036, "km", 1000],
];

/** Value of a key that means "described by other keys". */
export const userDefined = 32_767;
