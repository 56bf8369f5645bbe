import type { Rng } from "@glof/core";
import { type Canvas, makeCanvas, modulate, paint } from "./canvas.js";
import type { Climate } from "./climate.js";
import { cellCount, type FieldGrid, sampleField, smoothstep, type Warp } from "./grid.js";
import type { LakeShape } from "./lake_shape.js";
import type { Landscape } from "./landscape.js";
import { ASPHALT, FIELDS, ROOFS, TRACK, varied } from "./lowland_spectra.js";
import { drawRunningWater, standingWater } from "./lowland_water.js";
import { fbm, makeNoise } from "./noise.js";
import { noiseField } from "./noise_field.js";
import { makeParcels, type ParcelPosition } from "./parcels.js";
import { type Materials, makeMaterials, type Spectrum, waterSpectrum } from "./spectra.js";
import { type SceneMode, surfaceCode } from "./types.js";
import { drawLakes, dropSpecks, freezeLakes, paintLakes } from "./water.js";

/**
 * Plains: fields, woods, towns, rivers, canals, ponds; `urban` is mostly town, `flood` has water over its
 * fields.
 */
export function makeLowland(grid: FieldGrid, climate: Climate, mode: SceneMode, rng: Rng): Landscape {
  const canvas = makeCanvas(grid);
  const materials = makeMaterials(rng.split("materials"), climate.green);
  const undulation = fbm(makeNoise(rng.split("undulation")), { octaves: 4, gain: 0.45 });
  const reliefM = rng.uniform(2, 25);
  const elevationM = sampleField(grid, (x, y) => 60 + reliefM * undulation(x / 2600, y / 2600));
  paintFields(canvas, rng.split("fields"));
  paintWoods(canvas, materials, mode, rng.split("woods"));
  paintTowns(canvas, mode, rng.split("towns"));
  const grain = noiseField(grid, rng.split("grain"), { wavelengthM: 60, octaves: 3, gain: 0.8 });
  modulate(
    canvas,
    grain.map((value) => Math.exp(0.1 * value)),
  );
  const running = drawRunningWater(grid, mode, rng.split("running"));
  paint(canvas, "till", TRACK, running.bank);
  const shapes = standingWater(grid, mode, undulation, rng.split("standing"));
  const water = drawLakes(shapes, grid, stillWarp(grid));
  dropSpecks(water, grid, 3);
  for (let cell = 0; cell < water.share.length; cell++) {
    if (running.water[cell]! > 0) water.share[cell] = water.share[cell]! * (1 - running.water[cell]!);
  }
  paintRunning(canvas, running.water, rng.split("river colour"));
  const white = paintSnowCover(canvas, materials, climate, rng.split("snow"));
  const lakeIce = freezeLakes(
    shapes,
    water,
    grid,
    white ? 0.9 : climate.frozenChance * 0.15,
    rng.split("freeze"),
  );
  paintLakes(canvas, shapes, water, lakeIce, materials, rng.split("lakes"));
  return {
    canvas,
    elevationM,
    bodies: shapes satisfies readonly LakeShape[],
    water,
    lakeIce,
    river: running.water,
  };
}

const stillWarp = (grid: FieldGrid): Warp => ({
  dxM: new Float32Array(cellCount(grid)),
  dyM: new Float32Array(cellCount(grid)),
  largestM: 0,
});

const extentOf = (grid: FieldGrid): number => grid.cellM * Math.max(grid.cols, grid.rows);
const centreOf = (grid: FieldGrid): { x: number; y: number } => ({
  x: grid.originXM + (grid.cols * grid.cellM) / 2,
  y: grid.originYM + (grid.rows * grid.cellM) / 2,
});

/** Puts one spectrum per pixel on the canvas, where a share is given. */
function put(canvas: Canvas, cell: number, spectrum: Spectrum, share: number): void {
  canvas.albedo.forEach((field, band) => {
    field[cell] = field[cell]! + share * (spectrum[band]! - field[cell]!);
  });
}

function paintFields(canvas: Canvas, rng: Rng): void {
  const { grid } = canvas;
  const smallestM = 90 * Math.exp(rng.uniform(0, 1.2));
  const parcels = makeParcels(extentOf(grid) * 1.5, centreOf(grid), smallestM, rng.split("parcels"));
  const palette = rng.shuffle(FIELDS).slice(0, 4 + rng.int(5));
  const covers = Array.from({ length: parcels.count }, () => varied(palette, rng, 0.14));
  const bend = fbm(makeNoise(rng), { octaves: 2 });
  const bendM = rng.uniform(5, 60);
  const at: ParcelPosition = { parcel: 0, edgeM: 0, alongM: 0, acrossM: 0 };
  const code = surfaceCode("field");
  const edgeM = rng.uniform(2, 7);
  for (let cell = 0; cell < cellCount(grid); cell++) {
    const xM = grid.originXM + (cell % grid.cols) * grid.cellM;
    const yM = grid.originYM + Math.floor(cell / grid.cols) * grid.cellM;
    const offset = bendM * bend(xM / 900, yM / 900);
    parcels.locate(xM + offset, yM - offset, at);
    put(canvas, cell, covers[at.parcel]!, 1);
    if (at.edgeM < edgeM) put(canvas, cell, at.parcel % 3 === 0 ? TRACK : FIELDS[8]!, 0.6);
    canvas.classMap[cell] = code;
  }
}

function paintWoods(canvas: Canvas, materials: Materials, mode: SceneMode, rng: Rng): void {
  const cover = mode === "urban" ? rng.uniform(-0.2, 0.1) : rng.uniform(-0.5, 0.5);
  const field = noiseField(canvas.grid, rng, { wavelengthM: rng.uniform(900, 3000), octaves: 6, gain: 0.6 });
  const share = field.map((value) => smoothstep(0.32 - 0.5 * cover, 0.4 - 0.5 * cover, value));
  const crowns = noiseField(canvas.grid, rng, { wavelengthM: 35, octaves: 2, gain: 0.8 });
  paint(
    canvas,
    "vegetation",
    materials.forest,
    share,
    crowns.map((value) => Math.exp(0.2 * value)),
  );
}

function paintTowns(canvas: Canvas, mode: SceneMode, rng: Rng): void {
  const { grid } = canvas;
  const density = mode === "urban" ? rng.uniform(-0.5, -0.1) : rng.uniform(0.35, 0.75);
  const field = noiseField(grid, rng.split("towns"), {
    wavelengthM: mode === "urban" ? 2500 : 1500,
    octaves: 4,
  });
  const blocks = makeParcels(extentOf(grid) * 1.5, centreOf(grid), rng.uniform(60, 130), rng.split("blocks"));
  const roofs = Array.from({ length: 977 }, () => varied(ROOFS, rng, 0.25));
  // Houses of a block look alike: the block's own roof, tinted by each house's.
  const blockRoofs = Array.from({ length: blocks.count }, () => varied(ROOFS, rng, 0.2));
  const likeness = rng.uniform(0.45, 0.8);
  const park = Array.from({ length: blocks.count }, () => (rng.next() < 0.14 ? 1 : 0));
  const spacingM = rng.uniform(16, 34);
  const at: ParcelPosition = { parcel: 0, edgeM: 0, alongM: 0, acrossM: 0 };
  const code = surfaceCode("built");
  for (let cell = 0; cell < cellCount(grid); cell++) {
    const town = smoothstep(density, density + 0.06, field[cell]!);
    if (town < 0.05) continue;
    const xM = grid.originXM + (cell % grid.cols) * grid.cellM;
    const yM = grid.originYM + Math.floor(cell / grid.cols) * grid.cellM;
    blocks.locate(xM, yM, at);
    if (at.edgeM < 7) put(canvas, cell, ASPHALT, 0.85 * town);
    else if (park[at.parcel] === 1) put(canvas, cell, FIELDS[8]!, 0.8 * town);
    else {
      const house =
        at.parcel * 131 + Math.floor(at.alongM / spacingM) * 31 + Math.floor(at.acrossM / spacingM) * 17;
      // A gap beside each house lies in its shade or is grass.
      const gap = (at.alongM / spacingM) % 1 > 0.72;
      const gapCover = house % 2 === 0 ? ROOFS[5]! : FIELDS[8]!;
      put(canvas, cell, gap ? gapCover : roofs[house % roofs.length]!, 0.9 * town);
      put(canvas, cell, blockRoofs[at.parcel]!, (gap ? 0.5 * likeness : likeness) * town);
    }
    if (town >= 0.5) canvas.classMap[cell] = code;
  }
}

function paintRunning(canvas: Canvas, river: Float32Array, rng: Rng): void {
  paint(canvas, "river", waterSpectrum(rng.uniform(0.05, 1), rng), river);
}

/** In winter half of the plains lie under snow, thin on woods. */
function paintSnowCover(canvas: Canvas, materials: Materials, climate: Climate, rng: Rng): boolean {
  if (climate.frozenChance < 0.8 || rng.next() < 0.45) return false;
  const wooded = surfaceCode("vegetation");
  const running = surfaceCode("river");
  const drift = noiseField(canvas.grid, rng, { wavelengthM: 120, octaves: 4, gain: 0.7 });
  const depth = rng.uniform(0.5, 1);
  const iced = rng.next() < 0.6;
  const share = drift.map((value, cell) => {
    const under = canvas.classMap[cell];
    if (under === running && !iced) return 0;
    return depth * (under === wooded ? 0.35 : 0.97) * (1 + 0.12 * Math.min(0, value));
  });
  paint(
    canvas,
    "snow",
    materials.freshSnow.map((value) => 0.85 * value),
    share,
  );
  return true;
}
