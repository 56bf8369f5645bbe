import { GlofError, type OnProgress, throwIfAborted } from "@glof/core";
import type { RasterArray, RasterGrid, RasterSource } from "../types.js";
import { type WarpOptions, warpedRaster } from "./warped_raster.js";

/** Options of `warpRaster`. */
export interface WarpRasterOptions extends WarpOptions {
  /** Rows per strip. Default 256. */
  readonly chunkRows?: number;
  readonly signal?: AbortSignal;
  /** Hears of each strip: rows done of all. */
  readonly onProgress?: OnProgress;
}

/** Some whole rows of a warped raster. */
export interface RowStrip {
  readonly firstRow: number;
  readonly rowCount: number;
  /** One array per band, row by row: what `CogWriter.writeRows` takes. */
  readonly rows: RasterArray[];
}

/**
 * The whole of a raster on another grid, strip by strip from the top, in bounded memory.
 *
 * ```ts
 * for await (const { rows, rowCount } of warpRaster(source, grid)) await cog.writeRows(rows, rowCount);
 * ```
 *
 * @throws GlofError as `warpedRaster`; `aborted`
 */
export async function* warpRaster(
  source: RasterSource,
  grid: RasterGrid,
  options: WarpRasterOptions = {},
): AsyncGenerator<RowStrip> {
  const { chunkRows = 256, signal, onProgress } = options;
  if (!(Number.isInteger(chunkRows) && chunkRows >= 1)) {
    throw new GlofError(
      "bad-argument",
      `warpRaster: expected chunkRows of at least 1, got ${chunkRows}. Leave it out.`,
    );
  }
  const warped = warpedRaster(source, grid, options);
  for (let firstRow = 0; firstRow < grid.height; firstRow += chunkRows) {
    throwIfAborted(signal, "warpRaster");
    const rowCount = Math.min(chunkRows, grid.height - firstRow);
    const window = { x: 0, y: firstRow, width: grid.width, height: rowCount };
    const rows = await warped.readWindow(window, signal === undefined ? {} : { signal });
    onProgress?.({ stage: "warp", done: firstRow + rowCount, total: grid.height, unit: "rows" });
    yield { firstRow, rowCount, rows };
  }
}
