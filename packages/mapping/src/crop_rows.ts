import type { PixelWindow } from "@glof/geo";
import type { ProbabilityRows } from "@glof/inference";

/**
 * The part of finished rows that lies in a window, its first row counted from the window's; `undefined` for none. Rows that all
 * lie in it are not copied.
 */
export function cropRows(
  rows: ProbabilityRows,
  rasterWidth: number,
  window: PixelWindow,
): ProbabilityRows | undefined {
  const top = Math.max(rows.y, window.y);
  const height = Math.min(rows.y + rows.height, window.y + window.height) - top;
  if (height <= 0) return undefined;
  if (height === rows.height && window.width === rasterWidth) return { ...rows, y: top - window.y };
  const prob = new Float32Array(window.width * height);
  const validMask = new Uint8Array(window.width * height);
  for (let row = 0; row < height; row++) {
    const start = (top - rows.y + row) * rasterWidth + window.x;
    prob.set(rows.prob.subarray(start, start + window.width), row * window.width);
    validMask.set(rows.validMask.subarray(start, start + window.width), row * window.width);
  }
  return { y: top - window.y, height, prob, validMask };
}
