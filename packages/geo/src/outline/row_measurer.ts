import type { RasterGrid } from "../types.js";
import { type Region, type RegionGroup, rootOf } from "./region.js";
import type { RowRuns } from "./row_runs.js";

/** Probabilities and validity of a row: `start` is where it begins in the arrays. */
export interface PixelRows {
  readonly prob: Float32Array | undefined;
  readonly validMask: Uint8Array | undefined;
  readonly start: number;
}

/** Adds up what is told of each region. */
export interface RowMeasurer {
  /** Counts row `y`; `above` is the row over it. */
  measureRow(
    y: number,
    row: RowRuns,
    regions: readonly Region[],
    above: RowRuns,
    aboveRegions: readonly Region[],
    pixels: PixelRows,
  ): void;
}

/** Remembers where the row above has no data, since a lake touches it upwards and downwards too. */
export function createRowMeasurer({ width, height }: RasterGrid): RowMeasurer {
  let [gapsAbove, gaps] = [createGaps(width), createGaps(width)];
  return {
    measureRow(y, row, regions, above, aboveRegions, { prob, validMask, start }) {
      const isRowValid = findGaps(validMask, start, row, gaps);
      const valid = isRowValid ? undefined : validMask;
      for (let run = 0; 2 * run < row.count; run++) {
        const left = row.edges[2 * run]!;
        const right = row.edges[2 * run + 1]!;
        const group = rootOf(regions[run]!.group);
        group.pixelCount += right - left;
        group.touchesEdge ||= y === 0 || y === height - 1 || left === 0 || right === width;
        group.validCount +=
          valid === undefined ? right - left : countValid(valid, start + left, start + right);
        if (prob !== undefined) addProbabilities(group, prob, valid, start + left, start + right);
        group.noDataNeighbours += sumGaps(gaps, left - 1, left) + sumGaps(gaps, right, right + 1);
        group.noDataNeighbours += sumGaps(gapsAbove, left, right);
      }
      for (let run = 0; gaps.any && 2 * run < above.count; run++) {
        const group = rootOf(aboveRegions[run]!.group);
        group.noDataNeighbours += sumGaps(gaps, above.edges[2 * run]!, above.edges[2 * run + 1]!);
      }
      [gapsAbove, gaps] = [gaps, gapsAbove];
    },
  };
}

/** Pixels of a row that are neither valid nor inside: 1 in `at`. */
interface Gaps {
  readonly at: Uint8Array;
  any: boolean;
}

const createGaps = (width: number): Gaps => ({ at: new Uint8Array(width), any: false });

/** Fills in the gaps of a row, and says whether all of it is valid. */
function findGaps(validMask: Uint8Array | undefined, start: number, row: RowRuns, gaps: Gaps): boolean {
  const { at } = gaps;
  if (gaps.any) at.fill(0);
  gaps.any = false;
  if (validMask === undefined) return true;
  for (let col = 0; col < at.length; col++) {
    if (validMask[start + col] !== 0) continue;
    at[col] = 1;
    gaps.any = true;
  }
  if (!gaps.any) return true;
  for (let edge = 0; edge < row.count; edge += 2) at.fill(0, row.edges[edge]!, row.edges[edge + 1]!);
  return false;
}

function sumGaps({ at, any }: Gaps, from: number, to: number): number {
  if (!any) return 0;
  let sum = 0;
  // Columns beyond the raster's sides read as undefined: no gap.
  for (let col = from; col < to; col++) sum += at[col] ?? 0;
  return sum;
}

function addProbabilities(
  group: RegionGroup,
  prob: Float32Array,
  valid: Uint8Array | undefined,
  from: number,
  to: number,
): void {
  for (let index = from; index < to; index++) {
    if (valid !== undefined && valid[index] === 0) continue;
    const value = prob[index]!;
    if (Number.isNaN(value)) continue;
    group.probSum += value;
    group.probCount++;
  }
}

function countValid(valid: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let index = from; index < to; index++) if (valid[index] !== 0) count++;
  return count;
}
