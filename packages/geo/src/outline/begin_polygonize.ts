import { GlofError } from "@glof/core";
import type { RasterGrid } from "../types.js";
import { createBoundaryTracer } from "./boundary_tracer.js";
import { type Connectivity, checkMaskSize } from "./label_components.js";
import { type LakeOutline, toLakeOutline } from "./lake_outline.js";
import { createRegion, joinGroups, joinRegions, type Region, type RegionGroup, rootOf } from "./region.js";
import { createRowMeasurer, type PixelRows } from "./row_measurer.js";
import { createRowRuns, findRuns, type RowRuns } from "./row_runs.js";

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
  const tracer = createBoundaryTracer(width);
  const measurer = createRowMeasurer(grid);
  const finished: RegionGroup[] = [];
  let [above, row] = [createRowRuns(width), createRowRuns(width)];
  let [aboveRegions, rowRegions]: [Region[], Region[]] = [[], []];
  let y = 0;

  const finishRegion = (region: Region): void => {
    region.isFinished = true;
    const group = rootOf(region.group);
    group.parts.push(region.rings);
    group.openRegions--;
    if (group.openRegions === 0 && group.pixelCount >= minPixels) finished.push(group);
  };
  /** Brings in the row that stands in `row`, at line `y`. */
  const takeRow = (pixels: PixelRows | undefined): void => {
    connect(above, aboveRegions, row, rowRegions, y, width);
    if (pixels !== undefined) measurer.measureRow(y, row, rowRegions, above, aboveRegions, pixels);
    tracer.traceLine(
      y,
      above,
      row,
      (run, ring) => rootOf(aboveRegions[run]!).rings.push(ring),
      (upper, lower) => {
        if (connectivity === 8) joinGroups(aboveRegions[upper]!.group, rowRegions[lower]!.group);
      },
    );
    for (const member of aboveRegions) {
      const region = rootOf(member);
      if (region.lastRow < y && !region.isFinished) finishRegion(region);
    }
    [above, row] = [row, above];
    [aboveRegions, rowRegions] = [rowRegions, aboveRegions];
    for (let run = 0; run < aboveRegions.length; run++) aboveRegions[run] = rootOf(aboveRegions[run]!);
    y++;
  };

  return {
    addRows(mask, prob, validMask, rowCount) {
      if (!(rowCount >= 1 && y + rowCount <= height))
        throw rowsError(`1 to ${height - y} more rows`, rowCount);
      for (const pixels of [mask, prob, validMask]) {
        if (pixels !== undefined) checkMaskSize("addRows", pixels, width, rowCount);
      }
      for (let index = 0; index < rowCount; index++) {
        findRuns(mask, index * width, width, row);
        takeRow({ prob, validMask, start: index * width });
      }
    },
    finish() {
      if (y !== height) throw rowsError(`${height} rows before finish`, y);
      row.count = 0;
      takeRow(undefined);
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

/** Gives each run of the new row its region: that of the runs above which it touches, joined, or a new one. */
function connect(
  above: RowRuns,
  aboveRegions: readonly Region[],
  row: RowRuns,
  rowRegions: Region[],
  y: number,
  width: number,
): void {
  const runs = row.count / 2;
  rowRegions.length = runs;
  let first = 0;
  for (let run = 0; run < runs; run++) {
    const start = row.edges[2 * run]!;
    const end = row.edges[2 * run + 1]!;
    while (2 * first < above.count && above.edges[2 * first + 1]! <= start) first++;
    let region: Region | undefined;
    for (let other = first; 2 * other < above.count && above.edges[2 * other]! < end; other++) {
      region =
        region === undefined ? rootOf(aboveRegions[other]!) : joinRegions(region, aboveRegions[other]!);
    }
    region ??= createRegion(y * width + start, y);
    region.lastRow = y;
    rowRegions[run] = region;
  }
}

const rowsError = (expected: string, got: number): GlofError =>
  new GlofError(
    "bad-argument",
    `Polygonizer: expected ${expected}, got ${got}. Give each row once, from the top.`,
  );
