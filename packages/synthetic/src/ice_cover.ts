import type { Rng } from "@glof/core";
import { type Canvas, paint } from "./canvas.js";
import { clamp, noiseField, smoothstep } from "./grid.js";
import { fbm, makeNoise, ridged } from "./noise.js";
import type { Relief } from "./relief.js";
import { type Materials, mixSpectra } from "./spectra.js";

/** Paints glacier ice, clean and dirty, crevassed where it is steep, and the debris that covers it. */
export function paintGlaciers(canvas: Canvas, relief: Relief, materials: Materials, rng: Rng): void {
  const { grid, streaks, debris } = relief;
  const share = relief.cover.map((cover) => clamp(0.5 + (cover * 60) / grid.cellM, 0, 1));
  const crevasses = noiseField(
    grid,
    ridged(makeNoise(rng.split("crevasses")), { octaves: 3, gain: 0.6 }),
    75,
  );
  const level = relief.slope.map(
    (slope, cell) => 1 + smoothstep(0.15, 0.4, slope) * 0.9 * (0.5 - crevasses[cell]!),
  );
  const dirtiness = rng.uniform(-0.3, 0.3);
  paint(canvas, "ice", materials.cleanIce, share, level);
  const dirt = share.map((part, cell) => part * smoothstep(-0.3, 0.5, streaks[cell]! + dirtiness));
  paint(canvas, "ice", materials.dirtyIce, dirt, level);
  const moraines = share.map(
    (part, cell) => part * smoothstep(0.38, 0.62, debris[cell]! + 0.5 * streaks[cell]!),
  );
  const tone = relief.hummocks.map((value, cell) => Math.exp(0.11 * value + 0.22 * streaks[cell]!));
  paint(canvas, "debris", materials.debris, moraines, tone);
  const second = noiseField(grid, fbm(makeNoise(rng.split("second")), { octaves: 3 }), 900);
  const darkBands = moraines.map(
    (part, cell) => 0.75 * part * smoothstep(0.15, 0.5, streaks[cell]! * 1.2 + 0.5 * second[cell]!),
  );
  paint(canvas, "debris", mixSpectra(materials.debris, materials.rocks[1]!, 0.8), darkBands, tone);
  paintIceCliffs(canvas, relief, materials, moraines);
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
