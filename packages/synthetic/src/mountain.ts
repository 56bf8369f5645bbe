import type { Rng } from "@glof/core";
import { type Canvas, makeCanvas, modulate, paint } from "./canvas.js";
import type { Climate } from "./climate.js";
import { gradients } from "./filters.js";
import { type Glaciers, makeGlaciers } from "./glaciers.js";
import {
  cellCount,
  clamp,
  type FieldGrid,
  mix,
  noiseField,
  resampleField,
  resampleSmooth,
  sampleField,
  smoothstep,
} from "./grid.js";
import { type LakeShape, morainicLakes, tarns, valleyLakes } from "./lakes.js";
import { fbm, makeNoise, ridged } from "./noise.js";
import { type Materials, makeMaterials } from "./spectra.js";
import { makeTerrain, type Terrain } from "./terrain.js";
import { drawLakes, freezeLakes, type LakeIce, paintLakes, visitBox, type WaterCover } from "./water.js";

/** A landscape ready to be lit: what stands where, and how bright it is. */
export interface Landscape {
  readonly canvas: Canvas;
  readonly elevationM: Float32Array;
  readonly shapes: readonly LakeShape[];
  readonly water: WaterCover;
  readonly lakeIce: LakeIce;
  /** Part of each pixel that is running water. */
  readonly river: Float32Array;
}

/** Builds a high-mountain landscape. `retreatM` draws glacier fronts back and lets their lakes grow. */
export function makeMountain(grid: FieldGrid, climate: Climate, retreatM: number, rng: Rng): Landscape {
  const shape = rng.split("shape");
  const extentM = grid.cellM * Math.max(grid.cols, grid.rows);
  const lowestM = shape.uniform(4000, 5000);
  const reliefM = clamp(extentM * shape.uniform(0.15, 0.24), 450, 2900);
  const terrain = makeTerrain(
    coarseGrid(grid),
    {
      lowestM,
      reliefM,
      steepest: shape.uniform(0.75, 1.15),
      glacial: shape.uniform(0.5, 1),
    },
    rng.split("terrain"),
  );
  const equilibriumM = lowestM + reliefM * shape.uniform(0.22, 0.6);
  const debris = shape.next() < 0.3 ? shape.uniform(0, 0.4) : shape.uniform(0.5, 1);
  const glaciers = makeGlaciers(terrain, { equilibriumM, debris });
  const options = { abundance: shape.uniform(0.3, 1), retreatM };
  const shapes = [
    ...morainicLakes(terrain, glaciers, options, rng.split("morainic")),
    ...tarns(terrain, glaciers, options, rng.split("tarns")),
    ...valleyLakes(terrain, glaciers, options, rng.split("valley")),
  ];
  const fields = fineFields(grid, terrain, glaciers, shapes, rng.split("detail"));
  return dress(grid, fields, shapes, climate, equilibriumM, rng.split("dress"));
}

function coarseGrid(grid: FieldGrid): FieldGrid {
  const marginShare = 0.12;
  const [widthM, heightM] = [grid.cols * grid.cellM, grid.rows * grid.cellM];
  const longest = Math.max(widthM, heightM) * (1 + 2 * marginShare);
  const cellM = Math.max(25, longest / 150);
  return {
    cols: Math.ceil((widthM * (1 + 2 * marginShare)) / cellM),
    rows: Math.ceil((heightM * (1 + 2 * marginShare)) / cellM),
    cellM,
    originXM: grid.originXM - marginShare * widthM,
    originYM: grid.originYM - marginShare * heightM,
  };
}

/** Fields on the pixel grid. */
interface FineFields {
  readonly elevationM: Float32Array;
  readonly slope: Float32Array;
  readonly northward: Float32Array;
  /** Signed glacier cover, cut where lakes have taken the ice's place. */
  readonly cover: Float32Array;
  readonly debris: Float32Array;
  readonly hummocks: Float32Array;
  readonly water: WaterCover;
}

function fineFields(
  grid: FieldGrid,
  terrain: Terrain,
  glaciers: Glaciers,
  shapes: readonly LakeShape[],
  rng: Rng,
): FineFields {
  const cover = resampleSmooth(glaciers.cover, terrain.grid, grid);
  const edge = noiseField(grid, fbm(makeNoise(rng), { octaves: 4 }), 240);
  for (let cell = 0; cell < cover.length; cell++) cover[cell] = cover[cell]! + 0.1 * edge[cell]!;
  const water = drawLakes(shapes, grid);
  for (const lake of shapes) {
    if (lake.cutIceM === undefined) continue;
    const [west, north, east, south] = lake.box;
    visitBox(grid, [west - 400, north - 400, east + 400, south + 400], (cell, xM, yM) => {
      const cut = lake.cutIceM!(xM, yM);
      if (cut > -60) cover[cell] = Math.min(cover[cell]!, -cut / 60);
    });
  }
  const debris = resampleField(glaciers.debris, terrain.grid, grid);
  const hummocks = noiseField(grid, fbm(makeNoise(rng), { octaves: 4, gain: 0.6 }), 130);
  const elevationM = resampleSmooth(terrain.elevationM, terrain.grid, grid);
  const thickness = resampleSmooth(glaciers.thicknessM, terrain.grid, grid);
  const base = steepness(elevationM, grid);
  const crags = noiseField(grid, ridged(makeNoise(rng), { octaves: 5, gain: 0.55 }), 420);
  const rough = noiseField(grid, fbm(makeNoise(rng), { octaves: 4, gain: 0.55 }), 160);
  for (let cell = 0; cell < elevationM.length; cell++) {
    const onIce = smoothstep(-0.05, 0.15, cover[cell]!);
    const wall = smoothstep(0.25, 0.9, base.slope[cell]!) * (1 - 0.6 * onIce);
    // Moraine crests stand where the cover passes through a little below zero.
    const moraine = Math.exp(-(((cover[cell]! + 0.28) / 0.14) ** 2)) * debris[cell]!;
    elevationM[cell] =
      elevationM[cell]! +
      onIce * thickness[cell]! +
      wall * 70 * (crags[cell]! - 0.45) +
      (1.5 + 9 * wall) * rough[cell]! +
      onIce * debris[cell]! * 7 * hummocks[cell]! +
      16 * moraine;
  }
  floodLakes(elevationM, shapes, water);
  return { elevationM, ...steepness(elevationM, grid), cover, debris, hummocks, water };
}

function floodLakes(elevationM: Float32Array, shapes: readonly LakeShape[], water: WaterCover): void {
  for (let cell = 0; cell < elevationM.length; cell++) {
    const shape = shapes[water.owner[cell]! - 1];
    if (shape !== undefined && water.insideM[cell]! > -15) {
      elevationM[cell] = mix(elevationM[cell]!, shape.levelM, smoothstep(-15, 0, water.insideM[cell]!));
    }
  }
}

function steepness(
  elevationM: Float32Array,
  grid: FieldGrid,
): { slope: Float32Array; northward: Float32Array } {
  const { eastward, southward } = gradients(elevationM, grid);
  const slope = eastward.map((east, cell) => Math.hypot(east, southward[cell]!));
  // Facing north: the ground falls to the north, so it rises southward.
  const northward = southward.map((south, cell) => south / (0.2 + slope[cell]!));
  return { slope, northward };
}

function dress(
  grid: FieldGrid,
  fields: FineFields,
  shapes: readonly LakeShape[],
  climate: Climate,
  equilibriumM: number,
  rng: Rng,
): Landscape {
  const canvas = makeCanvas(grid);
  const materials = makeMaterials(rng.split("materials"), climate.green);
  paintGround(canvas, fields, materials, equilibriumM, climate, rng.split("ground"));
  paintGlaciers(canvas, fields, materials, rng.split("glaciers"));
  paintSnow(canvas, fields, materials, climate, equilibriumM, rng.split("snow"));
  const share = fields.water.share;
  for (let cell = 0; cell < share.length; cell++) {
    share[cell] = Math.min(share[cell]!, clamp(0.5 - (fields.cover[cell]! * 60) / grid.cellM, 0, 1));
  }
  const lakeIce = freezeLakes(shapes, fields.water, grid, climate.frozenChance, rng.split("freeze"));
  paintLakes(canvas, shapes, fields.water, lakeIce, materials, rng.split("lakes"));
  return {
    canvas,
    elevationM: fields.elevationM,
    shapes,
    water: fields.water,
    lakeIce,
    river: new Float32Array(cellCount(grid)),
  };
}

function paintGround(
  canvas: Canvas,
  fields: FineFields,
  materials: Materials,
  equilibriumM: number,
  climate: Climate,
  rng: Rng,
): void {
  const { grid } = canvas;
  const whole = new Float32Array(cellCount(grid)).fill(1);
  paint(canvas, "rock", materials.rocks[0]!, whole);
  materials.rocks.slice(1).forEach((rock, index) => {
    const strata = noiseField(
      grid,
      fbm(makeNoise(rng.split(`rock ${index}`)), { octaves: 5, gain: 0.55 }),
      rng.uniform(700, 2200),
    );
    paint(
      canvas,
      "rock",
      rock,
      strata.map((value) => smoothstep(-0.15, 0.25, value)),
    );
  });
  const patchy = noiseField(grid, fbm(makeNoise(rng), { octaves: 5, gain: 0.6 }), 500);
  const limitM = equilibriumM - rng.uniform(150, 700);
  const turf = fields.slope.map((slope, cell) => {
    const high = (fields.elevationM[cell]! - limitM) / 250;
    return smoothstep(0.75, 0.35, slope) * smoothstep(0.3, -0.4, high + 0.8 * patchy[cell]!) * 0.9;
  });
  paint(canvas, "vegetation", materials.turf, turf);
  if (climate.green > 0.9)
    paint(
      canvas,
      "vegetation",
      materials.forest,
      turf.map((value) => value * 0.3),
    );
  const till = fields.cover.map(
    (cover, cell) =>
      smoothstep(-0.85, -0.35, cover + 0.15 * patchy[cell]!) * smoothstep(0.95, 0.5, fields.slope[cell]!),
  );
  paint(canvas, "till", materials.till, till);
  const grain = noiseField(grid, fbm(makeNoise(rng), { octaves: 4, gain: 0.75 }), 90);
  modulate(
    canvas,
    grain.map((value) => Math.exp(0.16 * value)),
  );
}

function paintGlaciers(canvas: Canvas, fields: FineFields, materials: Materials, rng: Rng): void {
  const { grid } = canvas;
  const ice = fields.cover.map((cover) => clamp(0.5 + (cover * 60) / grid.cellM, 0, 1));
  const streaks = noiseField(grid, fbm(makeNoise(rng), { octaves: 5, gain: 0.6 }), 200);
  const dirt = streaks.map((value) => smoothstep(-0.6, 0.8, value));
  paint(canvas, "ice", materials.cleanIce, ice);
  paint(
    canvas,
    "ice",
    materials.dirtyIce,
    ice.map((share, cell) => share * dirt[cell]!),
  );
  const debris = ice.map(
    (share, cell) => share * smoothstep(0.35, 0.6, fields.debris[cell]! + 0.25 * streaks[cell]!),
  );
  const level = fields.hummocks.map((value, cell) => Math.exp(0.12 * value + 0.1 * streaks[cell]!));
  paint(canvas, "debris", materials.debris, debris, level);
}

function paintSnow(
  canvas: Canvas,
  fields: FineFields,
  materials: Materials,
  climate: Climate,
  equilibriumM: number,
  rng: Rng,
): void {
  const { grid } = canvas;
  const lineM = equilibriumM + climate.snowLineOffsetM;
  const drift = noiseField(grid, fbm(makeNoise(rng), { octaves: 5, gain: 0.6 }), 380);
  const patchLevel = climate.patches > 0 ? 1.4 - 1.6 * Math.sqrt(climate.patches) : 9;
  const share = sampleField(grid, () => 0);
  const fresh = sampleField(grid, () => 0);
  for (let cell = 0; cell < share.length; cell++) {
    const firn = fields.cover[cell]! > 0 ? smoothstep(0.5, 0.1, fields.debris[cell]!) * 200 : 0;
    const above = fields.elevationM[cell]! + 160 * fields.northward[cell]! + firn - lineM;
    const held = smoothstep(1.35, 0.8, fields.slope[cell]! + 0.25 * drift[cell]!);
    const line = smoothstep(-0.25, 0.35, above / 250 + 0.7 * drift[cell]!);
    const patch = smoothstep(patchLevel, patchLevel + 0.15, drift[cell]! + 0.4 * fields.northward[cell]!);
    share[cell] = held * Math.max(line, patch);
    fresh[cell] = clamp(climate.freshness + above / 1500 + 0.2 * drift[cell]!, 0, 1);
  }
  paint(canvas, "snow", materials.oldSnow, share);
  paint(
    canvas,
    "snow",
    materials.freshSnow,
    share.map((value, cell) => (value > 0 ? fresh[cell]! * value : 0)),
  );
}
