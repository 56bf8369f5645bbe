import type { Rng } from "@glof/core";
import { type Canvas, modulate, paint } from "./canvas.js";
import { cellCount, smoothstep } from "./grid.js";
import { noiseField } from "./noise_field.js";
import type { Relief } from "./relief.js";
import type { RiverCover } from "./rivers.js";
import { type Materials, waterSpectrum } from "./spectra.js";

/** Paints everything that is not ice or lake: rocks, turf, till left by old ice, gravel and streams. */
export function paintGround(
  canvas: Canvas,
  relief: Relief,
  rivers: RiverCover,
  materials: Materials,
  equilibriumM: number,
  rng: Rng,
): void {
  const { grid } = relief;
  paintRocks(canvas, materials, rng.split("rocks"));
  const patchy = noiseField(grid, rng.split("patchy"), { wavelengthM: 500, octaves: 5, gain: 0.6 });
  paintTurf(canvas, relief, materials, equilibriumM, patchy, rng);
  paintTill(canvas, relief, materials, patchy);
  const grain = noiseField(grid, rng.split("grain"), { wavelengthM: 90, octaves: 4, gain: 0.75 });
  modulate(
    canvas,
    grain.map((value) => Math.exp(0.26 * value)),
  );
  paint(canvas, "till", materials.sediment, rivers.gravel);
  paint(canvas, "river", waterSpectrum(rng.uniform(0.2, 0.9), rng.split("river")), rivers.water);
}

/** Turf up to a line below the ice, the thinner the steeper. */
function paintTurf(
  canvas: Canvas,
  relief: Relief,
  materials: Materials,
  equilibriumM: number,
  patchy: Float32Array,
  rng: Rng,
): void {
  const limitM = equilibriumM - rng.uniform(-100, 700);
  const density = rng.uniform(0.4, 0.95);
  const turf = relief.slope.map((slope, cell) => {
    const high = (relief.elevationM[cell]! - limitM) / 250;
    return (
      density *
      smoothstep(0.85, 0.4, slope + 0.2 * patchy[cell]!) *
      smoothstep(0.3, -0.4, high + 0.8 * patchy[cell]!)
    );
  });
  const mottle = noiseField(relief.grid, rng.split("mottle"), { wavelengthM: 170, octaves: 3, gain: 0.7 });
  paint(
    canvas,
    "vegetation",
    materials.turf,
    turf,
    mottle.map((value) => Math.exp(0.22 * value)),
  );
}

/** Scree under walls, till where ice has been, pale faces of side moraines. */
function paintTill(canvas: Canvas, relief: Relief, materials: Materials, patchy: Float32Array): void {
  const scree = relief.slope.map(
    (slope, cell) =>
      0.8 * smoothstep(0.35, 0.55, slope) * smoothstep(0.95, 0.7, slope) * smoothstep(0, 0.7, patchy[cell]!),
  );
  paint(canvas, "till", materials.till, scree);
  const till = relief.oldCover.map(
    (cover, cell) =>
      smoothstep(-0.85, -0.25, cover + 0.25 * patchy[cell]!) * smoothstep(0.95, 0.5, relief.slope[cell]!),
  );
  paint(canvas, "till", materials.till, till);
  // The inner faces of side moraines: fresh, pale and bare.
  const faces = relief.oldCover.map((cover) => 0.8 * Math.exp(-(((cover + 0.16) / 0.11) ** 2)));
  paint(
    canvas,
    "till",
    materials.till.map((value) => 1.15 * value),
    faces,
  );
}

/** Two or three rocks in bent bands. */
function paintRocks(canvas: Canvas, materials: Materials, rng: Rng): void {
  const whole = new Float32Array(cellCount(canvas.grid)).fill(1);
  paint(canvas, "rock", materials.rocks[0]!, whole);
  materials.rocks.slice(1).forEach((rock, index) => {
    const own = rng.split(index);
    const strata = noiseField(canvas.grid, own, {
      wavelengthM: own.uniform(700, 2200),
      octaves: 5,
      gain: 0.55,
    });
    paint(
      canvas,
      "rock",
      rock,
      strata.map((value) => smoothstep(-0.2, 0.3, value)),
    );
  });
}
