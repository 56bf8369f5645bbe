import type { Rng } from "@glof/core";
import type { Spectrum } from "./spectra.js";

/** Field covers: soils, crops in several states, stubble, plastic. B02 B03 B04 B08 B11 B12. */
export const FIELDS: readonly Spectrum[] = [
  [0.09, 0.12, 0.165, 0.24, 0.34, 0.28], // dry loam
  [0.06, 0.075, 0.09, 0.13, 0.2, 0.17], // wet soil
  [0.13, 0.17, 0.22, 0.29, 0.41, 0.36], // pale soil
  [0.075, 0.105, 0.16, 0.22, 0.36, 0.3], // red soil
  [0.03, 0.06, 0.035, 0.42, 0.19, 0.085], // dense green crop
  [0.04, 0.075, 0.055, 0.32, 0.22, 0.12], // green crop
  [0.055, 0.09, 0.09, 0.25, 0.27, 0.17], // ripening
  [0.08, 0.115, 0.15, 0.26, 0.36, 0.25], // stubble
  [0.045, 0.07, 0.06, 0.27, 0.19, 0.1], // meadow
  [0.24, 0.26, 0.28, 0.33, 0.33, 0.27], // plastic sheet
];

/** Roofs and paving. Blue sheet metal and dark asphalt are the ones that water indices take for water. */
export const ROOFS: readonly Spectrum[] = [
  [0.1, 0.11, 0.12, 0.15, 0.18, 0.17], // grey concrete
  [0.14, 0.155, 0.17, 0.2, 0.22, 0.2], // pale concrete
  [0.08, 0.1, 0.15, 0.2, 0.23, 0.2], // red tile
  [0.2, 0.19, 0.15, 0.19, 0.2, 0.18], // blue sheet metal
  [0.34, 0.36, 0.38, 0.42, 0.34, 0.28], // white roof
  [0.065, 0.07, 0.075, 0.09, 0.11, 0.11], // asphalt, dark roof
];

export const ASPHALT: Spectrum = [0.085, 0.095, 0.105, 0.125, 0.15, 0.145];
export const TRACK: Spectrum = [0.13, 0.16, 0.2, 0.26, 0.33, 0.3];

/** A cover of a list with its own brightness, as one field or roof differs from the next. */
export function varied(list: readonly Spectrum[], rng: Rng, spread: number): Spectrum {
  const base = list[rng.int(list.length)]!;
  const level = Math.exp(spread * rng.normal());
  return base.map((value) => value * level * Math.exp(0.3 * spread * rng.normal()));
}
