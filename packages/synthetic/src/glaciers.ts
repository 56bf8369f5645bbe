import { accumulate } from "./drainage.js";
import { boxBlur } from "./filters.js";
import { clamp, type FieldGrid, mix, smoothstep } from "./grid.js";
import { type Terrain, visitDisc } from "./terrain.js";

/** Ice on the coarse grid, for one state of the climate. */
export interface Glaciers {
  /** Signed cover: above 0 on ice, 1 at the middle of a tongue; its zero line is the glacier's outline. */
  readonly cover: Float32Array;
  /** Height of the ice surface above the bare ground, metres. */
  readonly thicknessM: Float32Array;
  /** 0 where the ice is clean or under snow, 1 where it lies under debris. */
  readonly debris: Float32Array;
  /**
   * Direction of flow of the trunk that fills each cell, as a vector (east, south) of any length; 0 away from
   * trunks.
   */
  readonly flowX: Float32Array;
  readonly flowY: Float32Array;
  /**
   * Ice discharge of the trunk nearest to each cell, in km2 of accumulation area: 0 where no trunk is near.
   */
  readonly flux: Float32Array;
  /** Ends of tongues, largest glacier first. */
  readonly tongues: readonly Tongue[];
}

/** The lower end of a glacier's centre line. */
export interface Tongue {
  /** Coarse cells from the terminus up the main trunk. */
  readonly centreline: readonly number[];
  /**
   * Index in `centreline` from which the ice was thick enough to dig a basin: there the end moraine stands.
   */
  readonly dam: number;
  /** Largest ice discharge in the lowest 1.5 km, km2 of accumulation area. */
  readonly flux: number;
}

/** The climate and cover that shape the ice. */
export interface GlacierOptions {
  /** Height at which a year's snow gain and melt balance. */
  readonly equilibriumM: number;
  /** 0 clean tongues to 1 tongues wholly under debris; debris also makes them longer. */
  readonly debris: number;
}

const STEEPEST_FIRN = 0.95;
const LEAST_FLUX = 0.02;

/**
 * Balances snow gain above the equilibrium line against melt below it along the drainage tree; where ice
 * still flows it fills the trough. Width follows the discharge, so that tongues taper to rounded ends.
 *
 * Mass balance gradients after Benn and Lehmkuhl (2000), "Mass balance and equilibrium-line altitudes of
 * glaciers in high-mountain environments"; melt under debris is cut to about a third.
 */
export function makeGlaciers(terrain: Terrain, options: GlacierOptions): Glaciers {
  const { grid, elevationM, drainage } = terrain;
  const cellKm2 = (grid.cellM / 1000) ** 2;
  const melt = mix(1, 0.35, options.debris);
  const slope = channelSlopes(terrain);
  const flux = accumulate(drainage, (cell) => {
    const above = (elevationM[cell]! - options.equilibriumM) / 250;
    const held = smoothstep(STEEPEST_FIRN * 1.5, STEEPEST_FIRN * 0.8, slope[cell]!);
    return cellKm2 * (above > 0 ? Math.min(1, above) * mix(0.45, 1, held) : 2.2 * melt * Math.max(-3, above));
  });
  const cover = firnCover(terrain, options, slope);
  const nearestFlux = new Float32Array(cover.length);
  const thicknessM = new Float32Array(cover.length);
  const flowX = new Float32Array(cover.length);
  const flowY = new Float32Array(cover.length);
  for (let cell = 0; cell < cover.length; cell++) {
    if (flux[cell]! < LEAST_FLUX) continue;
    const fullness =
      clamp((flux[cell]! - LEAST_FLUX) / (0.05 * terrain.catchmentKm2[cell]! + 0.06), 0, 1) ** 0.45;
    const heading = headingOf(terrain, cell, 4);
    const halfWidthM = Math.max(0.01, 1.05 * terrain.floorHalfWidthM[cell]! * fullness);
    visitDisc(grid, cell, 1.6 * halfWidthM + 2 * grid.cellM, (other, distanceM) => {
      const inside = 1 - distanceM / halfWidthM;
      if (inside > cover[other]!) cover[other] = Math.max(-2, inside);
      if (inside <= 0) return;
      if (flux[cell]! > nearestFlux[other]!) nearestFlux[other] = flux[cell]!;
      flowX[other] = flowX[other]! + inside * flux[cell]! * heading.x;
      flowY[other] = flowY[other]! + inside * flux[cell]! * heading.y;
      const bulgeM = 0.16 * halfWidthM * Math.sqrt(inside);
      const surfaceM = elevationM[cell]! + bulgeM - elevationM[other]!;
      if (surfaceM > thicknessM[other]!) thicknessM[other] = Math.min(surfaceM, bulgeM);
    });
  }
  return {
    cover: boxBlur(cover, grid.cols, grid.rows, 0.8),
    thicknessM: boxBlur(thicknessM, grid.cols, grid.rows, 1),
    debris: debrisCover(terrain, options),
    flowX: boxBlur(flowX, grid.cols, grid.rows, 1),
    flowY: boxBlur(flowY, grid.cols, grid.rows, 1),
    flux: nearestFlux,
    tongues: findTongues(terrain, flux),
  };
}

/** Direction from a cell to the one `steps` further down the valley, as a unit vector. */
function headingOf(terrain: Terrain, cell: number, steps: number): { x: number; y: number } {
  const { grid, drainage } = terrain;
  let end = cell;
  for (let step = 0; step < steps; step++) end = drainage.receiver[end]!;
  const x = (end % grid.cols) - (cell % grid.cols);
  const y = Math.floor(end / grid.cols) - Math.floor(cell / grid.cols);
  const length = Math.hypot(x, y) || 1;
  return { x: x / length, y: y / length };
}

/** Steepness towards the receiver, metres per metre. */
export function channelSlopes(terrain: Terrain): Float32Array {
  const { grid, elevationM, drainage } = terrain;
  return elevationM.map((height, cell) => {
    const below = drainage.receiver[cell]!;
    const diagonal = Math.abs(below - cell) !== 1 && Math.abs(below - cell) !== grid.cols;
    return (height - elevationM[below]!) / (grid.cellM * (diagonal ? Math.SQRT2 : 1));
  });
}

/** Firn fields: above the equilibrium line, where the slope can hold snow all year. */
function firnCover(terrain: Terrain, options: GlacierOptions, slope: Float32Array): Float32Array {
  const { grid, elevationM } = terrain;
  const cover = elevationM.map((height, cell) => {
    const high = (height - options.equilibriumM) / 220;
    const gentle = (STEEPEST_FIRN - slope[cell]!) / 0.5;
    return clamp(Math.min(high, gentle), -2, 0.8);
  });
  return boxBlur(cover, grid.cols, grid.rows, 0.9);
}

/** Debris gathers below the equilibrium line, the more the further down. */
function debrisCover(terrain: Terrain, options: GlacierOptions): Float32Array {
  const startM = mix(-420, 30, options.debris);
  return terrain.elevationM.map((height) => smoothstep(-60, 140, options.equilibriumM + startM - height));
}

function findTongues(terrain: Terrain, flux: Float64Array): Tongue[] {
  const { drainage, catchmentKm2 } = terrain;
  const donors = mainDonors(terrain, flux);
  const tongues: Tongue[] = [];
  for (const cell of drainage.order) {
    const below = drainage.receiver[cell]!;
    if (flux[cell]! < LEAST_FLUX || below === cell || flux[below]! >= LEAST_FLUX) continue;
    const centreline = [cell];
    for (let up = donors[cell]!; up >= 0 && flux[up]! >= LEAST_FLUX; up = donors[up]!) centreline.push(up);
    if (centreline.length * terrain.grid.cellM < 400 || catchmentKm2[cell]! < 0.4) continue;
    const reach = Math.min(centreline.length, Math.ceil(1500 / terrain.grid.cellM));
    const strong = Math.max(...centreline.slice(0, reach).map((at) => flux[at]!));
    tongues.push({ centreline, dam: centreline.findIndex((at) => flux[at]! >= 0.4 * strong), flux: strong });
  }
  return tongues.sort((a, b) => b.flux - a.flux);
}

/** For each cell the upstream neighbour with the largest catchment, or -1 at a head. */
export function mainDonors(terrain: Terrain, weight: ArrayLike<number> = terrain.catchmentKm2): Int32Array {
  const donors = new Int32Array(terrain.elevationM.length).fill(-1);
  terrain.drainage.receiver.forEach((below, cell) => {
    if (below === cell) return;
    const rival = donors[below]!;
    if (rival < 0 || weight[cell]! > weight[rival]!) donors[below] = cell;
  });
  return donors;
}

/** Ground distance along a line of cells, metres, one value per cell. */
export function lineLengths(cells: readonly number[], grid: FieldGrid): Float32Array {
  const lengths = new Float32Array(cells.length);
  for (let at = 1; at < cells.length; at++) {
    const a = cells[at]!;
    const b = cells[at - 1]!;
    const columns = (a % grid.cols) - (b % grid.cols);
    const rows = Math.floor(a / grid.cols) - Math.floor(b / grid.cols);
    lengths[at] = lengths[at - 1]! + grid.cellM * Math.hypot(columns, rows);
  }
  return lengths;
}
