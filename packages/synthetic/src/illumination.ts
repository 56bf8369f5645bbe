import type { Rng } from "@glof/core";
import { boxBlur, gradients } from "./filters.js";
import { cellCount, clamp, type FieldGrid, mix, resampleField } from "./grid.js";
import { SPECTRUM_LENGTH, type Spectrum } from "./spectra.js";
import type { SunPosition } from "./types.js";

/** Light on the ground, as factors relative to level sunlit ground. */
export interface Light {
  /** Cosine of the sun's angle to the surface over the cosine on level ground; 0 facing away. */
  readonly direct: Float32Array;
  /** 1 in the sun, 0 in cast shadow, between at the edge. */
  readonly sunlit: Float32Array;
}

/** How the air spreads light, and how much of the terrain effect the processor has removed. */
export interface AirOptions {
  /** Share of level-ground light that comes from the sky, per band. */
  readonly skyShare: Spectrum;
  /** 0 as lit, 1 terrain flattened wholly (L2A does part of it, and overdoes it in shade). */
  readonly flattening: number;
  /** How much of the light from the slopes around reaches a surface. */
  readonly terrainLight: number;
  /** Share of a pixel's light that comes from its surroundings through the air, per band (adjacency). */
  readonly adjacency: Spectrum;
  /**
   * Light scattered into the view, per band: large and blue at the top of the atmosphere, near 0 or below in
   * L2A.
   */
  readonly pathRefl: Spectrum;
}

/** Air of one scene. `toa` keeps the blue haze of top-of-atmosphere reflectance. */
export function makeAir(rng: Rng, toa: boolean): AirOptions {
  const dust = rng.uniform(0.7, 1.5);
  const skyShare = [0.17, 0.125, 0.09, 0.055, 0.028, 0.02].map((share) => share * dust);
  const shade = rng.uniform(0.5, 1.5);
  const adjacency = rng.uniform(0.2, 1) * (toa ? 1 : 0.5);
  const residual = rng.uniform(-0.006, 0.01);
  return {
    skyShare,
    terrainLight: rng.uniform(0.15, 0.6),
    flattening: toa ? rng.uniform(0, 0.15) : rng.next() < 0.3 ? rng.uniform(0, 0.3) : rng.uniform(0.3, 0.85),
    adjacency: [0.1, 0.08, 0.065, 0.045, 0.015, 0.01].map((share) => share * adjacency),
    pathRefl: toa
      ? [0.085, 0.052, 0.032, 0.014, 0.002, 0.001].map((value) => value * shade)
      : [-0.006, 0.001, 0.003, 0.002, 0.003, 0.003].map((value) => value * shade + residual * 0.3),
  };
}

/** Sun on a surface: facing and cast shadow. */
export function lightSurface(elevationM: Float32Array, grid: FieldGrid, sun: SunPosition): Light {
  const { eastward, southward } = gradients(elevationM, grid);
  const azimuth = (sun.azimuthDeg * Math.PI) / 180;
  const altitude = (sun.elevationDeg * Math.PI) / 180;
  // Unit vector towards the sun: x east, y south, z up.
  const sx = Math.sin(azimuth) * Math.cos(altitude);
  const sy = -Math.cos(azimuth) * Math.cos(altitude);
  const sz = Math.sin(altitude);
  const direct = new Float32Array(cellCount(grid));
  for (let cell = 0; cell < direct.length; cell++) {
    const gx = eastward[cell]!;
    const gy = southward[cell]!;
    const facing = (-gx * sx - gy * sy + sz) / Math.sqrt(1 + gx * gx + gy * gy);
    direct[cell] = Math.max(0, facing) / sz;
  }
  return { direct, sunlit: castShadow(elevationM, grid, sun) };
}

/**
 * Cast shadow by sweeping away from the sun: each cell keeps the height of the shadow's roof over it, taken
 * from the cell one step nearer to the sun. One pass, whatever the shadow's length. The sun's disc and the
 * step soften the edge.
 */
export function castShadow(elevationM: Float32Array, grid: FieldGrid, sun: SunPosition): Float32Array {
  const { cols, rows, cellM } = grid;
  const azimuth = (sun.azimuthDeg * Math.PI) / 180;
  const towardX = Math.sin(azimuth);
  const towardY = -Math.cos(azimuth);
  const steep = Math.tan((sun.elevationDeg * Math.PI) / 180);
  const roofM = new Float32Array(elevationM.length);
  const sunlit = new Float32Array(elevationM.length);
  const alongRows = Math.abs(towardY) >= Math.abs(towardX);
  const shift = alongRows ? towardX / Math.abs(towardY) : towardY / Math.abs(towardX);
  const dropM = steep * cellM * Math.hypot(1, shift);
  const [lines, places] = alongRows ? [rows, cols] : [cols, rows];
  const [lineStep, placeStep] = alongRows ? [cols, 1] : [1, cols];
  const sunAtStart = (alongRows ? towardY : towardX) < 0;
  for (let sweep = 0; sweep < lines; sweep++) {
    const line = sunAtStart ? sweep : lines - 1 - sweep;
    const previous = sunAtStart ? line - 1 : line + 1;
    for (let place = 0; place < places; place++) {
      const cell = line * lineStep + place * placeStep;
      const height = elevationM[cell]!;
      let roof = Number.NEGATIVE_INFINITY;
      const from = place + shift;
      if (sweep > 0 && from >= 0 && from <= places - 1) {
        const near = Math.min(places - 2, Math.floor(from));
        const t = from - near;
        const at = previous * lineStep + near * placeStep;
        roof = mix(roofM[at]!, roofM[at + placeStep]!, t) - dropM;
      }
      sunlit[cell] = clamp(1 - (roof - height) / (0.6 * dropM), 0, 1);
      roofM[cell] = Math.max(height, roof);
    }
  }
  return sunlit;
}

/**
 * Surface reflectance as a product shows it: direct and sky light on the ground, light mirrored from the
 * slopes around, then the processor's terrain correction, whose floor keeps deep shade dark and noisy. Works
 * in place.
 *
 * @param flat 1 where the surface is level whatever the elevations say (water)
 */
export function shade(
  albedo: readonly Float32Array[],
  light: Light,
  grid: FieldGrid,
  air: AirOptions,
  flat: Float32Array,
): void {
  const skyView = skyViewFactor(light, grid);
  const arriving = new Float32Array(cellCount(grid));
  for (let band = 0; band < SPECTRUM_LENGTH; band++) {
    const ground = albedo[band]!;
    const sky = air.skyShare[band]!;
    for (let cell = 0; cell < ground.length; cell++) {
      const facing = mix(Math.min(1.9, light.direct[cell]!), 1, flat[cell]!);
      arriving[cell] = facing * light.sunlit[cell]! * (1 - sky) + sky * skyView[cell]!;
    }
    const around = surroundings(ground, arriving, grid);
    const path = air.pathRefl[band]!;
    const adjacency = air.adjacency[band]!;
    for (let cell = 0; cell < ground.length; cell++) {
      const facing = mix(Math.min(1.9, light.direct[cell]!), 1, flat[cell]!);
      const mirrored = air.terrainLight * around[cell]! * (1.3 - skyView[cell]!);
      // Sen2Cor style: divides by the modelled light, held above a floor so that shade is not blown up.
      const modelled = Math.max(0.28, facing * (1 - sky) + sky);
      const seen = ground[cell]! * (arriving[cell]! + mirrored) * modelled ** -air.flattening;
      ground[cell] = mix(seen, around[cell]!, adjacency) + path;
    }
  }
}

/** Rough share of the sky that is open: lower where the surroundings stand in the light's way. */
function skyViewFactor(light: Light, grid: FieldGrid): Float32Array {
  const blurred = boxBlur(light.direct, grid.cols, grid.rows, 3);
  return blurred.map((value) => 0.7 + 0.3 * Math.min(1.2, value));
}

/** Side of the blocks that surroundings are averaged over before they are blurred. */
const BLOCK = 4;

/**
 * Light that leaves the ground within some 400 m, as bright snow or pale walls cast it into the shade
 * opposite.
 */
function surroundings(ground: Float32Array, arriving: Float32Array, grid: FieldGrid): Float32Array {
  const cols = Math.ceil(grid.cols / BLOCK);
  const rows = Math.ceil(grid.rows / BLOCK);
  const sums = new Float32Array(cols * rows);
  const counts = new Float32Array(cols * rows);
  for (let row = 0, cell = 0; row < grid.rows; row++) {
    const line = Math.floor(row / BLOCK) * cols;
    for (let col = 0; col < grid.cols; col++, cell++) {
      const block = line + Math.floor(col / BLOCK);
      sums[block] = sums[block]! + ground[cell]! * arriving[cell]!;
      counts[block] = counts[block]! + 1;
    }
  }
  const means = sums.map((sum, block) => sum / counts[block]!);
  const coarse: FieldGrid = {
    cols,
    rows,
    cellM: BLOCK * grid.cellM,
    originXM: grid.originXM + 1.5 * grid.cellM,
    originYM: grid.originYM + 1.5 * grid.cellM,
  };
  return resampleField(boxBlur(means, cols, rows, Math.max(1, 250 / coarse.cellM)), coarse, grid);
}
