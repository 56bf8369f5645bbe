import type { Rng } from "@glof/core";
import { channelSlopes, type Glaciers, lineLengths } from "./glaciers.js";
import { smoothstep } from "./grid.js";
import { blobLake, trunkLake } from "./lake_forms.js";
import type { LakeOptions, LakeShape } from "./lake_shape.js";
import { pathThrough } from "./path.js";
import type { Terrain } from "./terrain.js";

/** Small lakes away from the ice and from `others`: in cirques, behind rock bars, on benches. */
export function tarns(
  terrain: Terrain,
  glaciers: Glaciers,
  others: readonly LakeShape[],
  options: LakeOptions,
  rng: Rng,
): LakeShape[] {
  const { grid, elevationM, catchmentKm2 } = terrain;
  const slope = channelSlopes(terrain);
  const areaKm2 = (grid.cols * grid.rows * grid.cellM ** 2) / 1e6;
  const wanted = Math.round(options.abundance * areaKm2 * rng.uniform(0.1, 0.6));
  const shapes: LakeShape[] = [];
  for (let attempt = 0; attempt < 60 * wanted && shapes.length < wanted; attempt++) {
    const cell = rng.int(elevationM.length);
    const flat = smoothstep(0.4, 0.05, slope[cell]!);
    if (glaciers.cover[cell]! > -0.25 || rng.next() > flat) continue;
    if (catchmentKm2[cell]! > 3 && rng.next() < 0.7) continue;
    const radiusM = 18 * Math.exp(rng.uniform(0, rng.next() < 0.15 ? 3.3 : 2.4));
    const centre = cellGround(terrain, cell);
    const fittingM = Math.min(radiusM, 90 / (slope[cell]! + 0.12));
    const near = (lake: LakeShape): boolean => lake.insideM(centre.x, centre.y) > -1.6 * fittingM - 30;
    if (others.some(near) || shapes.some(near)) continue;
    const water = { turbidity: rng.next() ** 2 * 0.7, levelM: elevationM[cell]! };
    shapes.push(blobLake("tarn", centre, fittingM, rng, water));
  }
  return shapes;
}

/** Lakes that fill a valley behind a landslide, a fan or a side moraine, clear of the ice. */
export function valleyLakes(
  terrain: Terrain,
  glaciers: Glaciers,
  options: LakeOptions,
  rng: Rng,
): LakeShape[] {
  const { grid, catchmentKm2, drainage } = terrain;
  const shapes: LakeShape[] = [];
  const slope = channelSlopes(terrain);
  const wanted = rng.next() < 0.6 * options.abundance ? 1 + rng.int(2) : 0;
  for (let attempt = 0; attempt < 400 && shapes.length < wanted; attempt++) {
    const start = rng.int(catchmentKm2.length);
    if (catchmentKm2[start]! < 0.5 || slope[start]! > 0.35 || glaciers.cover[start]! > -0.2) continue;
    const cells = [start];
    for (let at = start; cells.length < 60; ) {
      const below = drainage.receiver[at]!;
      if (below === at || glaciers.cover[below]! > -0.1) break;
      cells.push(below);
      at = below;
    }
    const total = lineLengths(cells, grid).at(-1) ?? 0;
    if (total < 300) continue;
    const path = pathThrough(cells.reverse(), grid);
    const halfWidthM = Math.max(40, terrain.floorHalfWidthM[start]! * rng.uniform(0.5, 1.1));
    const lengthM = Math.min(0.9 * total, rng.uniform(250, 1800), 12 * halfWidthM);
    shapes.push({
      ...trunkLake(path, lengthM, halfWidthM, rng),
      kind: "valley",
      turbidity: rng.uniform(0, 0.7),
      levelM: terrain.elevationM[cells[0]!]! + 6,
    });
  }
  return shapes;
}

function cellGround(terrain: Terrain, cell: number): { x: number; y: number } {
  const { grid } = terrain;
  return {
    x: grid.originXM + (cell % grid.cols) * grid.cellM,
    y: grid.originYM + Math.floor(cell / grid.cols) * grid.cellM,
  };
}
