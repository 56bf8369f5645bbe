import { GlofError, type OnProgress, throwIfAborted } from "@glof/core";
import { beginCog, openRaster, type PixelWindow, windowGrid } from "@glof/geo";
import { requireBands } from "../band_names.js";
import { requireSpectralIndex, spectralIndex } from "../baseline/spectral_index.js";
import { beginOtsu } from "../otsu.js";
import type { Scene } from "../types.js";
import { partStrips, type ScenePart, wholePart } from "./scene_part.js";

/** Options of `writeIndex`. */
export interface WriteIndexOptions {
  /** Name of an index in `SPECTRAL_INDICES`, in any case. */
  readonly index: string;
  /** Pixels above it are 1 in the mask. `"otsu"` (default) finds it in the index's own values. */
  readonly threshold?: number | "otsu";
  /** Otsu's threshold is never below this: it splits any image in two, with water in it or not. Default: no bound. */
  readonly leastThreshold?: number;
  /** Path of the mask: 1 above the threshold, 0 other, 255 no data. Default: none is written. */
  readonly maskPath?: string;
  /** Default: the whole scene. */
  readonly part?: ScenePart;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What was written. */
export interface IndexSummary {
  readonly width: number;
  readonly height: number;
  readonly threshold: number;
  readonly validPixels: number;
  /** Valid pixels above the threshold. */
  readonly abovePixels: number;
}

/**
 * Writes a spectral index of a scene as a Cloud Optimized GeoTIFF (`float32`, NaN where a pixel is not valid) and, if
 * asked for, the mask of what lies above a threshold. Strip by strip, in bounded memory: Otsu's threshold is that of the
 * whole part. Both files appear when both are whole, or neither. Node only.
 *
 * @throws GlofError `bad-argument` for an unknown index; `missing-band`, `no-valid-pixels`, `no-space`, `not-writable`,
 *   `aborted`, and what reading throws
 */
export async function writeIndex(
  path: string,
  scene: Scene,
  options: WriteIndexOptions,
): Promise<IndexSummary> {
  const { threshold = "otsu", leastThreshold = Number.NEGATIVE_INFINITY, part = wholePart(scene) } = options;
  const { bands } = requireSpectralIndex(options.index, "writeIndex");
  requireBands(scene, bands, `writeIndex(${scene.id})`);
  const { beginAtomicFile } = await import("@glof/core/node");
  const file = await beginAtomicFile(path);
  try {
    const otsu = beginOtsu();
    const validPixels = await writeValues(file.temporaryPath, scene, part, options, otsu.addToRange);
    if (validPixels === 0) throw noPixels(scene.id);
    // What was written is read again: quicker than the scene.
    if (threshold === "otsu") {
      await eachStrip(file.temporaryPath, options, "threshold", async (values) =>
        otsu.addToHistogram(values),
      );
    }
    const limit = threshold === "otsu" ? Math.max(leastThreshold, otsu.threshold()) : threshold;
    const abovePixels = await writeMask(file.temporaryPath, scene, part, limit, options);
    await file.commit();
    const { width, height } = part.window;
    return { width, height, threshold: limit, validPixels, abovePixels };
  } finally {
    await file.abandon();
  }
}

async function writeValues(
  path: string,
  scene: Scene,
  part: ScenePart,
  { index, signal, onProgress }: WriteIndexOptions,
  onValues: (values: Float32Array) => void,
): Promise<number> {
  const { window } = part;
  const { bands } = requireSpectralIndex(index);
  const writer = await beginCog(path, {
    grid: windowGrid(scene.grid, window),
    dtype: "float32",
    bandNames: [index],
    nodata: Number.NaN,
    overviews: "average",
    metadata: { PRODUCT: scene.id, ...(scene.acquiredAt && { ACQUIRED_AT: scene.acquiredAt }) },
  });
  try {
    let validPixels = 0;
    for (const strip of partStrips(scene, part)) {
      throwIfAborted(signal, "writeIndex");
      const { bandsRefl, validMask } = await scene.readReflectance(strip, bands, { signal });
      keepInside(validMask, part.insideRows?.(strip.y - window.y, strip.height));
      const values = spectralIndex(index, bandsRefl, validMask);
      for (const valid of validMask) validPixels += valid;
      onValues(values);
      await writer.writeRows([values], strip.height);
      report(onProgress, index, strip.y - window.y + strip.height, window);
    }
    await writer.close();
    return validPixels;
  } finally {
    await writer.abandon();
  }
}

/** Counts what lies above, and writes it where a mask is asked for. */
async function writeMask(
  indexPath: string,
  scene: Scene,
  { window }: ScenePart,
  threshold: number,
  options: WriteIndexOptions,
): Promise<number> {
  const { maskPath } = options;
  const writer =
    maskPath === undefined
      ? undefined
      : await beginCog(maskPath, {
          grid: windowGrid(scene.grid, window),
          dtype: "uint8",
          bandNames: ["mask"],
          nodata: 255,
          overviews: "mode",
          metadata: { PRODUCT: scene.id, INDEX: options.index, THRESHOLD: String(threshold) },
        });
  try {
    let abovePixels = 0;
    await eachStrip(indexPath, options, "mask", async (values, rows) => {
      const mask = new Uint8Array(values.length);
      for (let pixel = 0; pixel < mask.length; pixel++) {
        const value = values[pixel]!;
        if (Number.isNaN(value)) mask[pixel] = 255;
        else if (value > threshold) {
          mask[pixel] = 1;
          abovePixels++;
        }
      }
      await writer?.writeRows([mask], rows);
    });
    throwIfAborted(options.signal, "writeIndex");
    await writer?.close();
    return abovePixels;
  } finally {
    await writer?.abandon();
  }
}

async function eachStrip(
  path: string,
  { signal, onProgress }: WriteIndexOptions,
  stage: string,
  onRows: (values: Float32Array, rows: number) => Promise<void>,
): Promise<void> {
  const raster = await openRaster(path);
  try {
    const { width, height } = raster.grid;
    const rows = raster.blockSize[0];
    for (let y = 0; y < height; y += rows) {
      throwIfAborted(signal, "writeIndex");
      const strip = { x: 0, y, width, height: Math.min(rows, height - y) };
      const [values] = await raster.readWindow(strip, { ...(signal && { signal }) });
      await onRows(values as Float32Array, strip.height);
      report(onProgress, stage, y + strip.height, { ...strip, height });
    }
  } finally {
    await raster.close();
  }
}

function keepInside(validMask: Uint8Array, inside: Uint8Array | undefined): void {
  if (inside === undefined) return;
  for (let pixel = 0; pixel < validMask.length; pixel++) validMask[pixel]! &= inside[pixel]!;
}

function report(
  onProgress: OnProgress | undefined,
  stage: string,
  done: number,
  { height }: PixelWindow,
): void {
  onProgress?.({ stage, done, total: height, unit: "rows" });
}

const noPixels = (id: string): GlofError =>
  new GlofError(
    "no-valid-pixels",
    `writeIndex: expected valid pixels in ${id}, got none. Check the area, the clouds and the bands' no-data values.`,
    { id },
  );
