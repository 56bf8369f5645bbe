import { GlofError } from "@glof/core";
import { crsFromEpsg, type RasterGrid } from "@glof/geo";
import type { SunAngles } from "../types.js";
import { attributeOf, findAll, findFirst, numberOf, parseXml, textOf, type XmlElement } from "./xml.js";

/** What `MTD_TL.xml` of a granule says. */
export interface TileMetadata {
  /** Military grid tile without the T: `45RVL`. */
  readonly tile: string | undefined;
  readonly epsg: number;
  /** Time at which the tile was seen, ISO 8601; later than the start of the datatake. */
  readonly sensedAt: string | undefined;
  /** Grid of the tile by pixel size in metres: 10, 20, 60. */
  readonly grids: ReadonlyMap<number, RasterGrid>;
  readonly sun: SunAngles | undefined;
}

/** Angle grids have 23 x 23 points; this refuses what only pretends to be one. */
const mostAngles = 10_000;

/**
 * Reads the metadata of a granule (Sentinel-2 Products Specification Document, tile metadata): where it lies, and where
 * the sun stood.
 *
 * @throws GlofError `corrupt-file` for another file or one without geocoding; as `parseXml`
 */
export function parseTileMetadata(xml: string, where: string): TileMetadata {
  const root = parseXml(xml, where);
  const code = textOf(findFirst(root, "HORIZONTAL_CS_CODE"));
  const epsg = Number(/^EPSG:(\d+)$/i.exec(code ?? "")?.[1]);
  if (!Number.isSafeInteger(epsg)) {
    throw new GlofError(
      "corrupt-file",
      `${where}: expected a HORIZONTAL_CS_CODE such as EPSG:32645, got ${code ?? "none"}. Download the product again.`,
    );
  }
  const id = textOf(findFirst(root, "TILE_ID", "TILE_ID_2A", "L1C_TILE_ID"));
  return {
    tile: /_T(\d{2}[A-Z]{3})(?:_|$)/.exec(id ?? "")?.[1],
    epsg,
    sensedAt: textOf(findFirst(root, "SENSING_TIME")),
    grids: tileGrids(root, epsg),
    sun: sunAngles(root),
  };
}

function tileGrids(root: XmlElement, epsg: number): Map<number, RasterGrid> {
  const crs = crsFromEpsg(epsg);
  const sizes = new Map(
    findAll(root, "Size").map((size) => [attributeOf(size, "resolution"), size] as const),
  );
  const grids = new Map<number, RasterGrid>();
  for (const place of findAll(root, "Geoposition")) {
    const resolution = attributeOf(place, "resolution");
    const size = sizes.get(resolution);
    if (resolution === undefined || size === undefined) continue;
    const value = (from: XmlElement, name: string): number => numberOf(findFirst(from, name)) ?? Number.NaN;
    const [width, height] = [value(size, "NCOLS"), value(size, "NROWS")];
    const [x, y] = [value(place, "ULX"), value(place, "ULY")];
    const [stepX, stepY] = [value(place, "XDIM"), value(place, "YDIM")];
    if (![width, height, x, y, stepX, stepY].every(Number.isFinite)) continue;
    grids.set(Number(resolution), { crs, width, height, geoTransform: [x, stepX, 0, y, 0, stepY] });
  }
  return grids;
}

function sunAngles(root: XmlElement): SunAngles | undefined {
  const mean = findFirst(root, "Mean_Sun_Angle");
  if (mean === undefined) return undefined;
  const meanZenithDeg = numberOf(findFirst(mean, "ZENITH_ANGLE"));
  const meanAzimuthDeg = numberOf(findFirst(mean, "AZIMUTH_ANGLE"));
  if (meanZenithDeg === undefined || meanAzimuthDeg === undefined) return undefined;
  const grid = angleGrid(findFirst(root, "Sun_Angles_Grid"));
  return { meanZenithDeg, meanAzimuthDeg, ...(grid && { grid }) };
}

function angleGrid(element: XmlElement | undefined): SunAngles["grid"] {
  const zenith = element && findFirst(element, "Zenith");
  const azimuth = element && findFirst(element, "Azimuth");
  if (zenith === undefined || azimuth === undefined) return undefined;
  const [up, around] = [angleRows(zenith), angleRows(azimuth)];
  const rows = up.length;
  const cols = up[0]?.length ?? 0;
  const fits = [...up, ...around].every((row) => row.length === cols) && around.length === rows;
  if (!fits || cols === 0 || rows * cols > mostAngles) return undefined;
  const step = (name: string): number => numberOf(findFirst(zenith, name)) ?? Number.NaN;
  return {
    rows,
    cols,
    stepM: [step("ROW_STEP"), step("COL_STEP")],
    zenithDeg: Float32Array.from(up.flat()),
    azimuthDeg: Float32Array.from(around.flat()),
  };
}

/** `NaN` in the file is NaN here. */
const angleRows = (element: XmlElement): number[][] =>
  findAll(element, "VALUES").map((row) => (textOf(row) ?? "").split(/\s+/).map(Number));
