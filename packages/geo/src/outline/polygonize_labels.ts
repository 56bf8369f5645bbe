import { GlofError } from "@glof/core";
import type { MultiPolygon, RasterArray, RasterGrid } from "../types.js";
import type { Connectivity } from "./label_components.js";
import { toLakeOutline } from "./lake_outline.js";
import { type RegionGroup, rootOf } from "./region.js";
import { createRegionTracer, type OnRow, type RegionTracer } from "./region_tracer.js";
import { addRun } from "./row_runs.js";
import { createVertexChains } from "./vertex_chains.js";

/** Options of `beginPolygonizeLabels`. */
export interface PolygonizeLabelsOptions {
  readonly grid: RasterGrid;
  /** Default 4: regions that touch only at corners are separate. */
  readonly connectivity?: Connectivity;
  /** Smaller regions are dropped; nothing takes their place. Default 1. */
  readonly minPixels?: number;
  /** Values that get no outlines, such as no-data. Default `[0]`; `[]` outlines all. NaN never gets one. */
  readonly background?: readonly number[];
}

/** A connected region of equal pixels. */
export interface LabelOutline {
  /** Value of its pixels. */
  readonly value: number;
  /** The outline: one polygon, or with 8-connectivity several that touch at corners only. */
  readonly parts: MultiPolygon;
  readonly pixelCount: number;
}

/** Takes a raster strip by strip from the top. */
export interface LabelPolygonizer {
  /** The next `rowCount` rows. */
  addRows(values: RasterArray, rowCount: number): void;
  /** The outlines by their first pixels in reading order, once all rows are in. */
  finish(): LabelOutline[];
  /**
   * The same outlines one by one, in place of `finish`: until its turn comes each is kept packed, in about an eighth of the
   * memory. Give them to a `StreamedLayer` of `writeGeoPackage`. To be walked through once.
   */
  outlines(): Iterable<LabelOutline>;
}

/** A region that has ended, its rings still packed. */
interface FinishedGroup {
  readonly value: number;
  readonly group: RegionGroup;
}

/** The regions of one value that may still grow. */
interface Lane {
  readonly value: number;
  readonly tracer: RegionTracer;
  isInRow: boolean;
}

/**
 * Outlines the connected regions of equal pixels of a raster, as `gdal_polygonize` does: each value is traced like a mask
 * of its own, so neighbours share their edges exactly and every polygon is valid. Values are equal when they are the same
 * number. Memory holds the regions that may still grow and the outlines, never the raster.
 *
 * @throws GlofError from its functions: `shape-mismatch` for arrays of other sizes, `bad-argument` for missing rows
 */
export function beginPolygonizeLabels(options: PolygonizeLabelsOptions): LabelPolygonizer {
  const { grid, connectivity = 4, minPixels = 1, background = [0] } = options;
  const { width, height } = grid;
  const without = new Set([...background, Number.NaN]);
  const chains = createVertexChains();
  const lanes = new Map<number, Lane>();
  const finished: FinishedGroup[] = [];
  let y = 0;

  const openLane = (value: number): Lane => {
    const onFinished = (group: RegionGroup): void => {
      if (group.pixelCount >= minPixels) finished.push({ value, group });
    };
    const tracer = createRegionTracer({ width, connectivity, runs: 2, chains, onFinished });
    const lane = { value, tracer, isInRow: false };
    lanes.set(value, lane);
    return lane;
  };
  /** Sorts the runs of a row by their values. */
  const findLabelRuns = (values: RasterArray, start: number): void => {
    for (let from = 0, to = 0; from < width; from = to) {
      const value = values[start + from]!;
      for (to = from + 1; to < width && values[start + to] === value; ) to++;
      if (without.has(value)) continue;
      const lane = lanes.get(value) ?? openLane(value);
      lane.isInRow = true;
      addRun(lane.tracer.nextRow(), from, to);
    }
  };
  const takeRow = (): void => {
    for (const lane of lanes.values()) {
      lane.tracer.takeRow(y, countPixels);
      // A value that is missing from a row has no region left that could grow.
      if (!lane.isInRow) lanes.delete(lane.value);
      lane.isInRow = false;
    }
  };
  const endRows = (): Iterable<LabelOutline> => {
    if (y !== height) throw rowsError(`${height} rows before finish`, y);
    takeRow();
    finished.sort((a, b) => a.group.firstPixel - b.group.firstPixel);
    return unpack(finished, grid);
  };
  return {
    addRows(values, rowCount) {
      if (!(rowCount >= 1 && y + rowCount <= height))
        throw rowsError(`1 to ${height - y} more rows`, rowCount);
      if (values.length !== width * rowCount) throw sizeError(width, rowCount, values.length);
      for (let row = 0; row < rowCount; row++, y++) {
        findLabelRuns(values, row * width);
        takeRow();
      }
    },
    finish: () => [...endRows()],
    outlines: endRows,
  };
}

function* unpack(finished: readonly FinishedGroup[], grid: RasterGrid): Iterable<LabelOutline> {
  for (const [index, { value, group }] of finished.entries()) {
    const { parts, pixelCount } = toLakeOutline(group, index + 1, grid);
    yield { value, parts, pixelCount };
  }
}

/** Outlines a whole raster at once: `beginPolygonizeLabels`, one strip, `finish`. */
export function polygonizeLabels(values: RasterArray, options: PolygonizeLabelsOptions): LabelOutline[] {
  const polygonizer = beginPolygonizeLabels(options);
  polygonizer.addRows(values, options.grid.height);
  return polygonizer.finish();
}

const countPixels: OnRow = ({ edges, count }, regions) => {
  for (let edge = 0; edge < count; edge += 2) {
    rootOf(regions[edge >> 1]!.group).pixelCount += edges[edge + 1]! - edges[edge]!;
  }
};

const rowsError = (expected: string, got: number): GlofError =>
  new GlofError(
    "bad-argument",
    `LabelPolygonizer: expected ${expected}, got ${got}. Give each row once, from the top.`,
  );

const sizeError = (width: number, rows: number, got: number): GlofError =>
  new GlofError(
    "shape-mismatch",
    `LabelPolygonizer: expected ${width} x ${rows} pixels, got ${got}. Pass the grid's own width.`,
  );
