import type { Rng } from "@glof/core";
import { cellCount, clamp, type FieldGrid, smoothstep } from "./grid.js";
import { noiseField } from "./noise_field.js";
import type { SunPosition } from "./types.js";

/** Clouds over a scene. */
export interface Clouds {
  /** Share of light that they take on the way up, 0 to 1. */
  readonly opacity: Float32Array;
  /** Share of direct sun left below them, 0 to 1. */
  readonly sunlit: Float32Array;
}

/** A field of clouds that covers about `cover` of the scene, with shadows thrown away from the sun. */
export function makeClouds(grid: FieldGrid, cover: number, sun: SunPosition, rng: Rng): Clouds {
  const opacity = new Float32Array(cellCount(grid));
  const sunlit = new Float32Array(cellCount(grid)).fill(1);
  if (cover <= 0) return { opacity, sunlit };
  const extentM = grid.cellM * Math.max(grid.cols, grid.rows);
  const wavelengthM = clamp(extentM * rng.uniform(0.15, 0.5), 600, 6000);
  const field = noiseField(grid, rng, { wavelengthM: wavelengthM, octaves: 6, gain: 0.55 });
  const sorted = Float32Array.from(field).sort();
  const edge = sorted[Math.floor((1 - clamp(cover, 0, 0.98)) * (sorted.length - 1))]!;
  const softness = rng.uniform(0.12, 0.45);
  const densest = rng.next() < 0.75 ? 1 : rng.uniform(0.35, 0.8);
  for (let cell = 0; cell < opacity.length; cell++) {
    opacity[cell] = densest * smoothstep(edge - 0.3 * softness, edge + softness, field[cell]!);
  }
  const heightM = rng.uniform(400, 1800);
  const reachM = heightM / Math.tan((sun.elevationDeg * Math.PI) / 180);
  const shiftCols = Math.round((-Math.sin((sun.azimuthDeg * Math.PI) / 180) * reachM) / grid.cellM);
  const shiftRows = Math.round((Math.cos((sun.azimuthDeg * Math.PI) / 180) * reachM) / grid.cellM);
  for (let row = 0, cell = 0; row < grid.rows; row++) {
    for (let col = 0; col < grid.cols; col++, cell++) {
      const fromCol = col - shiftCols;
      const fromRow = row - shiftRows;
      const inside = fromCol >= 0 && fromRow >= 0 && fromCol < grid.cols && fromRow < grid.rows;
      if (inside) sunlit[cell] = 1 - 0.95 * opacity[fromRow * grid.cols + fromCol]!;
    }
  }
  return { opacity, sunlit };
}

/** Cloud tops: white, a little darker in the short-wave infrared. */
const CLOUD_REFL = [0.78, 0.77, 0.78, 0.8, 0.55, 0.42] as const;

/** Lays clouds over reflectances, in place. */
export function coverWithClouds(bandsRefl: readonly Float32Array[], clouds: Clouds, rng: Rng): void {
  const level = rng.uniform(0.75, 1.15);
  bandsRefl.forEach((band, index) => {
    const top = CLOUD_REFL[index]! * level * rng.uniform(0.95, 1.05);
    for (let cell = 0; cell < band.length; cell++) {
      const opacity = clouds.opacity[cell]!;
      if (opacity > 0) band[cell] = band[cell]! * (1 - opacity) + top * opacity * (0.65 + 0.35 * opacity);
    }
  });
}
