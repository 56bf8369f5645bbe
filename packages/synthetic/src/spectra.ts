import type { Rng } from "@glof/core";
import { clamp, mix } from "./grid.js";

/** Reflectance in `SYNTHETIC_BANDS` order: B02 B03 B04 B08 B11 B12. */
export type Spectrum = readonly number[];

/** Number of bands in a spectrum. */
export const SPECTRUM_LENGTH = 6;

/** Spectra of one scene's materials. Levels follow percentiles of Sentinel-2 L2A images of high mountains. */
export interface Materials {
  /** Two or three rocks that a scene mixes. */
  readonly rocks: readonly Spectrum[];
  readonly debris: Spectrum;
  readonly till: Spectrum;
  readonly sediment: Spectrum;
  readonly turf: Spectrum;
  readonly forest: Spectrum;
  readonly cleanIce: Spectrum;
  readonly dirtyIce: Spectrum;
  readonly freshSnow: Spectrum;
  readonly oldSnow: Spectrum;
  readonly blackLakeIce: Spectrum;
  readonly greyLakeIce: Spectrum;
}

const ROCKS: readonly Spectrum[] = [
  [0.2, 0.228, 0.246, 0.262, 0.37, 0.342], // leucogranite, pale grey
  [0.125, 0.148, 0.162, 0.178, 0.285, 0.262], // gneiss, mid grey
  [0.062, 0.081, 0.1, 0.135, 0.31, 0.265], // weathered schist, brown
  [0.05, 0.06, 0.07, 0.085, 0.12, 0.11], // dark shale or amphibolite
  [0.1, 0.13, 0.185, 0.225, 0.36, 0.31], // iron-stained, reddish
  [0.17, 0.215, 0.26, 0.3, 0.42, 0.38], // limestone or ochre sandstone
];
const TURF: Spectrum = [0.055, 0.073, 0.088, 0.185, 0.3, 0.235];
const GREEN_TURF: Spectrum = [0.035, 0.065, 0.05, 0.29, 0.2, 0.11];
const FOREST: Spectrum = [0.02, 0.038, 0.022, 0.25, 0.11, 0.05];
const CLEAN_ICE: Spectrum = [0.42, 0.43, 0.4, 0.31, 0.03, 0.03];
const DIRTY_ICE: Spectrum = [0.22, 0.235, 0.235, 0.205, 0.075, 0.07];
const FRESH_SNOW: Spectrum = [0.9, 0.89, 0.875, 0.83, 0.105, 0.11];
const OLD_SNOW: Spectrum = [0.56, 0.565, 0.555, 0.475, 0.04, 0.042];
const BLACK_LAKE_ICE: Spectrum = [0.11, 0.11, 0.085, 0.04, 0.02, 0.02];
const GREY_LAKE_ICE: Spectrum = [0.31, 0.3, 0.25, 0.115, 0.034, 0.036];

/** How often each rock comes first: grey and brown ranges are common, red and ochre ones are not. */
const ROCK_WEIGHTS = [3, 4, 4, 2, 0.8, 1];

/** Two or three different rocks. */
function drawRocks(rng: Rng): Spectrum[] {
  const keyed = ROCKS.map((rock, index) => ({ rock, key: rng.next() ** (1 / ROCK_WEIGHTS[index]!) }));
  keyed.sort((a, b) => b.key - a.key);
  return keyed.slice(0, 2 + rng.int(2)).map(({ rock }) => rock);
}

/** Picks and varies the materials of one scene. `green` 0 bare autumn ground to 1 summer meadow. */
export function makeMaterials(rng: Rng, green: number): Materials {
  const brightness = 1.13 * Math.exp(0.16 * rng.normal());
  const vary = (base: Spectrum, spread = 0.08): Spectrum => {
    const level = Math.exp(spread * rng.normal());
    const tint = 0.5 * spread * rng.normal();
    return base.map(
      (value, band) => value * level * (1 + tint * (band / 2.5 - 1)) * Math.exp(0.03 * rng.normal()),
    );
  };
  const rocks = drawRocks(rng).map((rock) => vary(rock, 0.14).map((value) => value * brightness));
  const tone = rng.uniform(0.95, 1.2);
  const debris = mixSpectra(rocks[0]!, ROCKS[0]!, rng.uniform(0.4, 1)).map((value) => value * tone);
  const tillTone = rng.uniform(1, 1.2);
  return {
    rocks,
    debris,
    till: mixSpectra(debris, rocks[1]!, rng.uniform(0.1, 0.5)).map((value) => value * tillTone),
    sediment: mixSpectra(debris, ROCKS[0]!, 0.6).map((value) => value * tillTone),
    turf: mixSpectra(vary(TURF), vary(GREEN_TURF), clamp(green * rng.uniform(0.4, 1.2), 0, 1)),
    forest: vary(FOREST, 0.2),
    cleanIce: vary(CLEAN_ICE),
    dirtyIce: vary(DIRTY_ICE, 0.15),
    freshSnow: vary(FRESH_SNOW, 0.03),
    oldSnow: vary(OLD_SNOW, 0.08),
    blackLakeIce: vary(BLACK_LAKE_ICE, 0.25),
    greyLakeIce: vary(GREY_LAKE_ICE, 0.15),
  };
}

/** `a` at t = 0, `b` at t = 1. */
export const mixSpectra = (a: Spectrum, b: Spectrum, t: number): Spectrum =>
  a.map((value, band) => mix(value, b[band]!, t));

const CLEAR_DEEP: Spectrum = [0.045, 0.045, 0.02, 0.007, 0.008, 0.007];
const BLUE_GREEN: Spectrum = [0.075, 0.09, 0.04, 0.012, 0.012, 0.011];
const TURQUOISE: Spectrum = [0.125, 0.17, 0.11, 0.03, 0.018, 0.017];
const MILK: Spectrum = [0.185, 0.225, 0.185, 0.07, 0.035, 0.033];
const GREY_MILK: Spectrum = [0.225, 0.255, 0.24, 0.13, 0.045, 0.042];
const BROWN: Spectrum = [0.1, 0.125, 0.14, 0.085, 0.03, 0.026];
const GREEN_WATER: Spectrum = [0.045, 0.075, 0.04, 0.025, 0.012, 0.01];

/**
 * Colour of open water: clear and black-blue, through turquoise, to glacial milk (rock flour), with brownish
 * and greenish variants. `turbidity` 0 to 1.
 */
export function waterSpectrum(turbidity: number, rng: Rng): Spectrum {
  const ladder = [CLEAR_DEEP, BLUE_GREEN, TURQUOISE, MILK, GREY_MILK];
  const place = clamp(turbidity, 0, 1) * (ladder.length - 1);
  const step = Math.min(ladder.length - 2, Math.floor(place));
  const base = mixSpectra(ladder[step]!, ladder[step + 1]!, place - step);
  const kind = rng.next();
  const cast = kind < 0.15 ? BROWN : kind < 0.35 ? GREEN_WATER : base;
  const level = Math.exp(0.14 * rng.normal());
  // Sky light mirrored by the surface: grey, on all bands alike.
  const mirrored = 0.012 * rng.next() ** 2;
  return mixSpectra(base, cast, rng.uniform(0.2, 0.8) * (turbidity < 0.9 ? 1 : 0.3)).map(
    (value) => value * level * Math.exp(0.05 * rng.normal()) + mirrored,
  );
}
