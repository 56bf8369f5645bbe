import type { Rng } from "@glof/core";
import { mainDonors } from "./glaciers.js";
import { cellCount, clamp, type FieldGrid, smoothstep, visitWarpedBox, type Warp } from "./grid.js";
import { noiseField } from "./noise_field.js";
import { type GroundPath, pathThrough } from "./path.js";
import type { Terrain } from "./terrain.js";

/** Running water and the gravel beside it. */
export interface RiverCover {
  /** Part of each pixel that is water. */
  readonly water: Float32Array;
  /** Part of each pixel that is gravel of the flood bed. */
  readonly gravel: Float32Array;
}

/** Draws the streams of a drainage tree; large ones wind over a gravel bed, some of them braided. */
export function drawRivers(
  grid: FieldGrid,
  terrain: Terrain,
  warp: Warp,
  dry: Float32Array,
  rng: Rng,
): RiverCover {
  const distanceM = new Float32Array(cellCount(grid)).fill(1e6);
  const widthM = new Float32Array(cellCount(grid));
  const wetness = rng.uniform(0.8, 3.5);
  for (const { path, catchmentKm2 } of streams(terrain)) {
    drawStream(grid, path, warp, wetness * Math.sqrt(catchmentKm2), distanceM, widthM);
  }
  const braids = noiseField(grid, rng, { wavelengthM: 140, octaves: 3 });
  const bed = rng.uniform(1.2, 3.5);
  const water = new Float32Array(cellCount(grid));
  const gravel = new Float32Array(cellCount(grid));
  for (let cell = 0; cell < water.length; cell++) {
    const width = widthM[cell]!;
    if (width === 0) continue;
    const wander = distanceM[cell]! + 0.6 * bed * width * braids[cell]!;
    const alive = dry[cell]!;
    water[cell] =
      alive * clamp(0.5 + (0.5 * width - Math.abs(wander)) / grid.cellM, 0, Math.min(1, width / grid.cellM));
    gravel[cell] =
      alive * smoothstep(bed * width, 0.5 * bed * width, distanceM[cell]! + 0.5 * width * braids[cell]!);
  }
  return { water, gravel };
}

/** Main stems from where they gather 1.5 km2 down to the edge or to a larger stream. */
function streams(terrain: Terrain): { path: GroundPath; catchmentKm2: number }[] {
  const { drainage, catchmentKm2, grid } = terrain;
  const donors = mainDonors(terrain);
  const found: { path: GroundPath; catchmentKm2: number }[] = [];
  for (const end of drainage.order) {
    const below = drainage.receiver[end]!;
    const tributary = below === end || donors[below] !== end;
    if (!tributary || catchmentKm2[end]! < 1.5) continue;
    const cells = below === end ? [end] : [below, end];
    for (let up = donors[end]!; up >= 0 && catchmentKm2[up]! > 0.6; up = donors[up]!) cells.push(up);
    if (cells.length > 4) found.push({ path: pathThrough(cells, grid), catchmentKm2: catchmentKm2[end]! });
  }
  return found;
}

function drawStream(
  grid: FieldGrid,
  path: GroundPath,
  warp: Warp,
  widestM: number,
  distanceM: Float32Array,
  widthM: Float32Array,
): void {
  const reachM = 6 * widestM + 2 * grid.cellM;
  for (let at = 0; at + 1 < path.xM.length; at++) {
    const [ax, ay, bx, by] = [path.xM[at]!, path.yM[at]!, path.xM[at + 1]!, path.yM[at + 1]!];
    const width = widestM * (1 - (0.7 * at) / path.xM.length);
    const lengthSquared = (bx - ax) ** 2 + (by - ay) ** 2 || 1e-6;
    const box = [
      Math.min(ax, bx) - reachM,
      Math.min(ay, by) - reachM,
      Math.max(ax, bx) + reachM,
      Math.max(ay, by) + reachM,
    ] as const;
    visitWarpedBox(grid, box, warp, (cell, groundX, groundY) => {
      const x = groundX - ax;
      const y = groundY - ay;
      const t = clamp((x * (bx - ax) + y * (by - ay)) / lengthSquared, 0, 1);
      const away = Math.hypot(x - t * (bx - ax), y - t * (by - ay));
      if (away >= distanceM[cell]! || away > reachM) return;
      distanceM[cell] = away;
      widthM[cell] = width;
    });
  }
}
