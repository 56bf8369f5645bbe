import type { Rng } from "@glof/core";
import { accumulate, type Drainage, drain } from "./drainage.js";
import { boxBlur } from "./filters.js";
import { cellCount, clamp, type FieldGrid, mix, resampleSmooth, sampleField, smoothstep } from "./grid.js";
import { fbm, makeNoise, ridged } from "./noise.js";

/** Bare ground before ice and lakes, on a coarse grid, with the valleys that ice and water follow. */
export interface Terrain {
  readonly grid: FieldGrid;
  readonly elevationM: Float32Array;
  readonly drainage: Drainage;
  /** Area that drains through each cell, km2. */
  readonly catchmentKm2: Float64Array;
  /** Half width of the flat valley floor at each cell, metres: grows with the catchment. */
  readonly floorHalfWidthM: Float32Array;
}

/** What the relief looks like. */
export interface TerrainOptions {
  readonly lowestM: number;
  readonly reliefM: number;
  /** Steepest slope that holds (metres per metre): 0.5 gentle hills, 1.2 Himalayan walls. */
  readonly steepest: number;
  /** 0 V-shaped river valleys to 1 wide glacial troughs. */
  readonly glacial: number;
}

/**
 * Slope of a channel that drains 1 km2 at steady state; concavity of river profiles (Whipple and Tucker
 * 1999).
 */
const CHANNEL_SLOPE = 0.22;
const CONCAVITY = 0.45;

/**
 * Mountain relief: noise for the large forms, then uplift against stream erosion solved implicitly (Braun and
 * Willett 2013), from coarse to fine, so that valleys join into a tree; then glacial troughs around the
 * larger valleys.
 */
export function makeTerrain(grid: FieldGrid, options: TerrainOptions, rng: Rng): Terrain {
  let level = coarsen(grid, 4);
  const uplift = makeUplift(grid, rng.split("uplift"));
  let elevationM = sampleField(level, (x, y) => options.reliefM * uplift(x, y));
  const outletSeed = makeOutlets(rng.split("outlets"));
  for (const [factor, steps] of [
    [4, 14],
    [2, 10],
    [1, 7],
  ] as const) {
    const next = coarsen(grid, factor);
    elevationM = resampleSmooth(elevationM, level, next);
    level = next;
    const jitter = fbm(makeNoise(rng.split(`jitter ${factor}`)), { octaves: 2 });
    const roughM = 0.02 * options.reliefM;
    elevationM = elevationM.map(
      (height, cell) => height + roughM * jitter((cell % next.cols) / 6, Math.floor(cell / next.cols) / 6),
    );
    const rising = sampleField(level, (x, y) => 0.25 + uplift(x, y));
    const strength = sampleField(level, (x, y) => options.steepest * (0.85 + 0.3 * jitter(x / 900, y / 900)));
    for (let step = 0; step < steps; step++) erode(elevationM, level, outletSeed(level), rising, strength);
  }
  return carveTroughs(grid, fitRelief(elevationM, options), outletSeed(grid), options, rng.split("troughs"));
}

function coarsen(grid: FieldGrid, factor: number): FieldGrid {
  const cols = Math.max(8, Math.ceil(grid.cols / factor));
  const rows = Math.max(8, Math.ceil(grid.rows / factor));
  const cellM = grid.cellM * factor;
  const shift = (cellM - grid.cellM) / 2;
  return { cols, rows, cellM, originXM: grid.originXM + shift, originYM: grid.originYM + shift };
}

/** Where the range rises: one or two axes of ridged noise over a tilt, 0 to 1. */
function makeUplift(grid: FieldGrid, rng: Rng): (xM: number, yM: number) => number {
  const extentM = grid.cellM * Math.max(grid.cols, grid.rows);
  const crests = ridged(makeNoise(rng), { octaves: 3, gain: 0.45 });
  const swells = fbm(makeNoise(rng), { octaves: 2 });
  const bearing = rng.uniform(0, 2 * Math.PI);
  const tilt = rng.uniform(0.15, 0.5);
  const wavelengthM = extentM * rng.uniform(0.5, 0.9);
  return (xM, yM) => {
    const along = (xM * Math.cos(bearing) + yM * Math.sin(bearing)) / extentM;
    const ridge = crests(xM / wavelengthM, yM / wavelengthM);
    return clamp(0.65 * ridge + tilt * along + 0.18 * swells(xM / wavelengthM, yM / wavelengthM), 0.02, 1.5);
  };
}

/** Two to five stretches of the border where valleys leave the scene; the same places on every grid. */
function makeOutlets(rng: Rng): (grid: FieldGrid) => Uint8Array {
  const places = Array.from({ length: 2 + rng.int(4) }, () => rng.next() * 4);
  return (grid) => {
    const outlet = new Uint8Array(cellCount(grid));
    for (const place of places) {
      const side = Math.floor(place);
      const share = place - side;
      const col = side === 0 ? 0 : side === 1 ? grid.cols - 1 : Math.floor(share * grid.cols);
      const row = side === 2 ? 0 : side === 3 ? grid.rows - 1 : Math.floor(share * grid.rows);
      outlet[row * grid.cols + col] = 1;
    }
    return outlet;
  };
}

/** One implicit step of uplift, stream power and a largest slope, from the outlets upstream. */
function erode(
  elevationM: Float32Array,
  grid: FieldGrid,
  outlet: Uint8Array,
  rising: Float32Array,
  steepest: Float32Array,
): void {
  const drainage = drain(elevationM, grid, outlet);
  const cellKm2 = (grid.cellM / 1000) ** 2;
  const catchmentKm2 = accumulate(drainage, () => cellKm2);
  const riseM = 90;
  for (const cell of drainage.order) {
    const below = drainage.receiver[cell]!;
    if (below === cell) {
      elevationM[cell] = Math.min(elevationM[cell]!, 0);
      continue;
    }
    const diagonal = Math.abs(below - cell) !== 1 && Math.abs(below - cell) !== grid.cols;
    const apartM = grid.cellM * (diagonal ? Math.SQRT2 : 1);
    const wear = (riseM / CHANNEL_SLOPE) * (catchmentKm2[cell]! ** CONCAVITY / apartM);
    const risen = elevationM[cell]! + riseM * rising[cell]!;
    const worn = (risen + wear * elevationM[below]!) / (1 + wear);
    elevationM[cell] = Math.min(worn, elevationM[below]! + steepest[cell]! * apartM);
  }
}

/** Brings the highest summit to the wanted relief, keeping slopes below what the walls can hold. */
function fitRelief(elevationM: Float32Array, options: TerrainOptions): Float32Array {
  const sorted = Float32Array.from(elevationM).sort();
  const low = sorted[Math.floor(0.01 * sorted.length)]!;
  const high = sorted[Math.floor(0.995 * sorted.length)]!;
  const scale = clamp(options.reliefM / Math.max(1, high - low), 0.3, 1.6);
  return elevationM.map((height) => options.lowestM + Math.max(-30, height - low) * scale);
}

/** Half width of a glacial trough's floor by catchment; about 120 m at 1 km2 and 420 m at 30 km2. */
const floorHalfWidth = (catchmentKm2: number): number => 120 * catchmentKm2 ** 0.37;

function carveTroughs(
  grid: FieldGrid,
  elevationM: Float32Array,
  outlet: Uint8Array,
  options: TerrainOptions,
  rng: Rng,
): Terrain {
  const cellKm2 = (grid.cellM / 1000) ** 2;
  const before = drain(elevationM, grid, outlet);
  const catchment = accumulate(before, () => cellKm2);
  const width = rng.uniform(0.8, 1.5) * mix(0.35, 1, options.glacial);
  const wall = rng.uniform(0.5, 0.9);
  const carved = Float32Array.from(before.filledM);
  const nearest = new Float32Array(elevationM.length).fill(Number.POSITIVE_INFINITY);
  const floorHalfWidthM = catchment.reduce((widths, area, cell) => {
    widths[cell] = width * floorHalfWidth(area);
    return widths;
  }, new Float32Array(elevationM.length));
  for (let cell = 0; cell < carved.length; cell++) {
    if (catchment[cell]! < 0.12) continue;
    const halfWidthM = floorHalfWidthM[cell]!;
    visitDisc(grid, cell, 2.2 * halfWidthM, (other, distanceM) => {
      const ratio = distanceM / halfWidthM;
      if (ratio >= nearest[other]!) return;
      nearest[other] = ratio;
      const floorM = before.filledM[cell]! + wall * halfWidthM * Math.max(0, ratio - 0.55) ** 1.8;
      carved[other] = Math.min(before.filledM[other]!, floorM);
    });
  }
  const smooth = boxBlur(carved, grid.cols, grid.rows, 1.2);
  // Troughs get the smoothing that ice gives; crests stay sharp.
  const shaped = carved.map((height, cell) =>
    mix(height, smooth[cell]!, smoothstep(2.6, 1.2, Math.min(3, nearest[cell]!))),
  );
  const drainage = drain(shaped, grid, outlet);
  return {
    grid,
    elevationM: drainage.filledM,
    drainage,
    catchmentKm2: accumulate(drainage, () => cellKm2),
    floorHalfWidthM,
  };
}

/** Visits the cells within a radius of a cell's centre, with their distance in metres. */
export function visitDisc(
  grid: FieldGrid,
  cell: number,
  radiusM: number,
  visit: (other: number, distanceM: number) => void,
): void {
  const reach = Math.ceil(radiusM / grid.cellM);
  const col = cell % grid.cols;
  const row = (cell - col) / grid.cols;
  for (let r = Math.max(0, row - reach); r <= Math.min(grid.rows - 1, row + reach); r++) {
    for (let c = Math.max(0, col - reach); c <= Math.min(grid.cols - 1, col + reach); c++) {
      const distanceM = grid.cellM * Math.hypot(c - col, r - row);
      if (distanceM <= radiusM) visit(r * grid.cols + c, distanceM);
    }
  }
}
