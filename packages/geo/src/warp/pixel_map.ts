import { GlofError, isGlofError } from "@glof/core";
import { isSameCrs } from "../crs/crs.js";
import { projector } from "../crs/projector.js";
import { mapToPixel, pixelToMap } from "../grid.js";
import type { RasterGrid } from "../types.js";

/** Where points of one grid's pixel plane fall in another's; whole numbers are pixel corners in both. */
export interface PixelMap {
  /** One point; NaN, NaN where the projections do not reach. */
  at(col: number, row: number): readonly [x: number, y: number];
  /**
   * Points `col`, `col + 1`, … of one row, into `x` and `y` from place `start` on. Between points that were computed, others
   * are interpolated as long as the middle stays within the error the map was made for.
   */
  fillRow(col: number, row: number, count: number, x: Float64Array, y: Float64Array, start: number): void;
}

/**
 * Maps pixels of `from` to pixels of `to`, through their CRSs.
 *
 * @param maxErrorPx largest error in pixels of `to` (sum along both axes) that interpolation may make at the middle of a
 *   stretch, as GDAL's approximating transformer has it; 0 computes every point
 * @throws GlofError `missing-crs` when only one grid has a CRS; `unsupported-feature` for CRSs without a projection;
 *   `bad-geotransform`
 */
export function createPixelMap(from: RasterGrid, to: RasterGrid, maxErrorPx: number): PixelMap {
  if ((from.crs === undefined) !== (to.crs === undefined)) {
    throw new GlofError(
      "missing-crs",
      `warpedRaster: expected a CRS on both grids or on none, got ${from.crs?.name ?? "none"} and ${to.crs?.name ?? "none"}. Say which CRS the raster has.`,
    );
  }
  // Checked at once and not at the first pixel.
  mapToPixel(to.geoTransform, 0, 0);
  const isSame = from.crs === undefined || to.crs === undefined || isSameCrs(from.crs, to.crs);
  const project = from.crs === undefined || to.crs === undefined ? undefined : projector(from.crs, to.crs);
  const at = (col: number, row: number): readonly [number, number] => {
    const place = pixelToMap(from.geoTransform, col, row);
    if (isSame || project === undefined) return mapToPixel(to.geoTransform, place[0], place[1]);
    try {
      const [x, y] = project(place);
      return mapToPixel(to.geoTransform, x, y);
    } catch (error) {
      if (isGlofError(error, "bad-argument")) return [Number.NaN, Number.NaN];
      throw error;
    }
  };
  // Between grids of one CRS the map is linear: interpolating is exact but for rounding, so every point is computed.
  const tolerance = isSame ? 0 : maxErrorPx;
  return { at, fillRow: (...row) => fillRow(at, tolerance, ...row) };
}

/** Stretches up to this long are computed point by point. */
const shortStretch = 5;

function fillRow(
  at: PixelMap["at"],
  tolerance: number,
  col: number,
  row: number,
  count: number,
  x: Float64Array,
  y: Float64Array,
  start: number,
): void {
  const put = (index: number, [px, py]: readonly [number, number]): void => {
    x[start + index] = px;
    y[start + index] = py;
  };
  const exact = (first: number, last: number): void => {
    for (let index = first; index <= last; index++) put(index, at(col + index, row));
  };
  if (tolerance <= 0 || count <= shortStretch) {
    exact(0, count - 1);
    return;
  }
  /** Fills what lies between two known points. */
  const refine = (first: number, last: number): void => {
    if (last - first < shortStretch) {
      exact(first + 1, last - 1);
      return;
    }
    const middle = (first + last) >> 1;
    put(middle, at(col + middle, row));
    const part = (middle - first) / (last - first);
    const between = (values: Float64Array): number =>
      values[start + first]! * (1 - part) + values[start + last]! * part;
    const error = Math.abs(between(x) - x[start + middle]!) + Math.abs(between(y) - y[start + middle]!);
    if (!(error <= tolerance)) {
      refine(first, middle);
      refine(middle, last);
      return;
    }
    interpolate(first, middle);
    interpolate(middle, last);
  };
  const interpolate = (first: number, last: number): void => {
    for (const values of [x, y]) {
      const from = values[start + first]!;
      const step = (values[start + last]! - from) / (last - first);
      for (let index = first + 1; index < last; index++)
        values[start + index] = from + (index - first) * step;
    }
  };
  exact(0, 0);
  exact(count - 1, count - 1);
  refine(0, count - 1);
}
