import { crsFromEpsg } from "../../crs/crs.js";
import { knownCrs } from "../../crs/known_crs.js";
import type { Crs, GeoTransform } from "../../types.js";
import type { Georeference } from "./jp2_types.js";

/** EPSG codes of this package's list whose registered axis order is north (or latitude) first. */
const northFirst: ReadonlySet<number> = new Set([4326, 4258, 4269, 32661, 32761, 3035]);

/**
 * The georeference of a GMLJP2 text (OGC 05-047r3; version 2: 08-085): the first `RectifiedGrid`. Its origin is a pixel's
 * centre. URN and URL names of a CRS mean the registered axis order, the older `…#4326` and `EPSG:4326` mean x first; a
 * file that names its axes easting and northing keeps that order (OGC 05-047r3, and GDAL).
 *
 * @returns `undefined` when there is no grid in it, or one that cannot be understood
 */
export function readGml(text: string): Georeference | undefined {
  const grid = /<(?:[\w.-]+:)?RectifiedGrid[\s>]/.exec(text);
  if (grid === null) return undefined;
  const part = text.slice(grid.index, grid.index + 16_384);
  const origin = numbersIn(part, /<(?:[\w.-]+:)?(?:pos|coordinates)(?:\s[^>]*)?>([^<]*)</g)[0];
  const offsets = numbersIn(part, /<(?:[\w.-]+:)?offsetVector(?:\s[^>]*)?>([^<]*)</g);
  const [across, down] = offsets;
  if (!isPair(origin) || !isPair(across) || !isPair(down)) return undefined;
  const srsName = /\ssrsName\s*=\s*["']([^"']*)["']/.exec(part)?.[1] ?? srsNameOf(text);
  const crs = crsOf(srsName);
  const isSwapped =
    isRegisteredOrder(srsName) && !isEastingFirst(part) && isNorthFirst(crs?.epsg, across, down);
  const [x, y] = isSwapped ? [1, 0] : [0, 1];
  const transform: GeoTransform = [
    origin[x]! - (across[x]! + down[x]!) / 2,
    across[x]!,
    down[x]!,
    origin[y]! - (across[y]! + down[y]!) / 2,
    across[y]!,
    down[y]!,
  ];
  return { geoTransform: transform, crs };
}

const isPair = (values: readonly number[] | undefined): values is readonly [number, number] =>
  values !== undefined && values.length >= 2 && values.every(Number.isFinite);

function numbersIn(text: string, pattern: RegExp): number[][] {
  return [...text.matchAll(pattern)].map(([, list]) =>
    list!
      .trim()
      .split(/[\s,]+/)
      .map(Number),
  );
}

/** Of the envelope in front of the grid. */
const srsNameOf = (text: string): string => /\ssrsName\s*=\s*["']([^"']*)["']/.exec(text)?.[1] ?? "";

/** `urn:ogc:def:crs:EPSG::32645`, `http://www.opengis.net/def/crs/EPSG/0/32645`, `…/epsg.xml#32645`, `EPSG:32645`. */
function epsgOf(srsName: string): number | undefined {
  const code = /epsg.*?[:/#](\d{4,6})$/i.exec(srsName.trim())?.[1];
  return code === undefined ? undefined : Number(code);
}

const isRegisteredOrder = (srsName: string): boolean =>
  /^\s*(urn:(x-)?ogc:def:crs:EPSG|https?:\/\/(www\.)?opengis\.net\/def\/crs\/EPSG)/i.test(srsName);

/** Of a CRS that is not in the list, the vectors tell: columns that run along the second axis, rows down the first. */
function isNorthFirst(
  epsg: number | undefined,
  across: readonly [number, number],
  down: readonly [number, number],
): boolean {
  if (epsg !== undefined && knownCrs(epsg) !== undefined) return northFirst.has(epsg);
  return across[0] === 0 && across[1] > 0 && down[0] < 0 && down[1] === 0;
}

const isEastingFirst = (text: string): boolean =>
  /axisName[^>]*>\s*easting\s*<[\s\S]{0,200}?axisName[^>]*>\s*northing\s*</i.test(text);

function crsOf(srsName: string): Crs | undefined {
  if (/\bCRS84$/i.test(srsName.trim())) return crsFromEpsg(4326);
  const epsg = epsgOf(srsName);
  if (epsg === undefined) return undefined;
  if (knownCrs(epsg) !== undefined) return crsFromEpsg(epsg);
  return { epsg, geographic: false, proj4: `EPSG:${epsg}`, name: `EPSG:${epsg}` };
}
