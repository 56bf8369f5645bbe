import { GlofError, throwIfAborted } from "@glof/core";
import { isSameCrs } from "../crs/crs.js";
import { mapToPixel } from "../grid.js";
import { createRasterArray } from "../raster/array_types.js";
import { checkWindow } from "../raster/window_reader.js";
import type { PixelWindow, RasterArray, RasterBand, RasterGrid, RasterSource } from "../types.js";
import { createWarp, partsOf, type Warp, type WarpOptions } from "../warp/warped_raster.js";
import { bestPixels, blendPixels, type Layer } from "./rules.js";

/** How pixels that several scenes cover are chosen. */
export type MosaicRule = "first" | "last" | "least-cloud" | "mean" | "median";

/** One scene of a mosaic. */
export interface MosaicScene {
  readonly raster: RasterSource;
  /**
   * For `"least-cloud"`: how bad the scene is, smaller is better: one number for all of it (its cloud cover), or a raster
   * of one band (cloud probability), read by the nearest pixel. Pixels where the raster is no-data are not taken.
   */
  readonly score?: number | RasterSource;
}

/** Options of `mosaic`. */
export interface MosaicOptions extends WarpOptions {
  /**
   * `"first"` (default) and `"last"`: the first or last scene in the list with a valid pixel there; `"least-cloud"`: the
   * scene with the smallest score, the first of equals; `"mean"` and `"median"` of the valid pixels, band by band.
   */
  readonly rule?: MosaicRule;
}

/** Output pixels worked on at one time, along each side: memory holds that of every scene. */
const partSide = 256;

/**
 * Several rasters, each of its own CRS and grid, as one raster on `grid`; pixels are made when a window is read. A pixel of
 * a scene is valid where no band is no-data or NaN: rules that pick scenes take all bands from one. Scenes whose pixels
 * already lie on the grid are copied, others are resampled.
 *
 * `close` closes all scenes and score rasters.
 *
 * @throws GlofError `bad-argument` for an empty list or a missing score; `shape-mismatch` when scenes differ in bands or
 *   types; as `warpedRaster`
 */
export function mosaic(
  scenes: readonly MosaicScene[],
  grid: RasterGrid,
  options: MosaicOptions = {},
): RasterSource {
  const rule = options.rule ?? "first";
  checkScenes(scenes, rule);
  const layers = scenes.map(({ raster }) => onGrid(raster, grid, options));
  const scores = scenes.map(({ score }) =>
    typeof score === "object"
      ? onGrid(score, grid, { maxErrorPx: options.maxErrorPx ?? 0.125, resampling: "nearest" })
      : score,
  );
  const { bands } = layers[0]!;
  return {
    name: `mosaic of ${scenes.map(({ raster }) => raster.name).join(", ")}`,
    grid,
    bands,
    blockSize: [Math.min(partSide, grid.height), Math.min(partSide, grid.width)],
    overviews: [],
    async readWindow(window, { bands: asked, signal } = {}) {
      checkWindow(window, grid, "the mosaic");
      const wanted = asked ?? bands.map((_, index) => index);
      for (const band of wanted) {
        if (bands[band] === undefined) throw misuse(`bands 0 to ${bands.length - 1}`, `${band}`);
      }
      const size = window.width * window.height;
      const out = wanted.map((band) =>
        createRasterArray(bands[band]!.dtype, size).fill(bands[band]!.nodata ?? 0),
      );
      for (const part of partsOf(window)) {
        throwIfAborted(signal, "mosaic");
        const read = { layers, scores, bands, wanted, rule, signal };
        copyPart(await mosaicPart(read, part), part, out, window);
      }
      return out;
    },
    async close() {
      for (const { raster, score } of scenes) {
        await raster.close();
        if (typeof score === "object") await score.close();
      }
    },
  };
}

function checkScenes(scenes: readonly MosaicScene[], rule: MosaicRule): void {
  const first = scenes[0];
  if (first === undefined) throw misuse("at least one scene", "none");
  for (const { raster, score } of scenes) {
    const types = (source: RasterSource): string => source.bands.map(({ dtype }) => dtype).join();
    if (types(raster) !== types(first.raster)) {
      throw new GlofError(
        "shape-mismatch",
        `mosaic: expected the bands of ${first.raster.name} (${types(first.raster)}), got ${types(raster)} in ${raster.name}. Give rasters of one kind.`,
      );
    }
    if (rule === "least-cloud" && (score === undefined || Number.isNaN(score))) {
      throw misuse(`a score for each scene with the rule "least-cloud"`, `none for ${raster.name}`);
    }
  }
}

const misuse = (expected: string, got: string): GlofError =>
  new GlofError("bad-argument", `mosaic: expected ${expected}, got ${got}. Correct the call.`);

/** A raster on the mosaic's grid: shifted by whole pixels where that is all it takes. */
function onGrid(raster: RasterSource, grid: RasterGrid, options: WarpOptions): Warp {
  const isAligned = wholePixelShift(raster.grid, grid);
  return createWarp(raster, grid, isAligned ? { ...options, resampling: "nearest", maxErrorPx: 0 } : options);
}

function wholePixelShift(a: RasterGrid, b: RasterGrid): boolean {
  const isSame = a.crs === undefined || b.crs === undefined ? a.crs === b.crs : isSameCrs(a.crs, b.crs);
  if (!isSame || [1, 2, 4, 5].some((place) => a.geoTransform[place] !== b.geoTransform[place])) return false;
  const [col, row] = mapToPixel(a.geoTransform, b.geoTransform[0], b.geoTransform[3]);
  return Math.abs(col - Math.round(col)) < 1e-6 && Math.abs(row - Math.round(row)) < 1e-6;
}

interface MosaicRead {
  readonly layers: readonly Warp[];
  readonly scores: readonly (Warp | number | undefined)[];
  readonly bands: readonly RasterBand[];
  readonly wanted: readonly number[];
  readonly rule: MosaicRule;
  readonly signal: AbortSignal | undefined;
}

async function mosaicPart(read: MosaicRead, part: PixelWindow): Promise<RasterArray[]> {
  const size = part.width * part.height;
  const isBlend = read.rule === "mean" || read.rule === "median";
  // Whether a scene is valid there depends on all its bands, whichever are asked for.
  const bandsRead = isBlend ? read.wanted : read.bands.map((_, index) => index);
  const layers: Layer[] = [];
  for (const [index, warp] of read.layers.entries()) {
    const score = read.scores[index];
    const isRaster = read.rule === "least-cloud" && typeof score === "object";
    const scored = isRaster ? await score.read(part, [0], read.signal) : undefined;
    layers.push({
      ...(await warp.read(part, bandsRead, read.signal)),
      score: typeof score === "number" ? score : scored?.pixels[0],
      scoreValid: scored?.valid[0],
    });
  }
  if (isBlend) {
    const facts = read.wanted.map((band) => read.bands[band]!);
    return blendPixels(layers, facts, size, read.rule === "mean");
  }
  const best = bestPixels(layers, read.bands, size, read.rule);
  return read.wanted.map((band) => best[band]!);
}

function copyPart(
  pixels: readonly RasterArray[],
  part: PixelWindow,
  out: readonly RasterArray[],
  window: PixelWindow,
): void {
  pixels.forEach((band, index) => {
    for (let row = 0; row < part.height; row++) {
      const target = (part.y - window.y + row) * window.width + part.x - window.x;
      out[index]!.set(band.subarray(row * part.width, (row + 1) * part.width), target);
    }
  });
}
