import { throwIfAborted } from "@glof/core";
import { beginCog, type LakeOutline, type RasterGrid } from "@glof/geo";
import { boxOutlines, eraseOutlines } from "./erase_outlines.js";
import type { Lake } from "./lake_features.js";
import { MASK_NO_DATA, rowStrips } from "./probability_pass.js";
import type { RowSpool } from "./row_spool.js";

/** Writes `mask.tif`: 1 in the lakes that were kept, 0 elsewhere, 255 where nothing is known. */
export async function writeMask(options: {
  path: string;
  grid: RasterGrid;
  mask: RowSpool;
  outlines: readonly LakeOutline[];
  lakes: readonly Lake[];
  signal: AbortSignal | undefined;
}): Promise<void> {
  const { path, grid, mask, outlines, lakes, signal } = options;
  const kept = new Set(lakes.map(({ polygon }) => polygon));
  const dropped = boxOutlines(
    outlines.filter(({ polygon }) => !kept.has(polygon)),
    grid,
  );
  const cog = await beginCog(path, {
    grid,
    dtype: "uint8",
    bandNames: ["lake"],
    nodata: MASK_NO_DATA,
    overviews: "mode",
  });
  try {
    for (const { y, rowCount } of rowStrips(grid)) {
      throwIfAborted(signal, "writeMask");
      const rows = await mask.read(y, rowCount);
      eraseOutlines(rows, { grid, y, rowCount, outlines: dropped });
      await cog.writeRows([rows], rowCount);
    }
    await cog.close();
  } catch (error) {
    await cog.abandon();
    throw error;
  }
}
