import type { Rng } from "@glof/core";
import { cellCount, type FieldGrid } from "./grid.js";
import { fade, type Lattice, makeLattice } from "./noise.js";

/** Octaves of gradient noise over a grid. */
export interface NoiseFieldOptions {
  /** Size of the largest features. */
  readonly wavelengthM: number;
  readonly octaves: number;
  /** Amplitude of each octave relative to the one before; default 0.5. */
  readonly gain?: number;
}

const LACUNARITY = 2.03;

/** Fractional Brownian motion at every cell: zero mean, standard deviation about 0.4, seldom beyond ±1. */
export function noiseField(grid: FieldGrid, rng: Rng, options: NoiseFieldOptions): Float32Array {
  const { gain = 0.5, octaves } = options;
  const field = new Float32Array(cellCount(grid));
  let sumOfSquares = 0;
  for (let octave = 0; octave < octaves; octave++) sumOfSquares += gain ** (2 * octave);
  let amplitude = 1 / Math.sqrt(sumOfSquares);
  visitOctaves(grid, rng, options, (row, start) => {
    for (let col = 0; col < row.length; col++)
      field[start + col] = field[start + col]! + amplitude * row[col]!;
    if (start + row.length === field.length) amplitude *= gain;
  });
  return field;
}

/**
 * Ridged multifractal at every cell, 0 to 1: sharp crests that gather the detail, smooth valleys (see
 * `ridged`).
 */
export function ridgedField(grid: FieldGrid, rng: Rng, options: NoiseFieldOptions): Float32Array {
  const { gain = 0.5, octaves } = options;
  const field = new Float32Array(cellCount(grid));
  const weight = new Float32Array(cellCount(grid)).fill(1);
  let total = 0;
  for (let octave = 0; octave < octaves; octave++) total += gain ** octave;
  let amplitude = 1 / total;
  visitOctaves(grid, rng, options, (row, start) => {
    for (let col = 0, cell = start; col < row.length; col++, cell++) {
      const crest = 1 - Math.min(1, Math.abs(row[col]!));
      const signal = crest * crest * weight[cell]!;
      field[cell] = field[cell]! + amplitude * signal;
      weight[cell] = Math.min(1, 2 * signal);
    }
    if (start + row.length === field.length) amplitude *= gain;
  });
  return field;
}

/** Calls `visit` with each row of each octave, from the largest features to the smallest. */
function visitOctaves(
  grid: FieldGrid,
  rng: Rng,
  options: NoiseFieldOptions,
  visit: (row: Float64Array, start: number) => void,
): void {
  const lattice = makeLattice(rng);
  const row = new Float64Array(grid.cols);
  let frequency = 1 / options.wavelengthM;
  // Each octave looks at another part of the lattice, so that features do not line up at the origin.
  let [shiftX, shiftY] = [rng.uniform(0, 200), rng.uniform(0, 200)];
  for (let octave = 0; octave < options.octaves; octave++) {
    const columns = placeColumns(grid, frequency, shiftX);
    for (let line = 0; line < grid.rows; line++) {
      fillRow(row, lattice, columns, (grid.originYM + line * grid.cellM) * frequency + shiftY);
      visit(row, line * grid.cols);
    }
    frequency *= LACUNARITY;
    shiftX += 17.3;
    shiftY += 9.7;
  }
}

/** Where the columns of a grid lie on the lattice: the same for all rows. */
interface Columns {
  readonly left: Int32Array;
  readonly inside: Float64Array;
  readonly faded: Float64Array;
}

function placeColumns(grid: FieldGrid, frequency: number, shift: number): Columns {
  const left = new Int32Array(grid.cols);
  const inside = new Float64Array(grid.cols);
  for (let col = 0; col < grid.cols; col++) {
    const x = (grid.originXM + col * grid.cellM) * frequency + shift;
    left[col] = Math.floor(x);
    inside[col] = x - left[col]!;
  }
  return { left, inside, faded: inside.map(fade) };
}

/** One row of noise. Gradients are looked up once per lattice cell and not once per pixel. */
function fillRow(row: Float64Array, lattice: Lattice, columns: Columns, y: number): void {
  const { table, gradientX, gradientY } = lattice;
  const top = Math.floor(y);
  const fy = y - top;
  const v = fade(fy);
  const line = top & 255;
  let current = Number.NaN;
  let [gx00, gx10, gx01, gx11, c00, c10, c01, c11] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let col = 0; col < row.length; col++) {
    const left = columns.left[col]!;
    if (left !== current) {
      current = left;
      const a = table[left & 255]! + line;
      const b = table[(left & 255) + 1]! + line;
      const g00 = table[a & 511]!;
      const g01 = table[(a + 1) & 511]!;
      const g10 = table[b & 511]!;
      const g11 = table[(b + 1) & 511]!;
      gx00 = gradientX[g00]!;
      gx10 = gradientX[g10]!;
      gx01 = gradientX[g01]!;
      gx11 = gradientX[g11]!;
      c00 = gradientY[g00]! * fy;
      c10 = gradientY[g10]! * fy - gx10;
      c01 = gradientY[g01]! * (fy - 1);
      c11 = gradientY[g11]! * (fy - 1) - gx11;
    }
    const fx = columns.inside[col]!;
    const u = columns.faded[col]!;
    const n00 = gx00 * fx + c00;
    const n01 = gx01 * fx + c01;
    const upper = n00 + u * (gx10 * fx + c10 - n00);
    const lower = n01 + u * (gx11 * fx + c11 - n01);
    row[col] = upper + v * (lower - upper);
  }
}
