import type { Rng } from "@glof/core";
import { type Canvas, paint } from "./canvas.js";
import type { Climate } from "./climate.js";
import { boxBlur } from "./filters.js";
import { clamp, heightBelow, smoothstep } from "./grid.js";
import { noiseField } from "./noise_field.js";
import type { Relief } from "./relief.js";
import type { Materials } from "./spectra.js";

/**
 * Snow above a line that rises on sunny slopes, in drifts at its edge, not on walls; patches below.
 *
 * @returns the running water that the snow leaves open
 */
export function paintSnow(
  canvas: Canvas,
  relief: Relief,
  river: Float32Array,
  materials: Materials,
  climate: Climate,
  rng: Rng,
): Float32Array {
  const { grid } = relief;
  const lineM = heightBelow(relief.elevationM, 1 - climate.snowShare);
  const drift = noiseField(grid, rng, { wavelengthM: 380, octaves: 5, gain: 0.62 });
  const patchLevel = climate.patches > 0 ? 1.5 - 1.7 * Math.sqrt(climate.patches) : 9;
  // Steepness of the surroundings: crests are level at the top, yet the wind and the drop keep them bare.
  const steep = boxBlur(relief.slope, grid.cols, grid.rows, clamp(45 / grid.cellM, 1.5, 5));
  const share = new Float32Array(drift.length);
  const fresh = new Float32Array(drift.length);
  for (let cell = 0; cell < share.length; cell++) {
    const firn = relief.cover[cell]! > 0 ? smoothstep(0.5, 0.1, relief.debris[cell]!) * 200 : 0;
    const above = relief.elevationM[cell]! + 160 * relief.northward[cell]! + firn - lineM;
    const held = smoothstep(1.15, 0.6, 0.35 * relief.slope[cell]! + 0.65 * steep[cell]! + 0.3 * drift[cell]!);
    const line = smoothstep(-0.25, 0.35, above / 250 + 0.7 * drift[cell]!);
    const patch = smoothstep(patchLevel, patchLevel + 0.15, drift[cell]! + 0.4 * relief.northward[cell]!);
    share[cell] = held * Math.max(line, patch);
    fresh[cell] = share[cell]! * clamp(climate.freshness + above / 1500 + 0.2 * drift[cell]!, 0, 1);
  }
  paint(canvas, "snow", materials.oldSnow, share);
  paint(canvas, "snow", materials.freshSnow, fresh);
  return river.map((part, cell) => part * (1 - share[cell]!));
}
