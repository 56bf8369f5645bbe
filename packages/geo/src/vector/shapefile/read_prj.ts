import { epsgOrUnknown } from "../../crs/epsg_or_unknown.js";
import type { Crs } from "../../types.js";

/** EPSG codes of the names that Esri's text gives the CRSs this package knows. */
const esriNames: Readonly<Record<string, number>> = {
  gcswgs1984: 4326,
  wgs84: 4326,
  gcsetrs1989: 4258,
  etrs89: 4258,
  gcsnorthamerican1983: 4269,
  nad83: 4269,
  wgs1984webmercatorauxiliarysphere: 3857,
  wgs84pseudomercator: 3857,
  wgs1984nsidcseaicepolarstereographicnorth: 3413,
  nsidcseaicepolarstereographicnorth: 3413,
  wgs1984antarcticpolarstereographic: 3031,
  antarcticpolarstereographic: 3031,
  wgs1984arcticpolarstereographic: 3995,
  wgs1984nsidcseaicepolarstereographicsouth: 3976,
  wgs1984upsnorth: 32661,
  wgs1984upssouth: 32761,
  etrs1989laea: 3035,
  isn1993lambert1993: 3057,
  isn2004lambert2004: 5325,
  isn2016lambert2016: 8088,
  "ch1903+lv95": 2056,
  ch1903lv03: 21781,
  rgf1993lambert93: 2154,
  rgf93lambert93: 2154,
  nad1983bcenvironmentalbers: 3005,
  nad83bcalbers: 3005,
  nad1983alaskaalbers: 3338,
  nad83alaskaalbers: 3338,
  nad1983contiguoususaalbers: 5070,
  nad83conusalbers: 5070,
  nad1983canadaatlaslambert: 3978,
  nad83canadaatlaslambert: 3978,
  wgs1984nsidceasegrid20global: 6933,
};

/** Families of UTM zones by the beginnings of their names. */
const utmFamilies: readonly (readonly [pattern: RegExp, north: number, south: number | undefined])[] = [
  [/^wgs(?:19)?84utmzone(\d+)([ns])$/, 32600, 32700],
  [/^etrs(?:19)?89utmzone(\d+)(n)$/, 25800, undefined],
  [/^nad(?:19)?83utmzone(\d+)(n)$/, 26900, undefined],
];

/**
 * The CRS of a `.prj` file: by the EPSG code it names, or by its name where this package knows that. Others come back by
 * name only; `projector` refuses them.
 *
 * @param text well-known text 1, as Esri or OGC have it
 */
export function parsePrj(text: string): Crs | undefined {
  const name = /^\s*(PROJCS|GEOGCS|PROJCRS|GEOGCRS|GEODCRS)\s*\[\s*"([^"]*)"/i.exec(text);
  if (name === null) return undefined;
  const geographic = /^GEO/i.test(name[1]!);
  const title = name[2]!;
  // The code of the whole is the last one in the text, just before it closes.
  const code =
    /(?:AUTHORITY|ID)\s*\[\s*"EPSG"\s*,\s*"?(\d+)"?\s*\]\s*\]\s*$/i.exec(text)?.[1] ?? codeOfName(title);
  if (code !== undefined) return epsgOrUnknown(Number(code), { name: title, geographic });
  return { epsg: undefined, geographic, proj4: "", name: title };
}

function codeOfName(title: string): number | undefined {
  const plain = title.toLowerCase().replace(/[^a-z0-9+]/g, "");
  for (const [pattern, north, south] of utmFamilies) {
    const zone = pattern.exec(plain);
    const base = zone?.[2] === "s" ? south : north;
    if (zone !== null && base !== undefined) return base + Number(zone[1]);
  }
  return esriNames[plain];
}
