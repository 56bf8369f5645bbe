import type { Rng } from "@glof/core";
import { type Canvas, paint } from "./canvas.js";
import { clamp, smoothstep } from "./grid.js";
import { noiseField, ridgedField } from "./noise_field.js";
import type { Relief } from "./relief.js";
import { type Materials, mixSpectra } from "./spectra.js";

/**
 * Ground length over which glacier cover falls by 1 at a usual outline: turns cover into parts of a pixel.
 */
export const EDGE_M = 180;

/**
 * Paints the debris that covers tongues, then ice where it is open: clean and dirty, crevassed where it is
 * steep.
 */
export function paintGlaciers(canvas: Canvas, relief: Relief, materials: Materials, rng: Rng): void {
  const { grid, streaks, debris, hummocks } = relief;
  const share = relief.cover.map((cover) => clamp(0.5 + (cover * EDGE_M) / grid.cellM, 0, 1));
  const speckle = noiseField(grid, rng.split("speckle"), {
    wavelengthM: Math.max(28, 2.2 * grid.cellM),
    octaves: 2,
    gain: 0.9,
  });
  const tone = hummocks.map((value, cell) =>
    Math.exp(0.2 * value + 0.25 * streaks[cell]! + 0.16 * speckle[cell]!),
  );
  paint(canvas, "debris", materials.debris, share, tone);
  const second = noiseField(grid, rng.split("second"), { wavelengthM: 900, octaves: 3 });
  const darkBands = share.map(
    (part, cell) => 0.8 * part * smoothstep(0.1, 0.5, streaks[cell]! * 1.2 + 0.6 * second[cell]!),
  );
  paint(canvas, "debris", mixSpectra(materials.debris, materials.rocks[1]!, 0.8), darkBands, tone);
  paintIceCliffs(canvas, relief, materials, share);
  const open = share.map((part, cell) => part * smoothstep(0.62, 0.38, debris[cell]! + 0.5 * streaks[cell]!));
  const crevasses = ridgedField(grid, rng.split("crevasses"), { wavelengthM: 75, octaves: 3, gain: 0.6 });
  const level = relief.slope.map(
    (slope, cell) => 1 + smoothstep(0.15, 0.4, slope) * 0.9 * (0.5 - crevasses[cell]!),
  );
  paint(canvas, "ice", materials.cleanIce, open, level);
  const dirtiness = rng.uniform(-0.3, 0.3);
  const dirt = open.map((part, cell) => part * smoothstep(-0.3, 0.5, streaks[cell]! + dirtiness));
  paint(canvas, "ice", materials.dirtyIce, dirt, level);
}

/** Bare faces beside hollows: melting ice with dust on it, darker than the debris and wet. */
function paintIceCliffs(canvas: Canvas, relief: Relief, materials: Materials, moraines: Float32Array): void {
  const faces = moraines.map(
    (part, cell) =>
      0.7 *
      part *
      smoothstep(-0.45, -0.8, relief.hummocks[cell]!) *
      smoothstep(0.1, 0.6, relief.northward[cell]!),
  );
  paint(
    canvas,
    "debris",
    mixSpectra(materials.dirtyIce, materials.debris, 0.4).map((value) => 0.6 * value),
    faces,
  );
}
