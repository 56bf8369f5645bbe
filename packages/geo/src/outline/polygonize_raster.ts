import { GlofError, type OnProgress, throwIfAborted } from "@glof/core";
import { rowStrips } from "../raster/row_strips.js";
import type { PixelWindow, RasterArray, RasterSource } from "../types.js";
import type { Connectivity } from "./label_components.js";
import { beginPolygonizeLabels, type LabelOutline } from "./polygonize_labels.js";

/** Options of `polygonizeRaster`. */
export interface PolygonizeRasterOptions {
  /** Number of the band, from 0. Default 0. */
  readonly band?: number;
  /** Default 4: regions that touch only at corners are separate. */
  readonly connectivity?: Connectivity;
  /**
   * False (default): regions of pixels other than 0, whose outlines all have the value 1. True: regions of equal value.
   */
  readonly byValue?: boolean;
  /** With `byValue`: outline pixels of value 0 too. Default false. */
  readonly withZero?: boolean;
  /** Smaller regions are dropped. Default 1. */
  readonly minPixels?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}

/**
 * Outlines the connected regions of a band of a raster, strip by strip. Pixels of the band's no-data value, NaN, and those
 * that the file's mask calls invalid belong to no region. With `byValue` and `withZero` the result is that of
 * `gdal_polygonize`, which on rasters of fractions rounds to whole numbers first; here they stay as they are.
 *
 * @throws GlofError `bad-argument` for a band that is not there; what reading the raster throws; `aborted`
 */
export async function polygonizeRaster(
  raster: RasterSource,
  options: PolygonizeRasterOptions = {},
): Promise<LabelOutline[]> {
  return [...(await streamOutlines(raster, options))];
}

/**
 * `polygonizeRaster` for more outlines than memory likes to hold: until its turn comes each is kept packed, in about an
 * eighth of the memory. To be walked through once, such as by `writeVectors`.
 */
export async function streamOutlines(
  raster: RasterSource,
  options: PolygonizeRasterOptions = {},
): Promise<Iterable<LabelOutline>> {
  const { band = 0, connectivity = 4, byValue = false, withZero = false, minPixels = 1, signal } = options;
  const { grid, mask, name } = raster;
  const facts = raster.bands[band];
  if (facts === undefined) {
    throw new GlofError(
      "bad-argument",
      `polygonizeRaster: expected one of ${raster.bands.length} bands of ${name}, got number ${band}, counted from 0. Choose another.`,
      { name, band },
    );
  }
  // What belongs to no region becomes NaN where the values stay, and 0 where they do not.
  const background = byValue && withZero ? [] : [0];
  const polygonizer = beginPolygonizeLabels({ grid, connectivity, minPixels, background });
  const readStrip = async (window: PixelWindow): Promise<[RasterArray, RasterArray | undefined]> => {
    const read = { ...(signal && { signal }) };
    const [values, valid] = await Promise.all([
      raster.readWindow(window, { ...read, bands: [band] }),
      mask?.readWindow(window, read),
    ]);
    return [values[0]!, valid?.[0]];
  };
  for (const window of rowStrips(raster)) {
    throwIfAborted(signal, "polygonizeRaster");
    const [values, valid] = await readStrip(window);
    const isOutside = outsideTest(values, valid, facts.nodata);
    polygonizer.addRows(byValue ? keepValues(values, isOutside) : toMask(values, isOutside), window.height);
    options.onProgress?.({
      stage: "outlines",
      done: window.y + window.height,
      total: grid.height,
      unit: "rows",
    });
  }
  return polygonizer.outlines();
}

type PixelTest = (pixel: number) => boolean;

/** Which pixels belong to no region whatever their value; `undefined` when none does. */
function outsideTest(
  values: RasterArray,
  valid: RasterArray | undefined,
  nodata: number | undefined,
): PixelTest | undefined {
  // A no-data value of float64 is compared as the pixels hold it.
  const declared = nodata === undefined || !(values instanceof Float32Array) ? nodata : Math.fround(nodata);
  const isNodata: PixelTest | undefined =
    declared === undefined || Number.isNaN(declared) ? undefined : (pixel) => values[pixel] === declared;
  if (valid === undefined) return isNodata;
  return (pixel) => valid[pixel] === 0 || (isNodata?.(pixel) ?? false);
}

function toMask(values: RasterArray, isOutside: PixelTest | undefined): Uint8Array {
  const mask = new Uint8Array(values.length);
  for (let pixel = 0; pixel < mask.length; pixel++) {
    const value = values[pixel]!;
    if (value !== 0 && !Number.isNaN(value) && !isOutside?.(pixel)) mask[pixel] = 1;
  }
  return mask;
}

function keepValues(values: RasterArray, isOutside: PixelTest | undefined): RasterArray {
  if (isOutside === undefined) return values;
  const kept = Float64Array.from(values);
  for (let pixel = 0; pixel < kept.length; pixel++) if (isOutside(pixel)) kept[pixel] = Number.NaN;
  return kept;
}
