import { GlofError } from "@glof/core";
import type { TilePlan } from "./types.js";

/** What `planTiles` needs to know. */
export interface PlanTilesOptions {
  /** Raster columns, at least 1. */
  readonly width: number;
  /** Raster rows, at least 1. */
  readonly height: number;
  /** Side of a tile in pixels. */
  readonly tilePx: number;
  /** Least overlap of neighbouring tiles in pixels; less than `tilePx`. */
  readonly overlapPx: number;
  /** Moves the inner tiles up and left by this much; tiles at the raster's border stay on it. Default 0. */
  readonly shiftPx?: number;
}

/**
 * Cuts a raster of any size into overlapping square tiles.
 *
 * The fewest tiles that overlap by at least `overlapPx` are spread evenly, the first at 0 and the last flush with the
 * far border, so no tile hangs outside. A raster smaller than a tile has one tile at 0 that `predictRaster` pads.
 *
 * `shiftPx` gives another plan of the same raster, to measure what the tiling itself does to a result.
 *
 * @throws GlofError `bad-argument` for sizes that are not whole numbers in range
 */
export function planTiles(options: PlanTilesOptions): TilePlan {
  const { width, height, tilePx, overlapPx, shiftPx = 0 } = options;
  checkWhole("width", width, 1);
  checkWhole("height", height, 1);
  checkWhole("tilePx", tilePx, 1);
  checkWhole("overlapPx", overlapPx, 0);
  checkWhole("shiftPx", shiftPx, 0);
  if (overlapPx >= tilePx) {
    throw new GlofError(
      "bad-argument",
      `planTiles: expected overlapPx below tilePx, got overlapPx ${overlapPx} and tilePx ${tilePx}. ` +
        "Make the overlap smaller or the tile larger.",
      { overlapPx, tilePx },
    );
  }
  return {
    width,
    height,
    tilePx,
    overlapPx,
    tileX: axisCorners(width, tilePx, overlapPx, shiftPx),
    tileY: axisCorners(height, tilePx, overlapPx, shiftPx),
  };
}

/** Tiles of a plan, counting those that turn out to hold no data. */
export function countTiles(plan: TilePlan): number {
  return plan.tileX.length * plan.tileY.length;
}

function axisCorners(size: number, tilePx: number, overlapPx: number, shiftPx: number): number[] {
  const last = size - tilePx;
  if (last <= 0) return [0];
  const gaps = Math.ceil(last / (tilePx - overlapPx));
  const step = last / gaps;
  const corners = new Set<number>();
  const firstIndex = Math.floor(shiftPx / step);
  for (let index = firstIndex; index * step - shiftPx < last + step; index++) {
    corners.add(Math.min(last, Math.max(0, Math.round(index * step) - shiftPx)));
  }
  // A shifted row of tiles starts and ends on the borders all the same.
  return [...corners.add(0).add(last)].sort((a, b) => a - b);
}

function checkWhole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new GlofError(
    "bad-argument",
    `planTiles: expected ${name} to be a whole number of at least ${least}, got ${value}. Correct it.`,
    { name, value },
  );
}
