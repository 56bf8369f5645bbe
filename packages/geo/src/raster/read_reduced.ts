import { GlofError, throwIfAborted } from "@glof/core";
import type { PixelWindow, RasterArray, RasterSource } from "../types.js";
import { createRasterArray } from "./array_types.js";

/** Options of `readReduced`. */
export interface ReadReducedOptions {
  /** `"average"` (default) for measurements, `"nearest"` for classes and masks. */
  readonly resampling?: "nearest" | "average";
  /** Bands to read, 0-based; all by default. */
  readonly bands?: readonly number[];
  readonly signal?: AbortSignal;
}

/** The part of a level that an output reads: fractional pixels of the level. */
interface LevelWindow {
  readonly level: RasterSource;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Source pixels (of one band) held at one time. */
const pixelsAtOnce = 4 * 2 ** 20;

/**
 * Reads a window at another size, from the overview that fits best: the coarsest that is still at least as fine as the
 * output. Only that level is read, strip by strip. `"nearest"` passes over overviews that are mixtures (`overviewKind`).
 *
 * Alignment: output pixel (row, col) covers the rectangle from `window.x + col · window.width / cols` to
 * `window.x + (col + 1) · window.width / cols` (rows alike), with whole numbers at pixel corners; an overview covers the
 * whole raster. `"nearest"` takes the pixel that holds the rectangle's centre. `"average"` weighs each pixel by the part
 * of the rectangle it covers and leaves out no-data and NaN; integers round half up; a rectangle without a valid pixel
 * becomes no-data (NaN for floats, 0 for integers that declare none).
 *
 * @param window in pixels of `source`
 * @param size `[rows, cols]` of the output; larger than the window enlarges
 * @returns one array per asked band, of the band's own type
 * @throws GlofError `bad-argument` for a size or window that cannot be; what `readWindow` throws
 */
export async function readReduced(
  source: RasterSource,
  window: PixelWindow,
  size: readonly [rows: number, cols: number],
  options: ReadReducedOptions = {},
): Promise<RasterArray[]> {
  const [rows, cols] = size;
  checkRequest(source, window, rows, cols);
  const wanted = options.bands ?? source.bands.map((_, band) => band);
  for (const band of wanted) {
    if (source.bands[band] === undefined) {
      throw misuse(`bands 0 to ${source.bands.length - 1} of ${source.name}`, `${band}`);
    }
  }
  const isMixed = source.overviewKind === "averaged" && options.resampling === "nearest";
  const levels = isMixed ? [] : (source.overviews ?? []);
  const from = pickLevel(source, levels, window, rows, cols);
  const resample = options.resampling === "nearest" ? nearestStrip : averageStrip;
  const out = wanted.map((band) => createRasterArray(source.bands[band]!.dtype, rows * cols));
  const rowsAtOnce = Math.max(1, Math.floor((pixelsAtOnce * rows) / (from.height * from.width + 1)));
  for (let top = 0; top < rows; top += rowsAtOnce) {
    throwIfAborted(options.signal, "readReduced");
    const bottom = Math.min(top + rowsAtOnce, rows);
    const strip = coveringWindow(from, top / rows, bottom / rows);
    const pixels = await from.level.readWindow(strip, {
      bands: wanted,
      ...(options.signal !== undefined && { signal: options.signal }),
    });
    const across = footprints(from.x - strip.x, from.width / cols, 0, cols, strip.width);
    const down = footprints(from.y - strip.y, from.height / rows, top, bottom, strip.height);
    wanted.forEach((band, index) => {
      const target = out[index]!.subarray(top * cols, bottom * cols);
      resample(pixels[index]!, strip.width, down, across, target, source.bands[band]!.nodata);
    });
  }
  return out;
}

function checkRequest(source: RasterSource, window: PixelWindow, rows: number, cols: number): void {
  const { x, y, width, height } = window;
  if (!(Number.isInteger(rows) && Number.isInteger(cols) && rows >= 1 && cols >= 1)) {
    throw misuse("a size of at least 1 x 1 pixels", `${rows} x ${cols}`);
  }
  const { width: w, height: h } = source.grid;
  if (!(width > 0 && height > 0 && x >= 0 && y >= 0 && x + width <= w && y + height <= h)) {
    throw misuse(`a window inside ${w} x ${h} of ${source.name}`, `x ${x}, y ${y}, ${width} x ${height}`);
  }
}

/** The coarsest level whose pixels are no larger than the output's, along both axes. */
function pickLevel(
  source: RasterSource,
  levels: readonly RasterSource[],
  window: PixelWindow,
  rows: number,
  cols: number,
): LevelWindow {
  let best = source;
  for (const level of levels) {
    const scaleX = level.grid.width / source.grid.width;
    const scaleY = level.grid.height / source.grid.height;
    // Sizes of overviews are rounded up: half a level pixel of the whole raster is not a lack of detail.
    const isFine =
      window.width * scaleX >= cols * (1 - 0.5 / level.grid.width) &&
      window.height * scaleY >= rows * (1 - 0.5 / level.grid.height);
    if (isFine && level.grid.width < best.grid.width) best = level;
  }
  const scaleX = best.grid.width / source.grid.width;
  const scaleY = best.grid.height / source.grid.height;
  return {
    level: best,
    x: window.x * scaleX,
    y: window.y * scaleY,
    width: window.width * scaleX,
    height: window.height * scaleY,
  };
}

/** Whole pixels that hold the part of the level window between two fractions of its height. */
function coveringWindow(from: LevelWindow, start: number, end: number): PixelWindow {
  const { width, height } = from.level.grid;
  const clamp = (value: number, most: number): number => Math.min(Math.max(value, 0), most);
  const x = clamp(Math.floor(from.x), width - 1);
  const y = clamp(Math.floor(from.y + start * from.height), height - 1);
  const right = clamp(Math.ceil(from.x + from.width), width);
  const bottom = clamp(Math.ceil(from.y + end * from.height), height);
  return { x, y, width: Math.max(right - x, 1), height: Math.max(bottom - y, 1) };
}

/** For each output row or column, the source pixels it covers and how much of each. */
interface Footprint {
  readonly first: number;
  readonly weights: readonly number[];
  /** The pixel that holds the centre. */
  readonly centre: number;
}

function footprints(origin: number, step: number, from: number, to: number, length: number): Footprint[] {
  return Array.from({ length: to - from }, (_, index) => {
    const start = origin + (from + index) * step;
    const end = start + step;
    const first = Math.min(Math.max(Math.floor(start + tiny), 0), length - 1);
    const last = Math.min(Math.max(Math.ceil(end - tiny) - 1, first), length - 1);
    const weights = Array.from({ length: last - first + 1 }, (_, place) => {
      const pixel = first + place;
      return Math.max(Math.min(end, pixel + 1) - Math.max(start, pixel), tiny);
    });
    const centre = Math.min(Math.max(Math.floor((start + end) / 2), 0), length - 1);
    return { first, weights, centre };
  });
}

/** Below this, what a rectangle takes of a pixel is rounding of its corners. */
const tiny = 1e-9;

type Resample = (
  pixels: RasterArray,
  width: number,
  down: readonly Footprint[],
  across: readonly Footprint[],
  out: RasterArray,
  nodata: number | undefined,
) => void;

const nearestStrip: Resample = (pixels, width, down, across, out) => {
  let at = 0;
  for (const { centre: row } of down) {
    for (const { centre: col } of across) out[at++] = pixels[row * width + col]!;
  }
};

const averageStrip: Resample = (pixels, width, down, across, out, nodata) => {
  const isFloat = pixels instanceof Float32Array || pixels instanceof Float64Array;
  const empty = nodata ?? (isFloat ? Number.NaN : 0);
  const mean = (sum: number, weight: number): number =>
    weight === 0 ? empty : isFloat ? sum / weight : Math.floor(sum / weight + 0.5);
  const isWhole = [...down, ...across].every(({ weights }) => weights.every((weight) => weight === 1));
  if (isWhole) averageWhole(pixels, width, down, across, out, nodata, mean);
  else averageParts(pixels, width, down, across, out, nodata, mean);
};

type Average = (...args: [...Parameters<Resample>, (sum: number, weight: number) => number]) => void;

/** Of rectangles that take whole pixels, which is what previews ask for: sums without weights. */
const averageWhole: Average = (pixels, width, down, across, out, nodata, mean) => {
  const firstCol = Int32Array.from(across, ({ first }) => first);
  const endCol = Int32Array.from(across, ({ first, weights }) => first + weights.length);
  let at = 0;
  for (const { first, weights } of down) {
    const end = (first + weights.length) * width;
    for (let col = 0; col < firstCol.length; col++) {
      let [sum, count] = [0, 0];
      for (let start = first * width; start < end; start += width) {
        const stop = start + endCol[col]!;
        for (let from = start + firstCol[col]!; from < stop; from++) {
          const value = pixels[from]!;
          if (value === nodata || Number.isNaN(value)) continue;
          sum += value;
          count++;
        }
      }
      out[at++] = mean(sum, count);
    }
  }
};

const averageParts: Average = (pixels, width, down, across, out, nodata, mean) => {
  let at = 0;
  for (const rows of down) {
    for (const cols of across) {
      let [sum, weight] = [0, 0];
      for (let row = 0; row < rows.weights.length; row++) {
        const start = (rows.first + row) * width + cols.first;
        for (let col = 0; col < cols.weights.length; col++) {
          const value = pixels[start + col]!;
          if (value === nodata || Number.isNaN(value)) continue;
          const part = rows.weights[row]! * cols.weights[col]!;
          sum += part * value;
          weight += part;
        }
      }
      out[at++] = mean(sum, weight);
    }
  }
};

const misuse = (expected: string, got: string): GlofError =>
  new GlofError("bad-argument", `readReduced: expected ${expected}, got ${got}. Correct the call.`);
