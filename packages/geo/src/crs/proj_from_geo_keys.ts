import {
  ellipsoids,
  linearUnits,
  otherOrigins,
  type ProjectionMethod,
  projectionMethods,
  userDefined,
} from "./projection_methods.js";

type Keys = Readonly<Record<string, unknown>>;

/** Names by which the tag reader gives the keys that are numbers. */
const names: Readonly<Record<number, string>> = {
  3080: "ProjNatOriginLongGeoKey",
  3081: "ProjNatOriginLatGeoKey",
  3082: "ProjFalseEastingGeoKey",
  3083: "ProjFalseNorthingGeoKey",
  3084: "ProjFalseOriginLongGeoKey",
  3085: "ProjFalseOriginLatGeoKey",
  3086: "ProjFalseOriginEastingGeoKey",
  3087: "ProjFalseOriginNorthingGeoKey",
  3088: "ProjCenterLongGeoKey",
  3089: "ProjCenterLatGeoKey",
  3090: "ProjCenterEastingGeoKey",
  3091: "ProjCenterNorthingGeoKey",
  3095: "ProjStraightVertPoleLongGeoKey",
};

/**
 * The proj string of a CRS that a GeoTIFF describes by parameters (OGC 19-008r4, 7.5.3 and 7.5.4), where its projection
 * and ellipsoid are among those of `projection_methods`; `undefined` elsewhere.
 */
export function projFromGeoKeys(keys: Keys, isGeographic: boolean): string | undefined {
  const datum = datumPart(keys);
  if (datum === undefined) return undefined;
  if (isGeographic) return `+proj=longlat ${datum} +no_defs`;
  const unit = linearUnit(keys);
  const projection = unit === undefined ? undefined : projectionPart(keys, unit.metres);
  if (unit === undefined || projection === undefined) return undefined;
  return `${projection} ${datum} ${unit.text} +no_defs`;
}

function projectionPart(keys: Keys, metres: number): string | undefined {
  const utm = number(keys.ProjectionGeoKey);
  if (utm !== undefined && utm > 16_000 && utm <= 16_160 && utm % 100 >= 1 && utm % 100 <= 60) {
    return `+proj=utm +zone=${utm % 100}${utm > 16_100 ? " +south" : ""}`;
  }
  const code = number(keys.ProjCoordTransGeoKey);
  const method = projectionMethods.find((candidate) => candidate.code === code);
  if (method === undefined) return undefined;
  const degrees = degreesPerUnit(keys);
  const find = (part: "lat" | "lon" | "x" | "y"): number =>
    [method.origin, ...otherOrigins]
      .map((origin) => number(keys[names[origin[part]]!]))
      .find((value) => value !== undefined) ?? 0;
  const [lat, lon] = [find("lat") * degrees, find("lon") * degrees];
  const text: Record<string, number> = { ...originOf(method, lat), lon_0: lon };
  const parallels = [number(keys.ProjStdParallel1GeoKey), number(keys.ProjStdParallel2GeoKey)];
  method.parallels.forEach((name, index) => {
    const value = parallels[index];
    if (value !== undefined) text[name] = value * degrees;
  });
  const scale = number(keys.ProjScaleAtNatOriginGeoKey) ?? number(keys.ProjScaleAtCenterGeoKey);
  if (method.hasScale && text.lat_ts === undefined) text[code === 9 ? "k_0" : "k"] = scale ?? 1;
  const all = { ...text, x_0: find("x") * metres, y_0: find("y") * metres };
  return [`+proj=${method.proj}`, ...Object.entries(all).map(([name, value]) => `+${name}=${value}`)].join(
    " ",
  );
}

/** The latitude of the origin in PROJ's words: of a polar projection it is the pole, or the parallel of true scale. */
function originOf({ code, parallels }: ProjectionMethod, lat: number): Record<string, number> {
  if (code === 9) return { lat_1: lat, lat_0: lat };
  if (code === 15 && Math.abs(lat) !== 90) return { lat_0: lat < 0 ? -90 : 90, lat_ts: lat };
  // Cylinders round the equator; only the plain one has an origin elsewhere.
  if (code === 24 || (parallels[0] === "lat_ts" && code !== 17)) return {};
  return { lat_0: lat };
}

/** Codes of datums and geographic CRSs whose relation to WGS 84 is plain. */
const datums: Readonly<Record<number, string>> = {
  4326: "+datum=WGS84",
  6326: "+datum=WGS84",
  4269: "+datum=NAD83",
  6269: "+datum=NAD83",
  4258: "+ellps=GRS80 +towgs84=0,0,0,0,0,0,0",
  6258: "+ellps=GRS80 +towgs84=0,0,0,0,0,0,0",
};

function datumPart(keys: Keys): string | undefined {
  const known = [keys.GeographicTypeGeoKey, keys.GeogGeodeticDatumGeoKey]
    .map((code) => datums[number(code) ?? 0])
    .find((text) => text !== undefined);
  if (known !== undefined) return known;
  const ellipsoid = ellipsoidPart(keys);
  if (ellipsoid === undefined) return undefined;
  const shift = Array.from((keys.GeogTOWGS84GeoKey ?? []) as ArrayLike<number>);
  const padded = shift.length === 3 ? [...shift, 0, 0, 0, 0] : shift;
  const meridian = number(keys.GeogPrimeMeridianLongGeoKey) ?? 0;
  const towgs84 = padded.length === 7 ? ` +towgs84=${padded.join()}` : "";
  return `${ellipsoid}${towgs84}${meridian === 0 ? "" : ` +pm=${meridian * degreesPerUnit(keys)}`}`;
}

function ellipsoidPart(keys: Keys): string | undefined {
  const code = number(keys.GeogEllipsoidGeoKey);
  const [a, b, rf] = ["SemiMajorAxis", "SemiMinorAxis", "InvFlattening"].map((name) =>
    number(keys[`Geog${name}GeoKey`]),
  );
  const known = ellipsoids.find(
    (row) => row[0] === code || (row[2] === a && rf !== undefined && Math.abs(row[3] - rf) < 1e-9),
  );
  if (known !== undefined) return `+ellps=${known[1]}`;
  if (a === undefined) return undefined;
  if (rf !== undefined && rf !== 0) return `+a=${a} +rf=${rf}`;
  return `+a=${a} +b=${b ?? a}`;
}

function linearUnit(keys: Keys): { readonly metres: number; readonly text: string } | undefined {
  const code = number(keys.ProjLinearUnitsGeoKey) ?? 9001;
  const known = linearUnits.find((row) => row[0] === code);
  if (known !== undefined) return { metres: known[2], text: `+units=${known[1]}` };
  const size = number(keys.ProjLinearUnitSizeGeoKey);
  return code === userDefined && size !== undefined && size > 0
    ? { metres: size, text: `+to_meter=${size}` }
    : undefined;
}

/** Degrees in one angular unit: degree (9102) unless the file says radian, grad or a size in radians. */
function degreesPerUnit(keys: Keys): number {
  const code = number(keys.GeogAngularUnitsGeoKey) ?? 9102;
  const size = number(keys.GeogAngularUnitSizeGeoKey);
  if (code === 9101) return 180 / Math.PI;
  if (code === 9105 || code === 9106) return 0.9;
  return code === userDefined && size !== undefined ? (size * 180) / Math.PI : 1;
}

const number = (value: unknown): number | undefined => {
  const single = typeof value === "object" && value !== null && "0" in value ? value[0] : value;
  return typeof single === "number" && Number.isFinite(single) ? single : undefined;
};
