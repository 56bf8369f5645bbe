import { GlofError, throwIfAborted } from "@glof/core";
import { createRasterArray, dtypeRange, isFloatDtype } from "../raster/array_types.js";
import { checkWindow } from "../raster/window_reader.js";
import type { PixelWindow, RasterArray, RasterBand, RasterGrid, RasterSource } from "../types.js";
import type { WarpResampling } from "./kernels.js";
import { createPixelMap } from "./pixel_map.js";
import { resolveSampling, type Sampling, samplePart } from "./sample_window.js";

/** Options of `warpedRaster` and `warpRaster`. */
export interface WarpOptions {
  /**
   * `"nearest"` for classes and masks; `"bilinear"` (default) and `"cubic"` for measurements, their kernels stretched
   * where the output is coarser; `"average"` for much coarser outputs.
   */
  readonly resampling?: WarpResampling;
  /** Value of output pixels without a valid source pixel. Default: the band's own no-data, else NaN for floats and 0. */
  readonly nodata?: number;
  /**
   * Largest error of a position in source pixels. Default 0.125: positions are interpolated between points that were
   * projected; 0 projects every pixel.
   */
  readonly maxErrorPx?: number;
}

/** Output pixels worked on at one time, along each side. */
const partSide = 256;
/** Source pixels of one band read for a part; parts that would need more are cut smaller. */
const maxSourcePixels = 2 ** 24;

/**
 * A raster seen on another grid: pixels are resampled when a window is read, so it can stand wherever a raster does. Memory
 * holds the window and the piece of the source under 256 x 256 of its pixels (smaller where the source is much finer).
 * Pixels that are no-data, NaN, or 0 in the source's mask take no part. Values of an integer type are rounded to the
 * nearest and kept in range, and step aside from the no-data value.
 *
 * `close` closes the source. A source without a no-data value gets a `mask`, so that what lies outside it can be told.
 *
 * @param source read at full resolution; give one of its `overviews` for a coarse picture
 * @throws GlofError `bad-argument`; `missing-crs`, `unsupported-feature`, `bad-geotransform` when the grids cannot be
 *   brought together
 */
export function warpedRaster(
  source: RasterSource,
  grid: RasterGrid,
  options: WarpOptions = {},
): RasterSource {
  const { bands, read } = createWarp(source, grid, options);
  const blockSize = [Math.min(partSide, grid.height), Math.min(partSide, grid.width)] as const;
  const close = (): Promise<void> => source.close();
  const common = { name: source.name, grid, blockSize, overviews: [], close };
  return {
    ...common,
    bands,
    async readWindow(window, { bands: asked, signal } = {}) {
      return (await read(window, asked, signal)).pixels;
    },
    // A band with a no-data value needs no mask: what is not valid holds that value.
    ...(bands.some(({ nodata }) => nodata === undefined) && {
      mask: {
        ...common,
        bands: [{ name: "mask", dtype: "uint8", nodata: undefined, scale: 1, offset: 0 }],
        async readWindow(window, { signal } = {}) {
          const { valid } = await read(window, undefined, signal);
          return [valid[0]!.map((_, pixel) => (valid.some((band) => band[pixel] === 1) ? 255 : 0))];
        },
      },
    }),
  };
}

/** A warp that also says which pixels got a value. */
export interface Warp {
  readonly bands: readonly RasterBand[];
  /** Pixels of the asked bands (all by default), and 1 in `valid` where each has a value. */
  read(
    window: PixelWindow,
    asked: readonly number[] | undefined,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly pixels: RasterArray[]; readonly valid: Uint8Array[] }>;
}

/** What `warpedRaster` does, for those that need to know which pixels are valid. Throws as it does. */
export function createWarp(source: RasterSource, grid: RasterGrid, options: WarpOptions): Warp {
  checkOptions(grid, options);
  const map = createPixelMap(grid, source.grid, options.maxErrorPx ?? 0.125);
  const sampling = resolveSampling(options.resampling ?? "bilinear", map, grid);
  const bands = source.bands.map((band): RasterBand => {
    const nodata = options.nodata ?? band.nodata ?? (isFloatDtype(band.dtype) ? Number.NaN : undefined);
    if (nodata !== undefined && !canHold(band, nodata)) {
      throw misuse(`a nodata value that ${band.dtype} can hold`, `${nodata}`);
    }
    return { ...band, nodata };
  });
  return {
    bands,
    async read(window, asked, signal) {
      checkWindow(window, grid, source.name);
      const wanted = asked ?? bands.map((_, index) => index);
      const size = window.width * window.height;
      const pixels = wanted.map((band) => {
        const facts = bands[band];
        if (facts === undefined) throw misuse(`bands 0 to ${bands.length - 1}`, `${band}`);
        return createRasterArray(facts.dtype, size).fill(facts.nodata ?? 0);
      });
      const valid = wanted.map(() => new Uint8Array(size));
      const job: WarpJob = { source, sampling, bands, wanted, window, pixels, valid, signal };
      for (const part of partsOf(window)) await warpPart(job, part);
      return { pixels, valid };
    },
  };
}

function checkOptions(grid: RasterGrid, { maxErrorPx = 0 }: WarpOptions): void {
  const { width, height } = grid;
  if (!(Number.isInteger(width) && Number.isInteger(height) && width >= 1 && height >= 1)) {
    throw misuse("a grid of at least 1 x 1 pixels", `${width} x ${height}`);
  }
  if (!(maxErrorPx >= 0)) throw misuse("a maxErrorPx of 0 or more", `${maxErrorPx}`);
}

function canHold({ dtype }: RasterBand, value: number): boolean {
  if (isFloatDtype(dtype)) return true;
  const [lowest, highest] = dtypeRange(dtype);
  return Number.isInteger(value) && value >= lowest && value <= highest;
}

const misuse = (expected: string, got: string): GlofError =>
  new GlofError("bad-argument", `warpedRaster: expected ${expected}, got ${got}. Correct the call.`);

/** What a part of a window needs to know. */
interface WarpJob {
  readonly source: RasterSource;
  readonly sampling: Sampling;
  readonly bands: readonly RasterBand[];
  readonly wanted: readonly number[];
  readonly window: PixelWindow;
  readonly pixels: readonly RasterArray[];
  readonly valid: readonly Uint8Array[];
  readonly signal: AbortSignal | undefined;
}

/** Squares that together make the window. */
export function partsOf(window: PixelWindow): PixelWindow[] {
  const parts: PixelWindow[] = [];
  for (let top = 0; top < window.height; top += partSide) {
    for (let left = 0; left < window.width; left += partSide) {
      parts.push({
        x: window.x + left,
        y: window.y + top,
        width: Math.min(partSide, window.width - left),
        height: Math.min(partSide, window.height - top),
      });
    }
  }
  return parts;
}

async function warpPart(job: WarpJob, part: PixelWindow): Promise<void> {
  throwIfAborted(job.signal, "warpedRaster");
  const points = job.sampling.locate(part, job.source.grid);
  const needed = points.sourceWindow;
  if (needed === undefined) return;
  if (needed.width * needed.height > maxSourcePixels && part.width * part.height > 1) {
    for (const half of halves(part)) await warpPart(job, half);
    return;
  }
  const options = { bands: job.wanted, ...(job.signal !== undefined && { signal: job.signal }) };
  const pixels = await job.source.readWindow(needed, options);
  const [mask] = (await job.source.mask?.readWindow(needed)) ?? [];
  job.wanted.forEach((band, index) => {
    const piece = { ...needed, values: validValues(pixels[index]!, job.source.bands[band]!.nodata, mask) };
    const facts = job.bands[band]!;
    samplePart(points, piece, job.sampling, part, job.window, job.pixels[index]!, job.valid[index]!, facts);
  });
}

function halves(part: PixelWindow): PixelWindow[] {
  const { x, y, width, height } = part;
  if (width >= height) {
    const left = width >> 1;
    return [
      { x, y, width: left, height },
      { x: x + left, y, width: width - left, height },
    ];
  }
  const top = height >> 1;
  return [
    { x, y, width, height: top },
    { x, y: y + top, width, height: height - top },
  ];
}

/** The pixels as numbers that hold them exactly, NaN where they are not valid. */
function validValues(
  pixels: RasterArray,
  nodata: number | undefined,
  mask: RasterArray | undefined,
): Float32Array | Float64Array {
  const isSmall = pixels instanceof Float32Array || pixels.BYTES_PER_ELEMENT <= 2;
  const values = isSmall ? Float32Array.from(pixels) : Float64Array.from(pixels);
  for (let index = 0; index < values.length; index++) {
    if (pixels[index] === nodata || mask?.[index] === 0) values[index] = Number.NaN;
  }
  return values;
}
