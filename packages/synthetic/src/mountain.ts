import type { Rng } from "@glof/core";
import { makeCanvas } from "./canvas.js";
import type { Climate } from "./climate.js";
import { type Glaciers, makeGlaciers } from "./glaciers.js";
import { clamp, type FieldGrid, heightBelow, smoothstep } from "./grid.js";
import { paintGround } from "./ground.js";
import { EDGE_M, paintGlaciers } from "./ice_cover.js";
import { drained, type LakeShape, openArea } from "./lake_shape.js";
import type { Landscape } from "./landscape.js";
import { morainicLakes } from "./morainic_lakes.js";
import { sparseGrid } from "./padded_grid.js";
import { tarns, valleyLakes } from "./quiet_lakes.js";
import { makeRelief, makeWarp, type Relief } from "./relief.js";
import { drawRivers, type RiverCover } from "./rivers.js";
import { paintSnow } from "./snow.js";
import { makeMaterials } from "./spectra.js";
import { makeTerrain, type Terrain } from "./terrain.js";
import { dropSpecks, freezeLakes, paintLakes } from "./water.js";

/** What changes at a place from year to year. */
export interface MountainState {
  /** How far glacier fronts have drawn back since the base year, metres. */
  readonly retreatM: number;
  /** Multiplies the number of lakes; default 1. */
  readonly lakeAbundance?: number;
  /**
   * Whether the largest lake behind a moraine has broken out, and how far fronts had drawn back when it did.
   */
  readonly drainedAtRetreatM?: number;
}

/** A place before it is brought to pixels. */
export interface MountainPlan {
  readonly terrain: Terrain;
  readonly glaciers: Glaciers;
  readonly shapes: readonly LakeShape[];
  readonly equilibriumM: number;
  readonly pondiness: number;
}

/** Lays out terrain, ice and lakes on the coarse grid: a tenth of the work of the whole landscape. */
export function planMountain(grid: FieldGrid, state: MountainState, rng: Rng): MountainPlan {
  const shape = rng.split("shape");
  const extentM = grid.cellM * Math.max(grid.cols, grid.rows);
  const lowestM = shape.uniform(4000, 5000);
  const form = {
    lowestM,
    reliefM: clamp(extentM * shape.uniform(0.15, 0.24), 450, 2900),
    steepest: shape.uniform(0.75, 1.15),
    glacial: shape.uniform(0.5, 1),
  };
  const terrain = makeTerrain(coarseGrid(grid), form, rng.split("terrain"));
  const equilibriumM = heightBelow(terrain.elevationM, shape.uniform(0.55, 0.93));
  const debris = shape.next() < 0.3 ? shape.uniform(0, 0.4) : shape.uniform(0.5, 1);
  const glaciers = makeGlaciers(terrain, { equilibriumM, debris });
  const abundance = shape.uniform(0.45, 1.25) * (state.lakeAbundance ?? 1);
  const morainic = (retreatM: number): LakeShape[] =>
    morainicLakes(terrain, glaciers, { abundance, retreatM }, rng.split("morainic"));
  const shapes = morainic(state.retreatM);
  if (state.drainedAtRetreatM !== undefined) {
    const areas = visibleAreas(morainic(state.drainedAtRetreatM), grid, terrain.grid, rng);
    const largest = areas.indexOf(Math.max(...areas));
    const full = shapes[largest];
    if (full !== undefined) shapes[largest] = drained(full);
  }
  const options = { abundance, retreatM: state.retreatM };
  const valley = valleyLakes(terrain, glaciers, options, rng.split("valley"));
  // Tarns keep clear of what other lakes may ever become, so that they are the same in all years.
  const others = [...morainic(Number.MAX_SAFE_INTEGER), ...valley];
  return {
    terrain,
    glaciers,
    shapes: [...shapes, ...valley, ...tarns(terrain, glaciers, others, options, rng.split("tarns"))],
    equilibriumM,
    pondiness: 1.15 * Math.sqrt(shape.next()),
  };
}

/** Open water of each lake inside the scene, m2. */
export function visibleAreas(
  shapes: readonly LakeShape[],
  grid: FieldGrid,
  coarse: FieldGrid,
  rng: Rng,
): number[] {
  const sparse = sparseGrid(grid, 4);
  const warp = makeWarp(sparse, coarse, rng.split("warp"));
  return shapes.map((shape) => openArea(shape, sparse, warp));
}

/** Builds a high-mountain landscape. */
export function makeMountain(grid: FieldGrid, climate: Climate, state: MountainState, rng: Rng): Landscape {
  const { terrain, glaciers, shapes, equilibriumM, pondiness } = planMountain(grid, state, rng);
  const warp = makeWarp(grid, terrain.grid, rng.split("warp"));
  const relief = makeRelief(grid, terrain, glaciers, shapes, warp, pondiness, rng.split("detail"));
  const dry = relief.cover.map(
    (cover, cell) => smoothstep(0.05, -0.1, cover) * (1 - relief.water.share[cell]!),
  );
  const rivers = drawRivers(grid, terrain, warp, dry, rng.split("rivers"));
  return dress(relief, rivers, climate, equilibriumM, rng.split("dress"));
}

/** About 150 cells across, with a margin so that the border of the drainage lies outside the scene. */
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

/** Paints covers from the ground up: rock, turf, till, streams, ice, snow, lakes. */
function dress(
  relief: Relief,
  rivers: RiverCover,
  climate: Climate,
  equilibriumM: number,
  rng: Rng,
): Landscape {
  const { grid, water, bodies, cover } = relief;
  const canvas = makeCanvas(grid);
  const materials = makeMaterials(rng.split("materials"), climate.green);
  paintGround(canvas, relief, rivers, materials, equilibriumM, rng.split("ground"));
  paintGlaciers(canvas, relief, materials, rng.split("glaciers"));
  const river = paintSnow(canvas, relief, rivers.water, materials, climate, rng.split("snow"));
  for (let cell = 0; cell < cover.length; cell++) {
    const owner = bodies[water.owner[cell]! - 1];
    if (owner === undefined || owner.kind === "supraglacial") continue;
    // Where lake and ice meet, the pixel is shared: together they fill it once.
    water.share[cell] = Math.min(water.share[cell]!, clamp(0.5 - (cover[cell]! * EDGE_M) / grid.cellM, 0, 1));
  }
  dropSpecks(water, grid, 3);
  const lakeIce = freezeLakes(bodies, water, grid, climate.frozenChance, rng.split("freeze"));
  paintLakes(canvas, bodies, water, lakeIce, materials, rng.split("lakes"));
  return { canvas, elevationM: relief.elevationM, bodies, water, lakeIce, river };
}
