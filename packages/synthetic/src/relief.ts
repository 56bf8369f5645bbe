import type { Rng } from "@glof/core";
import { gaussianBlur, gradients } from "./filters.js";
import type { Glaciers } from "./glaciers.js";
import { clamp, type FieldGrid, mix, smoothstep, visitWarpedBox, type Warp, warpField } from "./grid.js";
import type { LakeShape, WaterBody } from "./lake_shape.js";
import { noiseField, ridgedField } from "./noise_field.js";
import { drawPonds } from "./ponds.js";
import { smearAlongFlow } from "./streaks.js";
import type { Terrain } from "./terrain.js";
import { drawLakes, type WaterCover } from "./water.js";

/** The land on the pixel grid: form, ice and lakes, before any colour. */
export interface Relief {
  readonly grid: FieldGrid;
  readonly elevationM: Float32Array;
  readonly slope: Float32Array;
  /** 1 facing north, -1 facing south, 0 level. */
  readonly northward: Float32Array;
  /**
   * Signed glacier cover: the zero line is the glacier's outline; cut where lakes have taken the ice's place.
   */
  readonly cover: Float32Array;
  /** The cover before the cut: the glacier at its greatest extent, which left the moraines. */
  readonly oldCover: Float32Array;
  readonly debris: Float32Array;
  readonly hummocks: Float32Array;
  readonly streaks: Float32Array;
  readonly water: WaterCover;
  readonly bodies: readonly WaterBody[];
}

/** Brings coarse terrain and ice to pixels and adds the detail that pixels show. */
export function makeRelief(
  grid: FieldGrid,
  terrain: Terrain,
  glaciers: Glaciers,
  shapes: readonly LakeShape[],
  warp: Warp,
  pondiness: number,
  rng: Rng,
): Relief {
  const fine = (field: Float32Array): Float32Array => warpField(field, terrain.grid, grid, warp);
  const oldCover = fine(glaciers.cover);
  const edge = noiseField(grid, rng.split("edge"), { wavelengthM: 240, octaves: 4 });
  for (let cell = 0; cell < oldCover.length; cell++) oldCover[cell] = oldCover[cell]! + 0.09 * edge[cell]!;
  const cover = cutIce(oldCover, grid, shapes, warp);
  const debris = fine(glaciers.debris);
  const hummocks = noiseField(grid, rng.split("hummocks"), {
    wavelengthM: rng.uniform(90, 190),
    octaves: 4,
    gain: 0.6,
  });
  const streaks = makeStreaks(grid, terrain, glaciers, warp, cover, rng.split("streaks"));
  const water = drawLakes(shapes, grid, warp);
  const elevationM = fine(terrain.elevationM);
  const base = steepness(elevationM, grid);
  const ponds = drawPonds(
    { grid, cover, debris, hummocks, slope: base.slope, water, firstOwner: shapes.length + 1, pondiness },
    rng.split("ponds"),
  );
  roughen(
    elevationM,
    { ...base, cover, oldCover, debris, hummocks: ponds.filledHummocks },
    fine(glaciers.thicknessM),
    grid,
    rng,
  );
  floodLakes(elevationM, shapes, water);
  return {
    grid,
    elevationM,
    ...steepness(elevationM, grid),
    cover,
    oldCover,
    debris,
    hummocks,
    streaks,
    water,
    bodies: [...shapes, ...ponds.bodies],
  };
}

/** Takes the ice away where a lake has grown in its place. */
function cutIce(
  oldCover: Float32Array,
  grid: FieldGrid,
  shapes: readonly LakeShape[],
  warp: Warp,
): Float32Array {
  const cover = oldCover.slice();
  for (const lake of shapes) {
    const { cutIceM, cutBox } = lake;
    if (cutIceM === undefined || cutBox === undefined) continue;
    visitWarpedBox(grid, cutBox, warp, (cell, xM, yM) => {
      const cutM = cutIceM(xM, yM);
      if (cutM > -60) cover[cell] = Math.min(cover[cell]!, Math.max(-1, -cutM / 60));
    });
  }
  return cover;
}

function makeStreaks(
  grid: FieldGrid,
  terrain: Terrain,
  glaciers: Glaciers,
  warp: Warp,
  cover: Float32Array,
  rng: Rng,
): Float32Array {
  const onIce = (field: Float32Array): Float32Array =>
    warpField(field, terrain.grid, grid, warp).map((value, cell) => (cover[cell]! > -0.1 ? value : 0));
  const flowX = onIce(glaciers.flowX);
  const flowY = onIce(glaciers.flowY);
  unwarpDirections(flowX, flowY, grid, warp);
  const wavelengthM = Math.max(3 * grid.cellM, rng.uniform(45, 110));
  const grain = noiseField(grid, rng, { wavelengthM, octaves: 3, gain: 0.7 });
  const streaks = smearAlongFlow(grain, flowX, flowY, grid, 350);
  return gaussianBlur(streaks, grid.cols, grid.rows, 0.7);
}

/**
 * Turns directions of the coarse grid into those that a warped picture shows: the inverse of the warp's
 * Jacobian.
 */
function unwarpDirections(flowX: Float32Array, flowY: Float32Array, grid: FieldGrid, warp: Warp): void {
  const x = gradients(warp.dxM, grid);
  const y = gradients(warp.dyM, grid);
  for (let cell = 0; cell < flowX.length; cell++) {
    const [fx, fy] = [flowX[cell]!, flowY[cell]!];
    if (fx === 0 && fy === 0) continue;
    // The common factor 1 / determinant does not change a direction (the warp never folds over).
    flowX[cell] = (1 + y.southward[cell]!) * fx - x.southward[cell]! * fy;
    flowY[cell] = (1 + x.eastward[cell]!) * fy - y.eastward[cell]! * fx;
  }
}

/** Crags on walls, boulders and gullies elsewhere, hummocks on debris, moraine crests around old ice. */
function roughen(
  elevationM: Float32Array,
  fields: Pick<Relief, "slope" | "cover" | "oldCover" | "debris" | "hummocks">,
  thicknessM: Float32Array,
  grid: FieldGrid,
  rng: Rng,
): void {
  const crags = ridgedField(grid, rng.split("crags"), { wavelengthM: 420, octaves: 5, gain: 0.55 });
  const rough = noiseField(grid, rng.split("rough"), { wavelengthM: 160, octaves: 4, gain: 0.55 });
  const crestM = rng.uniform(8, 30);
  for (let cell = 0; cell < elevationM.length; cell++) {
    const onIce = smoothstep(-0.05, 0.15, fields.cover[cell]!);
    const wall = smoothstep(0.25, 0.9, fields.slope[cell]!) * (1 - 0.6 * onIce);
    const crest =
      Math.exp(-(((fields.oldCover[cell]! + 0.22) / 0.12) ** 2)) * (0.3 + 0.7 * fields.debris[cell]!);
    elevationM[cell] =
      elevationM[cell]! +
      onIce * thicknessM[cell]! +
      wall * 95 * (crags[cell]! - 0.45) +
      (2.5 + 14 * wall) * rough[cell]! +
      onIce * fields.debris[cell]! * 13 * fields.hummocks[cell]! +
      crestM * crest * (1 - wall);
  }
}

function floodLakes(elevationM: Float32Array, shapes: readonly LakeShape[], water: WaterCover): void {
  for (let cell = 0; cell < elevationM.length; cell++) {
    const shape = shapes[water.owner[cell]! - 1];
    if (shape === undefined) continue;
    elevationM[cell] = mix(elevationM[cell]!, shape.levelM, smoothstep(-15, 0, water.insideM[cell]!));
  }
}

function steepness(elevationM: Float32Array, grid: FieldGrid): Pick<Relief, "slope" | "northward"> {
  const { eastward, southward } = gradients(elevationM, grid);
  const slope = eastward.map((east, cell) => Math.hypot(east, southward[cell]!));
  // Ground that faces north falls to the north, so it rises southward.
  const northward = southward.map((south, cell) => south / (0.2 + slope[cell]!));
  return { slope, northward };
}

/**
 * Bends that hide the lattice of the coarse grid, along whose axes and diagonals its valleys run: wide ones
 * of up to eight of its cells, small ones of one and a half.
 */
export function makeWarp(grid: FieldGrid, coarse: FieldGrid, rng: Rng): Warp {
  const wideM = 8 * coarse.cellM;
  const smallM = 1.5 * coarse.cellM;
  const bend = (): Float32Array => {
    const wide = noiseField(grid, rng, { wavelengthM: 45 * coarse.cellM, octaves: 1 });
    const small = noiseField(grid, rng, { wavelengthM: 9 * coarse.cellM, octaves: 3, gain: 0.45 });
    return wide.map((value, cell) => wideM * clamp(value, -1, 1) + smallM * clamp(small[cell]!, -1, 1));
  };
  return { dxM: bend(), dyM: bend(), largestM: wideM + smallM };
}
