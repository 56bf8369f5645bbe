import { type FieldGrid, visitWarpedBox, type Warp } from "./grid.js";
import type { LakeKind } from "./types.js";

/** A rectangle on the ground, metres: west, north, east, south. */
export type GroundBox = readonly [west: number, north: number, east: number, south: number];

/** A body of standing water: what the truth and the painting need of it. */
export interface WaterBody {
  readonly kind: LakeKind;
  /** 0 clear to 1 milk. */
  readonly turbidity: number;
  /** Part of the ground that shows through, as under a flood over fields; default 0. */
  readonly seeThrough?: number;
}

/** A lake before it is drawn on pixels. */
export interface LakeShape extends WaterBody {
  /** Distance to the shore in metres, positive inside: zero is the shoreline. */
  readonly insideM: (xM: number, yM: number) => number;
  /** Ground box that holds the lake. */
  readonly box: GroundBox;
  /** Where the glacier has given way to the lake, if it has: positive where ice must be cut. */
  readonly cutIceM?: (xM: number, yM: number) => number;
  /** Ground box outside which no ice is cut. */
  readonly cutBox?: GroundBox;
  /** Height of the water, metres. */
  readonly levelM: number;
}

/** How many lakes, and how far glaciers have withdrawn from theirs. */
export interface LakeOptions {
  /** 0 none, 1 a lake at every tongue that has drawn back, more than 1 also more tarns. */
  readonly abundance: number;
  /** How far glacier fronts have drawn back since the base year, metres. */
  readonly retreatM: number;
}

/** A lake after its dam has failed: what is left lies in the deepest part, and stays muddy. */
export function drained(shape: LakeShape): LakeShape {
  const { insideM } = shape;
  const [west, north, east, south] = shape.box;
  const sizeM = Math.max(east - west, south - north);
  let deepestM = 0;
  for (let y = north; y < south; y += sizeM / 60) {
    for (let x = west; x < east; x += sizeM / 60) deepestM = Math.max(deepestM, insideM(x, y));
  }
  return {
    ...shape,
    turbidity: 0.9,
    levelM: shape.levelM - 20,
    insideM: (xM, yM) => insideM(xM, yM) - 0.72 * deepestM,
  };
}

/**
 * Open water of a lake on a grid seen through a warp, m2: as many cells as `sparseGrid` leaves, so to a few
 * per cent.
 */
export function openArea(shape: LakeShape, grid: FieldGrid, warp: Warp): number {
  let cells = 0;
  visitWarpedBox(grid, shape.box, warp, (_, xM, yM) => {
    const cut = shape.cutIceM?.(xM, yM) ?? 1;
    if (cut > 0 && shape.insideM(xM, yM) > 0) cells++;
  });
  return cells * grid.cellM ** 2;
}
