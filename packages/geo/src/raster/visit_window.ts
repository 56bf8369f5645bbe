import type { PixelWindow, RasterArray, RasterSource } from "../types.js";

/** A part of a window, as a file's reader has it in memory: most often what lies in one block of the file. */
export interface WindowPiece {
  /** Where it lies in the window, in pixels. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** They are the reader's: do not change or keep them. */
  readonly pixels: RasterArray;
  /** From one pixel to the next in a row, and from one row to the next, in numbers of `pixels`. */
  readonly pixelStep: number;
  readonly rowStep: number;
  /** The asked bands that are in it: their place among those asked for, and where each begins in `pixels`. */
  readonly bands: readonly { readonly place: number; readonly start: number }[];
}

/** Options of `visitWindow`, those of `RasterSource.readWindow`. */
export interface VisitWindowOptions {
  /** 0-based; all by default. */
  readonly bands?: readonly number[];
  readonly signal?: AbortSignal;
}

/** Shows the pieces of a window. */
export type WindowVisitor = (
  window: PixelWindow,
  visit: (piece: WindowPiece) => void,
  options: VisitWindowOptions,
) => Promise<void>;

/**
 * Visitors of rasters that have blocks to show, by their `readWindow`: a raster that wraps another and reads in its own way has
 * another one, and what it does to the pixels counts.
 */
const visitors = new WeakMap<RasterSource["readWindow"], WindowVisitor>();

/** Gives a raster a way for `visitWindow` that makes no arrays of the window. */
export function setWindowVisitor(raster: RasterSource, visitor: WindowVisitor): void {
  visitors.set(raster.readWindow, visitor);
}

/**
 * Shows the numbers that `readWindow` gives, each once, in pieces and in any order. Where a file's reader allows it they are
 * shown where they lie, without a copy.
 *
 * @throws GlofError as `readWindow`; what `visit` throws
 */
export async function visitWindow(
  raster: RasterSource,
  window: PixelWindow,
  visit: (piece: WindowPiece) => void,
  options: VisitWindowOptions = {},
): Promise<void> {
  const visitor = visitors.get(raster.readWindow);
  if (visitor !== undefined) return visitor(window, visit, options);
  const { width, height } = window;
  const bands = await raster.readWindow(window, options);
  for (const [place, pixels] of bands.entries()) {
    const size = { x: 0, y: 0, width, height };
    visit({ ...size, pixels, pixelStep: 1, rowStep: width, bands: [{ place, start: 0 }] });
  }
}
