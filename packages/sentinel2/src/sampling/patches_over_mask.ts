import { GlofError } from "@glof/core";
import type { PixelWindow } from "@glof/geo";
import { checkCount } from "./patch_grid.js";

/** Options of `patchesOverMask`. */
export interface PatchesOverMaskOptions {
  readonly width: number;
  readonly height: number;
  /** Side of the patches; an even number has its centre at the pixel right below the middle. */
  readonly sizePx: number;
  /** Centres lie on columns and rows that are multiples of this. */
  readonly stepPx: number;
  /** Add a patch at the mean place of the mask's pixels. Default true. */
  readonly centroid?: boolean;
  /** Add patches at the mask's left, top, right and bottom end, as DL4GAM does for testing. Default false. */
  readonly extremes?: boolean;
}

/**
 * Patches whose centre lies on a mask (DL4GAM's get_patches_df): one for each marked pixel on the step's lattice, then the
 * extremes, then the centroid. Repeated places are kept once, and patches may reach beyond the image.
 *
 * @param mask 1 marks; row by row
 * @returns windows; empty for an empty mask
 * @throws GlofError `shape-mismatch`, `bad-argument`
 */
export function patchesOverMask(mask: Uint8Array, options: PatchesOverMaskOptions): PixelWindow[] {
  const { width, height, sizePx, stepPx, centroid = true, extremes = false } = options;
  checkCount(sizePx, "a sizePx", "patchesOverMask");
  checkCount(stepPx, "a stepPx", "patchesOverMask");
  if (mask.length !== width * height) {
    throw new GlofError(
      "shape-mismatch",
      `patchesOverMask: expected a mask of ${width} x ${height}, got ${mask.length}. Pass the mask's own size.`,
    );
  }
  const centres: (readonly [col: number, row: number])[] = [];
  const marked = new MarkedPixels();
  for (let row = 0; row < height; row++) {
    for (let col = 0; col < width; col++) {
      if (mask[row * width + col] !== 1) continue;
      marked.add(col, row);
      if (col % stepPx === 0 && row % stepPx === 0) centres.push([col, row]);
    }
  }
  if (marked.count === 0) return [];
  if (extremes) centres.push(...marked.extremes(mask, width, height));
  if (centroid)
    centres.push([Math.floor(marked.cols / marked.count), Math.floor(marked.rows / marked.count)]);
  const half = Math.floor(sizePx / 2);
  const unique = new Map(centres.map((centre) => [centre.join(), centre]));
  return [...unique.values()].map(([col, row]) => ({
    x: col - half,
    y: row - half,
    width: sizePx,
    height: sizePx,
  }));
}

/** Sums and ends of the marked pixels. */
class MarkedPixels {
  count = 0;
  cols = 0;
  rows = 0;
  private left = Number.POSITIVE_INFINITY;
  private right = -1;
  private top = -1;
  private bottom = -1;

  /** Pixels come row by row. */
  add(col: number, row: number): void {
    if (this.count === 0) this.top = row;
    this.count++;
    this.cols += col;
    this.rows += row;
    this.left = Math.min(this.left, col);
    this.right = Math.max(this.right, col);
    this.bottom = row;
  }

  /** Left, top, right, bottom: each at the mean place of the pixels along that end, rounded down. */
  extremes(mask: Uint8Array, width: number, height: number): (readonly [number, number])[] {
    const meanRow = (col: number): number => meanPlace(height, (row) => mask[row * width + col] === 1);
    const meanCol = (row: number): number => meanPlace(width, (col) => mask[row * width + col] === 1);
    return [
      [this.left, meanRow(this.left)],
      [meanCol(this.top), this.top],
      [this.right, meanRow(this.right)],
      [meanCol(this.bottom), this.bottom],
    ];
  }
}

function meanPlace(length: number, isMarked: (at: number) => boolean): number {
  let [sum, count] = [0, 0];
  for (let at = 0; at < length; at++) {
    if (!isMarked(at)) continue;
    sum += at;
    count++;
  }
  return Math.floor(sum / count);
}
