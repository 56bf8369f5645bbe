import { GlofError } from "@glof/core";
import type { PixelWindow } from "@glof/geo";

/**
 * What becomes of the rest where patches do not fill the image: left out (`"drop"`), covered by a last patch that is moved
 * back inside (`"shift"`), or by one that reaches beyond the border (`"pad"`).
 */
export type PatchEdge = "drop" | "shift" | "pad";

/** Options of `patchGrid`. */
export interface PatchGridOptions {
  readonly width: number;
  readonly height: number;
  /** Side of the square patches. */
  readonly sizePx: number;
  /** From one patch to the next. Default `sizePx`: side by side; less overlaps. */
  readonly stepPx?: number;
  /** Default `"shift"`. An image smaller than a patch has none, but for `"pad"`. */
  readonly edge?: PatchEdge;
}

/**
 * Windows of a regular grid of patches from the upper left, row by row.
 *
 * @throws GlofError `bad-argument` for sizes that are not whole numbers above 0, or a step beyond the size
 */
export function patchGrid(options: PatchGridOptions): PixelWindow[] {
  const { width, height, sizePx, stepPx = sizePx, edge = "shift" } = options;
  checkCount(width, "a width", "patchGrid");
  checkCount(height, "a height", "patchGrid");
  checkCount(sizePx, "a sizePx", "patchGrid");
  checkCount(stepPx, "a stepPx", "patchGrid");
  const columns = starts(width, sizePx, stepPx, edge);
  return starts(height, sizePx, stepPx, edge).flatMap((y) =>
    columns.map((x) => ({ x, y, width: sizePx, height: sizePx })),
  );
}

function starts(length: number, size: number, step: number, edge: PatchEdge): number[] {
  const found: number[] = [];
  let start = 0;
  for (; start + size <= length; start += step) found.push(start);
  const covered = found.length === 0 ? 0 : found[found.length - 1]! + size;
  if (covered >= length || edge === "drop") return found;
  if (edge === "pad") found.push(start);
  else if (length >= size) found.push(length - size);
  return found;
}

/** @throws GlofError `bad-argument` */
export function checkCount(value: number, what: string, where: string): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new GlofError(
    "bad-argument",
    `${where}: expected ${what} of at least 1, got ${value}. Use a whole number.`,
  );
}
