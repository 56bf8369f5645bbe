import type { PixelWindow, RasterSource } from "../types.js";

/** Pixels of a strip: few enough for memory, many enough to be quick. */
const pixelsPerStrip = 2 ** 22;
/** A file of one tall block is cut all the same; its reader keeps the block. */
const mostRows = 2048;

/** Windows over the whole width of a raster from the top, of whole rows of its blocks where that is not too much. */
export function rowStrips({ grid, blockSize }: Pick<RasterSource, "grid" | "blockSize">): PixelWindow[] {
  const { width, height } = grid;
  const block = Math.min(blockSize[0], mostRows);
  const rows = Math.min(mostRows, block * Math.max(1, Math.floor(pixelsPerStrip / width / block)));
  return Array.from({ length: Math.ceil(height / rows) }, (_, strip) => {
    const y = strip * rows;
    return { x: 0, y, width, height: Math.min(rows, height - y) };
  });
}
