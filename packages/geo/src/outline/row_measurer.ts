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

/** Keeps the validity of the row above, since a lake touches no-data upwards and downwards too. */
export function createRowMeasurer({ width, height }: RasterGrid): RowMeasurer {
  const validAbove = new Uint8Array(width).fill(1);
  let isAboveValid = true;
  return {
    measureRow(y, row, regions, above, aboveRegions, { prob, validMask, start }) {
      const isRowValid = validMask === undefined || !hasInvalid(validMask, start, start + width);
      for (let run = 0; 2 * run < row.count; run++) {
        const left = row.edges[2 * run]!;
        const right = row.edges[2 * run + 1]!;
        const group = rootOf(regions[run]!.group);
        group.pixelCount += right - left;
        group.touchesEdge ||= y === 0 || y === height - 1 || left === 0 || right === width;
        const valid = isRowValid ? undefined : validMask;
        group.validCount +=
          valid === undefined ? right - left : countValid(valid, start + left, start + right);
        if (prob !== undefined) addProbabilities(group, prob, valid, start + left, start + right);
        group.touchesNoData ||=
          (valid !== undefined &&
            hasInvalid(valid, start + Math.max(left - 1, 0), start + Math.min(right + 1, width))) ||
          (!isAboveValid && hasInvalid(validAbove, left, right));
      }
      if (!isRowValid) {
        for (let run = 0; 2 * run < above.count; run++) {
          const group = rootOf(rootOf(aboveRegions[run]!).group);
          group.touchesNoData ||= hasInvalid(
            validMask!,
            start + above.edges[2 * run]!,
            start + above.edges[2 * run + 1]!,
          );
        }
        validAbove.set(validMask!.subarray(start, start + width));
      } else if (!isAboveValid) validAbove.fill(1);
      isAboveValid = isRowValid;
    },
  };
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

function hasInvalid(valid: Uint8Array, from: number, to: number): boolean {
  for (let index = from; index < to; index++) if (valid[index] === 0) return true;
  return false;
}
