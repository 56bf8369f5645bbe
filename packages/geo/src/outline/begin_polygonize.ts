import { GlofError } from "@glof/core";
import type { RasterGrid } from "../types.js";
import { type Connectivity, checkMaskSize } from "./label_components.js";
import { type LakeOutline, toLakeOutline } from "./lake_outline.js";
import type { RegionGroup } from "./region.js";
import { createRegionTracer } from "./region_tracer.js";
import { createRowMeasurer } from "./row_measurer.js";
import { findRuns } from "./row_runs.js";

/** Options of `beginPolygonize`. */
export interface PolygonizeOptions {
  readonly grid: RasterGrid;
  /** Default 4: regions that touch only at corners are separate. */
  readonly connectivity?: Connectivity;
  /** Smaller regions are dropped; holes are not filled. Default 1. */
  readonly minPixels?: number;
}

/** Takes a mask strip by strip from the top. */
export interface Polygonizer {
  /**
   * The next `rowCount` rows.
   *
   * @param mask 1 is inside, anything else is not
   * @param prob probabilities of the same pixels, to be summed per outline
   * @param validMask 1 usable, 0 not
   */
  addRows(
    mask: Uint8Array,
    prob: Float32Array | undefined,
    validMask: Uint8Array | undefined,
    rowCount: number,
  ): void;
  /** The outlines, once all rows are in. */
  finish(): LakeOutline[];
}

/**
 * Outlines the connected regions of a mask along pixel edges, exactly: holes included, areas equal to pixel counts, rings
 * valid by OGC rules. Strips may have any height and do not change the result. Memory holds the regions that may still
 * grow and the finished outlines, never the mask.
 *
 * @throws GlofError from its functions: `shape-mismatch` for arrays of other sizes, `bad-argument` for missing rows
 */
export function beginPolygonize(options: PolygonizeOptions): Polygonizer {
  const { grid, connectivity = 4, minPixels = 1 } = options;
  const { width, height } = grid;
  const measurer = createRowMeasurer(grid);
  const finished: RegionGroup[] = [];
  const tracer = createRegionTracer({
    width,
    connectivity,
    onFinished: (group) => {
      if (group.pixelCount >= minPixels) finished.push(group);
    },
  });
  let y = 0;

  return {
    addRows(mask, prob, validMask, rowCount) {
      if (!(rowCount >= 1 && y + rowCount <= height))
        throw rowsError(`1 to ${height - y} more rows`, rowCount);
      for (const pixels of [mask, prob, validMask]) {
        if (pixels !== undefined) checkMaskSize("addRows", pixels, width, rowCount);
      }
      for (let index = 0; index < rowCount; index++) {
        const pixels = { prob, validMask, start: index * width };
        findRuns(mask, pixels.start, width, tracer.nextRow());
        tracer.takeRow(y, (row, regions, above, aboveRegions) =>
          measurer.measureRow(y, row, regions, above, aboveRegions, pixels),
        );
        y++;
      }
    },
    finish() {
      if (y !== height) throw rowsError(`${height} rows before finish`, y);
      tracer.takeRow(y);
      finished.sort((a, b) => a.firstPixel - b.firstPixel);
      return finished.map((group, index) => toLakeOutline(group, index + 1, grid));
    },
  };
}

/** Outlines a whole mask at once: `beginPolygonize`, one strip, `finish`. */
export function polygonizeMask(mask: Uint8Array, options: PolygonizeOptions): LakeOutline[] {
  const polygonizer = beginPolygonize(options);
  polygonizer.addRows(mask, undefined, undefined, options.grid.height);
  return polygonizer.finish();
}

const rowsError = (expected: string, got: number): GlofError =>
  new GlofError(
    "bad-argument",
    `Polygonizer: expected ${expected}, got ${got}. Give each row once, from the top.`,
  );
