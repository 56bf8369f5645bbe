import { createBoundaryTracer } from "./boundary_tracer.js";
import type { Connectivity } from "./label_components.js";
import { createRegion, joinGroups, joinRegions, type Region, type RegionGroup, rootOf } from "./region.js";
import { createRowRuns, type RowRuns } from "./row_runs.js";
import type { VertexChains } from "./vertex_chains.js";

/** Told of each row once its runs have their regions. */
export type OnRow = (
  row: RowRuns,
  regions: readonly Region[],
  above: RowRuns,
  aboveRegions: readonly Region[],
) => void;

/** Gathers the regions of one kind of pixels, row by row. */
export interface RegionTracer {
  /** Where the runs of the next row are to be put; a new one after each `takeRow`. */
  nextRow(): RowRuns;
  /** Brings in the row that stands in `nextRow()`, at line `y`. */
  takeRow(y: number, onRow?: OnRow): void;
}

/** What a tracer needs to know. */
export interface RegionTracerOptions {
  readonly width: number;
  readonly connectivity: Connectivity;
  /** Runs for which there is room at first; by default a whole row of them. */
  readonly runs?: number;
  /** Shared by several tracers, or the tracer's own. */
  readonly chains?: VertexChains;
  /** A group whose last region has ended. */
  readonly onFinished: (group: RegionGroup) => void;
}

/** Starts above the first row. */
export function createRegionTracer(options: RegionTracerOptions): RegionTracer {
  const { width, connectivity, runs = Math.ceil(width / 2), chains, onFinished } = options;
  const tracer = createBoundaryTracer(width, chains);
  let [above, row] = [createRowRuns(2 * runs), createRowRuns(2 * runs)];
  let [aboveRegions, rowRegions]: [Region[], Region[]] = [[], []];

  const finishRegion = (region: Region): void => {
    region.isFinished = true;
    const group = rootOf(region.group);
    group.parts.push(region.rings);
    group.openRegions--;
    if (group.openRegions === 0) onFinished(group);
  };
  return {
    nextRow: () => row,
    takeRow(y, onRow) {
      connect(above, aboveRegions, row, rowRegions, y, width);
      onRow?.(row, rowRegions, above, aboveRegions);
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
      row.count = 0;
    },
  };
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
