import type { Rng } from "@glof/core";
import { cellCount, clamp, type FieldGrid, smoothstep } from "./grid.js";
import { blobLake } from "./lake_forms.js";
import type { LakeShape } from "./lake_shape.js";
import { fbm, makeNoise, type Noise2d } from "./noise.js";
import type { SceneMode } from "./types.js";

/** Rivers and canals of a plain. */
export interface RunningWater {
  readonly water: Float32Array;
  readonly bank: Float32Array;
}

/** A winding river across the scene in most scenes, and straight canals. */
export function drawRunningWater(grid: FieldGrid, mode: SceneMode, rng: Rng): RunningWater {
  const water = new Float32Array(cellCount(grid));
  const bank = new Float32Array(cellCount(grid));
  if (rng.next() < 0.75)
    drawBand(grid, rng.split("river"), 12 * Math.exp(rng.uniform(0, 3.4)), 1, water, bank);
  const canals = rng.int(mode === "urban" ? 6 : 4);
  for (let canal = 0; canal < canals; canal++) {
    drawBand(grid, rng.split(`canal ${canal}`), rng.uniform(9, 38), 0.04, water, bank);
  }
  return { water, bank };
}

/** A band of water from side to side, straight when `winding` is 0. */
function drawBand(
  grid: FieldGrid,
  rng: Rng,
  widthM: number,
  winding: number,
  water: Float32Array,
  bank: Float32Array,
): void {
  const extentM = grid.cellM * Math.max(grid.cols, grid.rows);
  const bearing = rng.uniform(0, Math.PI);
  const [cos, sin] = [Math.cos(bearing), Math.sin(bearing)];
  const x0 = grid.originXM + grid.cols * grid.cellM * rng.uniform(0.2, 0.8);
  const y0 = grid.originYM + grid.rows * grid.cellM * rng.uniform(0.2, 0.8);
  const bends = fbm(makeNoise(rng), { octaves: 3, gain: 0.45 });
  const wavelengthM = clamp(14 * widthM, 500, extentM);
  const amplitudeM = winding * wavelengthM * rng.uniform(0.3, 0.8);
  const bar = fbm(makeNoise(rng), { octaves: 3 });
  const bankM = winding > 0.5 ? rng.uniform(0, 0.7) * widthM : 4;
  for (let cell = 0; cell < water.length; cell++) {
    const dx = grid.originXM + (cell % grid.cols) * grid.cellM - x0;
    const dy = grid.originYM + Math.floor(cell / grid.cols) * grid.cellM - y0;
    const along = dx * cos + dy * sin;
    const across = dy * cos - dx * sin;
    const centre = amplitudeM * bends(along / wavelengthM, 0.5 + across / (6 * wavelengthM));
    const uneven =
      1 + (winding > 0.5 ? 0.4 : 0) * bar(along / (2 * widthM + 100), across / (2 * widthM + 100));
    const insideM = 0.5 * widthM * uneven - Math.abs(across - centre);
    if (insideM < -bankM - grid.cellM) continue;
    water[cell] = Math.max(water[cell]!, clamp(0.5 + insideM / grid.cellM, 0, 1));
    bank[cell] = Math.max(bank[cell]!, 0.8 * smoothstep(-bankM - 1, -0.6 * bankM, insideM));
  }
}

/** Ponds singly and in ranks, reservoirs, and flood water in the hollows of `undulation`. */
export function standingWater(grid: FieldGrid, mode: SceneMode, undulation: Noise2d, rng: Rng): LakeShape[] {
  const [wideM, tallM] = [grid.cols * grid.cellM, grid.rows * grid.cellM];
  const place = (): { x: number; y: number } => ({
    x: grid.originXM + wideM * rng.next(),
    y: grid.originYM + tallM * rng.next(),
  });
  const areaKm2 = (wideM * tallM) / 1e6;
  const shapes: LakeShape[] = [];
  const ponds = Math.round(areaKm2 * rng.uniform(0.1, 0.9));
  for (let pond = 0; pond < ponds; pond++) {
    const large = rng.next() < 0.12;
    const radiusM = large ? rng.uniform(120, 420) : 14 * Math.exp(rng.uniform(0, 1.7));
    const water = { turbidity: rng.next() ** 1.3, levelM: 60 };
    shapes.push(blobLake(large ? "reservoir" : "pond", place(), radiusM, rng, water));
  }
  const ranks = rng.next() < 0.4 ? 1 + rng.int(3) : 0;
  for (let rank = 0; rank < ranks; rank++) shapes.push(...pondRank(place(), rng.split(`rank ${rank}`)));
  if (mode === "flood") shapes.push(floodWater(grid, undulation, rng.split("flood")));
  return shapes;
}

/** Fish or settling ponds: equal rectangles with dikes between. */
function pondRank(corner: { x: number; y: number }, rng: Rng): LakeShape[] {
  const turn = rng.uniform(0, Math.PI / 2);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const [longM, shortM, dikeM] = [rng.uniform(60, 220), rng.uniform(35, 110), rng.uniform(8, 22)];
  const [across, down] = [1 + rng.int(5), 1 + rng.int(4)];
  return Array.from({ length: across * down }, (_, index): LakeShape => {
    const u0 = (index % across) * (longM + dikeM);
    const v0 = Math.floor(index / across) * (shortM + dikeM);
    const reachM = (across + 1) * (longM + dikeM) + (down + 1) * (shortM + dikeM);
    return {
      kind: "pond",
      turbidity: rng.next(),
      levelM: 60,
      box: [corner.x - reachM, corner.y - reachM, corner.x + reachM, corner.y + reachM],
      insideM: (xM, yM) => {
        const u = (xM - corner.x) * cos + (yM - corner.y) * sin - u0;
        const v = (yM - corner.y) * cos - (xM - corner.x) * sin - v0;
        return Math.min(u, longM - u, v, shortM - v);
      },
    };
  });
}

function floodWater(grid: FieldGrid, undulation: Noise2d, rng: Rng): LakeShape {
  const detail = fbm(makeNoise(rng), { octaves: 5, gain: 0.6 });
  const level = rng.uniform(-0.25, 0.12);
  return {
    kind: "flood",
    turbidity: rng.uniform(0, 0.9),
    seeThrough: rng.uniform(0, 0.3),
    levelM: 58,
    box: [
      grid.originXM,
      grid.originYM,
      grid.originXM + grid.cols * grid.cellM,
      grid.originYM + grid.rows * grid.cellM,
    ],
    insideM: (xM, yM) => 500 * (level - undulation(xM / 2600, yM / 2600) - 0.16 * detail(xM / 420, yM / 420)),
  };
}
