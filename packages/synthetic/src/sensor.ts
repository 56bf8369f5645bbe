import type { Rng } from "@glof/core";
import { gaussianBlur } from "./filters.js";
import { cellCount, type FieldGrid } from "./grid.js";

/** What the instrument and the processor do to the image. */
export interface SensorOptions {
  /** Blur of the 10 m bands, pixels (standard deviation). */
  readonly blurPx: number;
  /** Noise floor, reflectance (standard deviation). */
  readonly noiseRefl: number;
}

/** Blur, 20 m short-wave bands, adjacency, noise and the 1e-4 step of the product. Works in place. */
export function sense(bandsRefl: Float32Array[], grid: FieldGrid, options: SensorOptions, rng: Rng): void {
  const { cols, rows, cellM } = grid;
  bandsRefl.forEach((band, index) => {
    const coarse = index >= 4;
    const blurPx = options.blurPx * Math.min(1, 10 / cellM) * (coarse ? 1.2 : 1);
    let seen = gaussianBlur(band, cols, rows, Math.max(0.3, blurPx));
    if (coarse && cellM < 16) seen = halve(seen, grid);
    const noise = makeNoiseSource(rng.split(`noise ${index}`));
    for (let cell = 0; cell < cellCount(grid); cell++) {
      const sigma = options.noiseRefl + 0.004 * Math.abs(seen[cell]!);
      band[cell] = Math.max(0, Math.round(1e4 * (seen[cell]! + sigma * noise())) / 1e4);
    }
  });
}

/**
 * The 20 m bands: means of 2 x 2 pixels, brought back by bilinear interpolation as products are resampled.
 */
function halve(band: Float32Array, grid: FieldGrid): Float32Array {
  const { cols, rows } = grid;
  const halved = new Float32Array(band.length);
  const at = (col: number, row: number): number =>
    band[Math.min(rows - 1, row) * cols + Math.min(cols - 1, col)]!;
  for (let row = 0; row < rows; row += 2) {
    for (let col = 0; col < cols; col += 2) {
      const mean = (at(col, row) + at(col + 1, row) + at(col, row + 1) + at(col + 1, row + 1)) / 4;
      for (let r = row; r < Math.min(rows, row + 2); r++) {
        for (let c = col; c < Math.min(cols, col + 2); c++) halved[r * cols + c] = mean;
      }
    }
  }
  return halved;
}

/** Normal deviates from a shuffled table: fast, and as random as sensor noise needs to look. */
function makeNoiseSource(rng: Rng): () => number {
  const table = Float32Array.from({ length: 4096 }, () => rng.normal());
  let state = rng.int(2 ** 31) | 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return table[state >>> 20]!;
  };
}
