import type { Rng } from "@glof/core";

/** A smooth random function of the plane, about -1 to 1, zero mean, one feature per unit length. */
export type Noise2d = (x: number, y: number) => number;

const PERIOD = 256;
const DIRECTIONS = 32;

/** Shuffled gradients at the whole-numbered points of the plane. */
export interface Lattice {
  /** A permutation of 0 to 255, twice in a row. */
  readonly table: Uint8Array;
  readonly gradientX: Float64Array;
  readonly gradientY: Float64Array;
}

/** Draws a lattice: same `rng` state, same lattice. */
export function makeLattice(rng: Rng): Lattice {
  const order = rng.shuffle(Array.from({ length: PERIOD }, (_, index) => index));
  const table = Uint8Array.from([...order, ...order]);
  const phase = rng.uniform(0, 2 * Math.PI);
  const gradientX = new Float64Array(PERIOD);
  const gradientY = new Float64Array(PERIOD);
  for (let index = 0; index < PERIOD; index++) {
    const angle = phase + (2 * Math.PI * (index % DIRECTIONS)) / DIRECTIONS;
    // 1.5 brings the usual range of plane gradient noise (about ±0.7) to about ±1.
    gradientX[index] = 1.5 * Math.cos(angle);
    gradientY[index] = 1.5 * Math.sin(angle);
  }
  return { table, gradientX, gradientY };
}

/**
 * Gradient noise (Perlin 2002, "Improving noise") over a lattice: same `rng` state, same function.
 *
 * It repeats after 256 units, more than any field of this package spans.
 */
export function makeNoise(rng: Rng): Noise2d {
  const { table, gradientX, gradientY } = makeLattice(rng);
  return (x, y) => {
    const left = Math.floor(x);
    const top = Math.floor(y);
    const fx = x - left;
    const fy = y - top;
    const column = left & 255;
    const row = top & 255;
    const a = table[column]! + row;
    const b = table[column + 1]! + row;
    const g00 = table[a & 511]!;
    const g01 = table[(a + 1) & 511]!;
    const g10 = table[b & 511]!;
    const g11 = table[(b + 1) & 511]!;
    const n00 = gradientX[g00]! * fx + gradientY[g00]! * fy;
    const n10 = gradientX[g10]! * (fx - 1) + gradientY[g10]! * fy;
    const n01 = gradientX[g01]! * fx + gradientY[g01]! * (fy - 1);
    const n11 = gradientX[g11]! * (fx - 1) + gradientY[g11]! * (fy - 1);
    const u = fade(fx);
    const upper = n00 + u * (n10 - n00);
    const lower = n01 + u * (n11 - n01);
    return upper + fade(fy) * (lower - upper);
  };
}

/** Perlin's quintic: 0 to 1 with level ends and no jump in curvature. */
export const fade = (t: number): number => t * t * t * (t * (t * 6 - 15) + 10);

/** How octaves of noise are added up. */
export interface OctaveOptions {
  readonly octaves: number;
  /** Amplitude of each octave relative to the one before; default 0.5. */
  readonly gain?: number;
  /**
   * Frequency of each octave relative to the one before; default 2.03 (not 2, so that lattices do not align).
   */
  readonly lacunarity?: number;
}

/** Fractional Brownian motion: a sum of octaves, scaled to about -1 to 1. */
export function fbm(noise: Noise2d, options: OctaveOptions): Noise2d {
  const { octaves, gain = 0.5, lacunarity = 2.03 } = options;
  let sumOfSquares = 0;
  for (let octave = 0; octave < octaves; octave++) sumOfSquares += gain ** (2 * octave);
  const scale = 1 / Math.sqrt(sumOfSquares);
  return (x, y) => {
    let sum = 0;
    let amplitude = scale;
    let px = x;
    let py = y;
    for (let octave = 0; octave < octaves; octave++) {
      sum += amplitude * noise(px, py);
      amplitude *= gain;
      px = px * lacunarity + 17.3;
      py = py * lacunarity + 9.7;
    }
    return sum;
  };
}

/**
 * Ridged multifractal (Musgrave, in Ebert et al., "Texturing & Modeling", ch. 16): sharp crests, smooth
 * valleys; 0 to 1.
 */
export function ridged(noise: Noise2d, options: OctaveOptions): Noise2d {
  const { octaves, gain = 0.5, lacunarity = 2.03 } = options;
  let total = 0;
  for (let octave = 0; octave < octaves; octave++) total += gain ** octave;
  return (x, y) => {
    let sum = 0;
    let amplitude = 1 / total;
    let weight = 1;
    let px = x;
    let py = y;
    for (let octave = 0; octave < octaves; octave++) {
      const crest = 1 - Math.min(1, Math.abs(noise(px, py)));
      const signal = crest * crest * weight;
      sum += amplitude * signal;
      // Detail gathers on the crests: valleys stay smooth, as erosion leaves them.
      weight = Math.min(1, 2 * signal);
      amplitude *= gain;
      px = px * lacunarity + 31.7;
      py = py * lacunarity + 11.1;
    }
    return sum;
  };
}
