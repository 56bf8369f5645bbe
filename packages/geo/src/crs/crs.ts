import { GlofError } from "@glof/core";
import type { Crs } from "../types.js";
import { knownCrs } from "./known_crs.js";

/** Longitude and latitude in degrees on WGS 84 (EPSG:4326), in that order everywhere in this package. */
export const WGS84: Crs = { epsg: 4326, geographic: true, proj4: "EPSG:4326", name: "WGS 84" };

/**
 * The CRS of an EPSG code. Known without a database: WGS 84, ETRS89 and NAD83 with their UTM zones, Web Mercator, the
 * polar stereographic grids and UPS, and the national grids of glaciated countries listed in the README.
 *
 * @throws GlofError `unsupported-feature` for other codes: build the `Crs` yourself with a proj string
 */
export function crsFromEpsg(epsg: number): Crs {
  const known = knownCrs(epsg);
  if (known === undefined) {
    throw new GlofError(
      "unsupported-feature",
      `crsFromEpsg: expected an EPSG code this package knows (such as 4326 or 32645), got ${epsg}. Give a Crs with its proj string instead.`,
      { epsg },
    );
  }
  return { epsg, geographic: known.geographic, proj4: `EPSG:${epsg}`, name: known.name };
}

/** Whether two CRSs are the same as far as can be told: same EPSG code, or same proj string. */
export function isSameCrs(a: Crs, b: Crs): boolean {
  return a.epsg !== undefined && b.epsg !== undefined ? a.epsg === b.epsg : a.proj4 === b.proj4;
}

/**
 * The WGS 84 / UTM zone of a place, for measuring in metres near it. The exceptions of Norway and Svalbard are kept.
 *
 * @param longitudeDeg any; it is wrapped to [-180, 180)
 * @param latitudeDeg from -80 to 84, beyond which UTM is not defined
 * @throws GlofError `bad-argument` beyond that
 */
export function utmCrsAt(longitudeDeg: number, latitudeDeg: number): Crs {
  const { zone, south } = utmZoneOf(longitudeDeg, latitudeDeg);
  return crsFromEpsg((south ? 32700 : 32600) + zone);
}

/** A zone of UTM. The equator is northern. */
export interface UtmZone {
  /** 1 to 60. */
  readonly zone: number;
  readonly south: boolean;
}

/**
 * The UTM zone of a place, with the exceptions of Norway (32V) and Svalbard (31X, 33X, 35X, 37X).
 *
 * @param longitudeDeg any; it is wrapped to [-180, 180), so that 180 is in zone 1
 * @param latitudeDeg from -80 to 84
 * @throws GlofError `bad-argument` beyond that, where `metricCrsAt` gives UPS
 */
export function utmZoneOf(longitudeDeg: number, latitudeDeg: number): UtmZone {
  if (!(latitudeDeg >= -80 && latitudeDeg <= 84) || !Number.isFinite(longitudeDeg)) {
    throw new GlofError(
      "bad-argument",
      `utmZoneOf: expected a latitude from -80 to 84, got ${longitudeDeg}, ${latitudeDeg}. Use a polar CRS (3413, 3031) there.`,
    );
  }
  const longitude = ((((longitudeDeg + 180) % 360) + 360) % 360) - 180;
  return { zone: utmZone(longitude, latitudeDeg), south: latitudeDeg < 0 };
}

/**
 * The CRS in metres for a place anywhere: its UTM zone, and UPS beyond 84 degrees north and 80 south (EPSG 32661, 32761).
 *
 * @throws GlofError `bad-argument` for latitudes beyond 90 degrees
 */
export function metricCrsAt(longitudeDeg: number, latitudeDeg: number): Crs {
  if (latitudeDeg > 84 && latitudeDeg <= 90) return crsFromEpsg(32661);
  if (latitudeDeg < -80 && latitudeDeg >= -90) return crsFromEpsg(32761);
  return utmCrsAt(longitudeDeg, latitudeDeg);
}

function utmZone(longitude: number, latitude: number): number {
  if (latitude >= 56 && latitude < 64 && longitude >= 3 && longitude < 12) return 32;
  if (latitude >= 72 && longitude >= 0 && longitude < 42) {
    return longitude < 9 ? 31 : longitude < 21 ? 33 : longitude < 33 ? 35 : 37;
  }
  return Math.floor((longitude + 180) / 6) + 1;
}
