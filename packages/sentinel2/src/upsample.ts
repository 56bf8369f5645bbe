import type { PixelWindow } from "@glof/geo";
import type { LayerPixels } from "./band_layer.js";

/** The coarse pixels that bilinear resampling of a fine window looks at. */
export function coarseWindow(
  fine: PixelWindow,
  ratio: number,
  coarseSize: { readonly width: number; readonly height: number },
): PixelWindow {
  const x = Math.max(0, Math.floor(fine.x / ratio) - 1);
  const y = Math.max(0, Math.floor(fine.y / ratio) - 1);
  const endX = Math.min(coarseSize.width, Math.ceil((fine.x + fine.width) / ratio) + 1);
  const endY = Math.min(coarseSize.height, Math.ceil((fine.y + fine.height) / ratio) + 1);
  return { x, y, width: endX - x, height: endY - y };
}

/**
 * Resamples reflectance to a grid `ratio` times as fine, by bilinear interpolation between pixel centres; beyond the
 * outermost centres the value of the border holds. The result does not depend on the window it is asked for.
 *
 * Whether a fine pixel is usable is decided by the coarse pixel that contains it. Neighbours without data are left out
 * and the weights of the others scaled up, so no-data never bleeds into reflectance.
 *
 * @param coarse pixels of `from`, which `coarseWindow` gave
 * @param from window of the coarse grid
 * @param to window of the fine grid
 */
export function upsampleBilinear(
  coarse: LayerPixels,
  from: PixelWindow,
  to: PixelWindow,
  ratio: number,
): LayerPixels {
  const rows = sampleAxis(to.y, to.height, ratio, from.y, from.height);
  const columns = sampleAxis(to.x, to.width, ratio, from.x, from.width);
  const size = to.width * to.height;
  const refl = new Float32Array(size);
  const usable = new Uint8Array(size);
  const nonZero = new Uint8Array(size);
  let pixel = 0;
  for (const row of rows) {
    for (const column of columns) {
      const home = row.home * from.width + column.home;
      usable[pixel] = coarse.usable[home]!;
      nonZero[pixel] = coarse.nonZero[home]!;
      refl[pixel] = nonZero[pixel] === 1 ? interpolate(coarse, from.width, row, column) : coarse.refl[home]!;
      pixel++;
    }
  }
  return { refl, usable, nonZero };
}

/** Where one fine pixel lies on one axis of the coarse window. */
interface AxisSample {
  /** The coarse pixel that contains it. */
  readonly home: number;
  /** The coarse pixels with the nearest centres on both sides. */
  readonly before: number;
  readonly after: number;
  /** Weight of `after`. */
  readonly share: number;
}

function sampleAxis(start: number, count: number, ratio: number, from: number, length: number): AxisSample[] {
  const clamp = (index: number): number => Math.min(length - 1, Math.max(0, index - from));
  return Array.from({ length: count }, (_, step) => {
    const fine = start + step;
    const position = (fine + 0.5) / ratio - 0.5;
    const before = Math.floor(position);
    return {
      home: clamp(Math.floor(fine / ratio)),
      before: clamp(before),
      after: clamp(before + 1),
      share: position - before,
    };
  });
}

function interpolate(coarse: LayerPixels, width: number, row: AxisSample, column: AxisSample): number {
  let sum = 0;
  let weights = 0;
  const add = (y: number, x: number, weight: number): void => {
    const at = y * width + x;
    // nonZero implies usable.
    if (coarse.nonZero[at] === 0) return;
    sum += weight * coarse.refl[at]!;
    weights += weight;
  };
  add(row.before, column.before, (1 - row.share) * (1 - column.share));
  add(row.before, column.after, (1 - row.share) * column.share);
  add(row.after, column.before, row.share * (1 - column.share));
  add(row.after, column.after, row.share * column.share);
  return sum / weights;
}
