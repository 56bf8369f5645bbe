import { GlofError } from "@glof/core";
import { beginCog, type PixelWindow, type RasterGrid, windowGrid } from "@glof/geo";
import type { PatchMap } from "./features_files.js";

/** Where patch features go, and what part of the Earth they show. */
export interface FeatureGridOptions {
  readonly path: string;
  /** Of the image; a grid is refused without one. */
  readonly grid: RasterGrid | undefined;
  /** The part of the image that the patches cover. */
  readonly window: PixelWindow;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Writes patch features as a GeoTIFF that lies over the image: one pixel per patch, one band per feature, layer after
 * layer (`L5_f0`, `L5_f1`, …).
 *
 * @throws GlofError `missing-crs` for images that lie nowhere; what `beginCog` throws
 */
export async function writeFeatureGrid(
  maps: readonly PatchMap[],
  options: FeatureGridOptions,
): Promise<void> {
  const { path, grid, window, metadata } = options;
  if (!grid) {
    throw new GlofError(
      "missing-crs",
      "glof features --grid: expected an image that lies on the Earth, got a picture. Pass a scene or a GeoTIFF.",
    );
  }
  const [rows, cols] = maps[0]!.shape;
  const writer = await beginCog(path, {
    grid: patchGrid(grid, window, rows, cols),
    dtype: "float32",
    bandNames: maps.flatMap(({ layer, shape }) =>
      Array.from({ length: shape[2] }, (_, index) => `L${layer}_f${index}`),
    ),
    overviews: "average",
    blockSize: blockSizeFor(Math.max(rows, cols), maps),
    metadata,
  });
  try {
    await writer.writeRows(maps.flatMap(planes), rows);
    await writer.close();
  } finally {
    await writer.abandon();
  }
}

/** Bytes of one block with all its bands: a block is held as a whole. */
const bytesPerBlock = 16 * 2 ** 20;

/** No larger than the raster, and small enough where there are many features. */
function blockSizeFor(side: number, maps: readonly PatchMap[]): number {
  const features = maps.reduce((sum, { shape }) => sum + shape[2], 0);
  const affordable = Math.floor(Math.sqrt(bytesPerBlock / (4 * features)) / 16) * 16;
  return Math.max(16, Math.min(512, affordable, Math.ceil(side / 16) * 16));
}

/** The window's outline with patches for pixels. */
function patchGrid(grid: RasterGrid, window: PixelWindow, rows: number, cols: number): RasterGrid {
  const { geoTransform, crs } = windowGrid(grid, window);
  const [x, a, b, y, c, d] = geoTransform;
  const [wide, high] = [window.width / cols, window.height / rows];
  return { width: cols, height: rows, geoTransform: [x, a * wide, b * high, y, c * wide, d * high], crs };
}

/** One array per feature. */
function planes({ shape: [rows, cols, dim], values }: PatchMap): Float32Array[] {
  return Array.from({ length: dim }, (_, feature) =>
    Float32Array.from({ length: rows * cols }, (_, patch) => values[patch * dim + feature]!),
  );
}
