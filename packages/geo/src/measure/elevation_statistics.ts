import { GlofError, throwIfAborted } from "@glof/core";
import { projector, reprojectPolygons } from "../crs/projector.js";
import { mapToPixel, windowGrid } from "../grid.js";
import type { Crs, MultiPolygon, PixelWindow, RasterGrid, RasterSource } from "../types.js";
import { rasterizePolygons } from "../vector/rasterize_polygons.js";

/** Options of `elevationStatistics`. */
export interface ElevationOptions {
  /** CRS of the shape; by default that of the raster. */
  readonly crs?: Crs;
  /** 0-based, default 0. */
  readonly band?: number;
  readonly signal?: AbortSignal;
}

/** Heights (or any values) of the pixels of a shape, in the unit of the band. */
export interface ElevationStatistics {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Of an even count, the mean of the two in the middle. */
  readonly median: number;
  /** Standard deviation of the population. */
  readonly sigma: number;
  /** Valid pixels that were used. */
  readonly pixelCount: number;
  /** Share of the shape's pixels on the raster that are valid, above 0 to 1. */
  readonly validFraction: number;
  /** Pixels were chosen by their centres; of shapes that hold no centre, those they touch. */
  readonly rule: "center" | "all-touched";
}

/** Pixels that are read at once. */
const pixelsPerRead = 2 ** 22;

/**
 * Statistics of a raster, such as a DEM, within a shape: the window round it is read strip by strip, and the pixels are
 * those that `rasterizePolygons` gives it. No-data and NaN are left out; scale and offset of the band are applied.
 *
 * @returns `undefined` when no valid pixel lies inside
 * @throws GlofError `missing-crs` when `crs` is given and the raster has none; `bad-argument` for a band that is not there;
 *   `aborted`; what the raster's `readWindow` throws
 */
export async function elevationStatistics(
  polygons: MultiPolygon,
  raster: RasterSource,
  options: ElevationOptions = {},
): Promise<ElevationStatistics | undefined> {
  const shape = inRasterCrs(polygons, raster, options.crs);
  for (const rule of ["center", "all-touched"] as const) {
    const { values, total } = await valuesInside(shape, raster, rule, options);
    if (total > 0 || rule === "all-touched") return summarize(values, total, rule);
  }
  return undefined;
}

function inRasterCrs(
  polygons: MultiPolygon,
  { grid, name }: RasterSource,
  crs: Crs | undefined,
): MultiPolygon {
  if (crs === undefined) return polygons;
  if (grid.crs === undefined) {
    throw new GlofError(
      "missing-crs",
      `elevationStatistics: expected ${name} to name its CRS, got none. Georeference it, or leave crs out.`,
      { name },
    );
  }
  return reprojectPolygons(polygons, projector(crs, grid.crs));
}

async function valuesInside(
  shape: MultiPolygon,
  raster: RasterSource,
  rule: "center" | "all-touched",
  { band = 0, signal }: ElevationOptions,
): Promise<{ values: Float64Array; total: number }> {
  const facts = raster.bands[band];
  if (facts === undefined) {
    throw new GlofError(
      "bad-argument",
      `elevationStatistics: expected a band from 0 to ${raster.bands.length - 1}, got ${band}. Count from 0.`,
    );
  }
  const box = pixelBox(shape, raster.grid);
  const parts: number[][] = [];
  let total = 0;
  const rows = Math.max(1, Math.floor(pixelsPerRead / Math.max(1, box.width)));
  for (let y = box.y; y < box.y + box.height; y += rows) {
    throwIfAborted(signal, "elevationStatistics");
    const window = { ...box, y, height: Math.min(rows, box.y + box.height - y) };
    const mask = rasterizePolygons([{ geometry: shape }], windowGrid(raster.grid, window), { rule });
    const [pixels] = await raster.readWindow(window, {
      bands: [band],
      ...(signal === undefined ? {} : { signal }),
    });
    const found: number[] = [];
    for (let index = mask.indexOf(1); index !== -1; index = mask.indexOf(1, index + 1)) {
      total++;
      const raw = pixels![index]!;
      if (Number.isNaN(raw) || raw === facts.nodata) continue;
      found.push(raw * facts.scale + facts.offset);
    }
    parts.push(found);
  }
  return { values: Float64Array.from(parts.flat()), total };
}

/** The pixels round a shape that lie on the raster. */
function pixelBox(shape: MultiPolygon, grid: RasterGrid): PixelWindow {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of shape.flat(2)) {
    const [col, row] = mapToPixel(grid.geoTransform, x, y);
    [left, right] = [Math.min(left, Math.floor(col)), Math.max(right, Math.ceil(col))];
    [top, bottom] = [Math.min(top, Math.floor(row)), Math.max(bottom, Math.ceil(row))];
  }
  const [x, y] = [Math.max(0, left), Math.max(0, top)];
  const width = Math.max(0, Math.min(grid.width, right) - x);
  const height = Math.max(0, Math.min(grid.height, bottom) - y);
  return { x, y, width, height: width === 0 ? 0 : height };
}

function summarize(
  values: Float64Array,
  total: number,
  rule: "center" | "all-touched",
): ElevationStatistics | undefined {
  if (values.length === 0) return undefined;
  values.sort();
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const half = values.length >> 1;
  return {
    min: values[0]!,
    max: values[values.length - 1]!,
    mean,
    median: values.length % 2 === 1 ? values[half]! : (values[half - 1]! + values[half]!) / 2,
    sigma: Math.sqrt(squares / values.length),
    pixelCount: values.length,
    validFraction: values.length / total,
    rule,
  };
}
