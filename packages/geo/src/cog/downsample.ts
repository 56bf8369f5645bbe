import { createRasterArray, isFloatDtype } from "../raster/array_types.js";
import type { RasterArray, RasterDtype } from "../types.js";
import type { OverviewMethod } from "./cog_options.js";

/**
 * Halves a picture: each 2 x 2 pixels become one. An odd last row or column counts alone, so sizes round up.
 *
 * - `average` leaves out no-data and NaN; integers round half up, and step aside where the mean falls on the no-data value
 * - `mode` takes the commonest value that is not no-data; on a tie the first to reach its count in reading order, as GDAL
 * - `nearest` takes the upper left pixel
 *
 * @param pixels `height` rows of `width`
 */
export function downsample(
  pixels: RasterArray,
  width: number,
  height: number,
  dtype: RasterDtype,
  method: OverviewMethod,
  nodata: number | undefined,
): RasterArray {
  const outWidth = Math.ceil(width / 2);
  const outHeight = Math.ceil(height / 2);
  const out = createRasterArray(dtype, outWidth * outHeight);
  if (method === "nearest") {
    for (let row = 0, at = 0; row < outHeight; row++) {
      const start = 2 * row * width;
      for (let col = 0; col < width; col += 2) out[at++] = pixels[start + col]!;
    }
    return out;
  }
  const reduce = method === "mode" ? modeOf(nodata) : meanOf(dtype, nodata);
  if (method === "average" && out instanceof Float32Array && Number.isNaN(nodata ?? Number.NaN)) {
    averageFloats(pixels as Float32Array, width, height, out, reduce);
    return out;
  }
  for (let row = 0, at = 0; row < outHeight; row++) {
    const top = 2 * row * width;
    const bottom = 2 * row + 1 < height ? top + width : top;
    for (let col = 0; col < width; col += 2) {
      const right = col + 1 < width ? col + 1 : col;
      const a = pixels[top + col]!;
      const b = pixels[top + right]!;
      const c = pixels[bottom + col]!;
      const d = pixels[bottom + right]!;
      // Doubled edge pixels weigh the same in mean and mode, so an odd edge needs no case of its own. Four equal pixels
      // are the common case in masks and probabilities.
      out[at++] = a === b && a === c && a === d ? a : reduce(a, b, c, d);
    }
  }
  return out;
}

/** The mean of floats without a no-data number, as maps are written: where the sum of four is a number, all of them are. */
function averageFloats(
  pixels: Float32Array,
  width: number,
  height: number,
  out: Float32Array,
  reduce: Reduce,
): void {
  const pairs = width >> 1;
  for (let row = 0, at = 0; 2 * row < height; row++) {
    let top = 2 * row * width;
    let bottom = 2 * row + 1 < height ? top + width : top;
    for (const end = at + pairs; at < end; at++, top += 2, bottom += 2) {
      const a = pixels[top]!;
      const b = pixels[top + 1]!;
      const c = pixels[bottom]!;
      const d = pixels[bottom + 1]!;
      const sum = a + b + c + d;
      out[at] = Number.isNaN(sum) ? reduce(a, b, c, d) : sum / 4;
    }
    if (width % 2 === 0) continue;
    const [a, c] = [pixels[top]!, pixels[bottom]!];
    out[at++] = reduce(a, a, c, c);
  }
}

type Reduce = (a: number, b: number, c: number, d: number) => number;

function meanOf(dtype: RasterDtype, nodata: number | undefined): Reduce {
  const isFloat = isFloatDtype(dtype);
  const ifNone = nodata ?? Number.NaN;
  return (a, b, c, d) => {
    const exact = meanOfValid(a, b, c, d, nodata);
    if (Number.isNaN(exact)) return ifNone;
    if (isFloat) return exact;
    const mean = Math.floor(exact + 0.5);
    return mean === nodata ? mean + (exact < mean ? -1 : 1) : mean;
  };
}

/** NaN where none is valid. Written out, without an array or a function for each number: this runs over every pixel of a map. */
function meanOfValid(a: number, b: number, c: number, d: number, nodata: number | undefined): number {
  let [sum, count] = [0, 0];
  if (!Number.isNaN(a) && a !== nodata) {
    sum += a;
    count++;
  }
  if (!Number.isNaN(b) && b !== nodata) {
    sum += b;
    count++;
  }
  if (!Number.isNaN(c) && c !== nodata) {
    sum += c;
    count++;
  }
  if (!Number.isNaN(d) && d !== nodata) {
    sum += d;
    count++;
  }
  return sum / count;
}

function modeOf(nodata: number | undefined): Reduce {
  const isValid = (value: number): boolean => !Number.isNaN(value) && value !== nodata;
  return (a, b, c, d) => {
    const values = [a, b, c, d].filter(isValid);
    let best = nodata ?? a;
    let bestCount = 0;
    for (let last = 0; last < values.length; last++) {
      const value = values[last]!;
      let count = 0;
      for (let index = 0; index <= last; index++) if (values[index] === value) count++;
      if (count > bestCount) [best, bestCount] = [value, count];
    }
    return best;
  };
}
