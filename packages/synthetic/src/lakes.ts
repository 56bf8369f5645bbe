import type { Rng } from "@glof/core";
import { channelSlopes, type Glaciers, lineLengths } from "./glaciers.js";
import { clamp, type FieldGrid, smoothstep } from "./grid.js";
import { fbm, makeNoise, type Noise2d } from "./noise.js";
import { type GroundPath, locate, type PathPosition, pathLength, pathThrough } from "./path.js";
import type { Terrain } from "./terrain.js";
import type { LakeKind } from "./types.js";

/** A rectangle on the ground, metres: west, north, east, south. */
export type GroundBox = readonly [west: number, north: number, east: number, south: number];

/** A body of standing water: what the truth and the painting need of it. */
export interface WaterBody {
  readonly kind: LakeKind;
  /** 0 clear to 1 milk. */
  readonly turbidity: number;
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
  /** 0 none to 1 many. */
  readonly abundance: number;
  /** How far glacier fronts have drawn back since the base year, metres. */
  readonly retreatM: number;
}

/** Lakes dammed by end moraines where tongues have drawn back. The two kinds differ in whether ice reaches the water. */
export function morainicLakes(
  terrain: Terrain,
  glaciers: Glaciers,
  options: LakeOptions,
  rng: Rng,
): LakeShape[] {
  const shapes: LakeShape[] = [];
  glaciers.tongues.forEach((tongue, index) => {
    const lake = rng.split(`tongue ${index}`);
    const chance = lake.next();
    const path = pathThrough(tongue.centreline, terrain.grid);
    const lengthM = pathLength(path);
    if (chance > options.abundance || lengthM < 350) return;
    const widest = tongue.centreline[Math.floor(tongue.centreline.length / 3)]!;
    const halfWidthM = Math.max(35, terrain.floorHalfWidthM[widest]! * lake.uniform(0.45, 0.95));
    const longestM = Math.min(lake.uniform(250, 2600), 14 * halfWidthM);
    const basinM = Math.min(lake.uniform(0.12, 0.6) * lengthM, longestM);
    const detached = lake.next() < 0.4;
    const filledM = Math.min(basinM, basinM * lake.uniform(0.45, 0.9) + options.retreatM);
    const frontM = detached ? basinM + lake.uniform(60, 350) + options.retreatM : filledM;
    shapes.push({
      ...trunkLake(path, detached ? basinM * lake.uniform(0.5, 0.9) : basinM, halfWidthM, lake),
      kind: detached ? "moraine-dammed" : "ice-contact",
      turbidity: detached ? lake.uniform(0.1, 0.85) : lake.uniform(0.35, 1),
      cutIceM: iceCut(path, frontM, halfWidthM, lake),
      cutBox: pathBox(path, frontM + 250, 3 * halfWidthM + 100),
      levelM: terrain.elevationM[tongue.centreline[0]!]! + 8,
    });
  });
  return shapes;
}

/** A long lake along a path, rounded at both ends, with an uneven shore. */
function trunkLake(
  path: GroundPath,
  lengthM: number,
  halfWidthM: number,
  rng: Rng,
): Pick<LakeShape, "insideM" | "box"> {
  const shore = fbm(makeNoise(rng), { octaves: 3, gain: 0.5 });
  const waist = makeNoise(rng);
  const at: PathPosition = { alongM: 0, acrossM: 0 };
  const headM = rng.uniform(0.5, 1.3) * halfWidthM;
  const insideM = (xM: number, yM: number): number => {
    locate(path, xM, yM, at);
    const fromStart = at.alongM;
    const fromEnd = lengthM - at.alongM;
    const nearEnd = Math.min(fromStart, fromEnd);
    const rounding = nearEnd <= 0 ? 0 : Math.sqrt(clamp(1 - (1 - Math.min(1, nearEnd / headM)) ** 2, 0, 1));
    const width = halfWidthM * (1 + 0.35 * waist(at.alongM / 500, 3.3)) * rounding;
    const ragged = (0.22 * halfWidthM + 6) * shore(xM / 180, yM / 180);
    return Math.min(width - Math.abs(at.acrossM), nearEnd + 0.3 * headM) + ragged * 0.8;
  };
  return { insideM, box: pathBox(path, lengthM, 1.8 * halfWidthM) };
}

function iceCut(path: GroundPath, frontM: number, halfWidthM: number, rng: Rng): LakeShape["cutIceM"] {
  const crevasses = fbm(makeNoise(rng), { octaves: 2 });
  const at: PathPosition = { alongM: 0, acrossM: 0 };
  const bend = rng.uniform(-0.25, 0.35);
  return (xM, yM) => {
    locate(path, xM, yM, at);
    const aside = Math.abs(at.acrossM);
    const frontCutM = frontM + bend * aside + 25 * crevasses(xM / 90, yM / 90) - at.alongM;
    // Ice of other valleys stays: the cut ends beside the trunk and below its terminus.
    return Math.min(frontCutM, 2.2 * halfWidthM - aside, at.alongM + 150);
  };
}

function pathBox(path: GroundPath, lengthM: number, marginM: number): GroundBox {
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  path.xM.forEach((x, index) => {
    if (path.alongM[index]! > lengthM + marginM) return;
    const y = path.yM[index]!;
    box[0] = Math.min(box[0], x - marginM);
    box[1] = Math.min(box[1], y - marginM);
    box[2] = Math.max(box[2], x + marginM);
    box[3] = Math.max(box[3], y + marginM);
  });
  return box;
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

/** Index of the lake with the largest open area on a grid; -1 of none. */
export function largestLake(shapes: readonly LakeShape[], grid: FieldGrid): number {
  const areas = shapes.map((shape) => openArea(shape, grid));
  return areas.indexOf(Math.max(...areas));
}

/** Open water of a lake that lies on a grid, m2, to a few per cent. */
export function openArea(shape: LakeShape, grid: FieldGrid): number {
  const [west, north, east, south] = shape.box;
  const lastX = grid.originXM + (grid.cols - 1) * grid.cellM;
  const lastY = grid.originYM + (grid.rows - 1) * grid.cellM;
  const stepM = Math.max(grid.cellM, Math.max(east - west, south - north) / 60);
  let samples = 0;
  for (let y = Math.max(north, grid.originYM); y < Math.min(south, lastY); y += stepM) {
    for (let x = Math.max(west, grid.originXM); x < Math.min(east, lastX); x += stepM) {
      const cut = shape.cutIceM?.(x, y) ?? 1;
      if (shape.insideM(x, y) > 0 && cut > 0) samples++;
    }
  }
  return samples * stepM * stepM;
}

/** Small lakes away from the ice: in cirques, behind rock bars, on benches. */
export function tarns(terrain: Terrain, glaciers: Glaciers, options: LakeOptions, rng: Rng): LakeShape[] {
  const { grid, elevationM, catchmentKm2 } = terrain;
  const slope = channelSlopes(terrain);
  const areaKm2 = (grid.cols * grid.rows * grid.cellM ** 2) / 1e6;
  const wanted = Math.round(options.abundance * areaKm2 * rng.uniform(0.05, 0.5));
  const shapes: LakeShape[] = [];
  for (let attempt = 0; attempt < 60 * wanted && shapes.length < wanted; attempt++) {
    const cell = rng.int(elevationM.length);
    const flat = smoothstep(0.4, 0.05, slope[cell]!);
    if (glaciers.cover[cell]! > -0.25 || rng.next() > flat) continue;
    if (catchmentKm2[cell]! > 3 && rng.next() < 0.7) continue;
    const radiusM = 18 * Math.exp(rng.uniform(0, 2.4));
    shapes.push(
      blobLake("tarn", cellGround(terrain, cell), Math.min(radiusM, 60 / (slope[cell]! + 0.15)), rng, {
        turbidity: rng.next() ** 2 * 0.7,
        levelM: elevationM[cell]!,
      }),
    );
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
  const wanted = rng.next() < 0.5 * options.abundance ? 1 + rng.int(2) : 0;
  for (let attempt = 0; attempt < 400 && shapes.length < wanted; attempt++) {
    const start = rng.int(catchmentKm2.length);
    if (catchmentKm2[start]! < 1 || slope[start]! > 0.25 || glaciers.cover[start]! > -0.2) continue;
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

/** A roundish lake of a given mean radius with an uneven, stretched shore. */
export function blobLake(
  kind: LakeKind,
  centre: { x: number; y: number },
  radiusM: number,
  rng: Rng,
  water: Pick<LakeShape, "turbidity" | "levelM">,
): LakeShape {
  const shore: Noise2d = fbm(makeNoise(rng), { octaves: 3, gain: 0.45 });
  const turn = rng.uniform(0, Math.PI);
  const stretch = rng.uniform(1, 2.4);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const reachM = radiusM * stretch * 1.7 + 20;
  return {
    kind,
    ...water,
    insideM: (xM, yM) => {
      const dx = xM - centre.x;
      const dy = yM - centre.y;
      const along = (dx * cos + dy * sin) / Math.sqrt(stretch);
      const across = (dy * cos - dx * sin) * Math.sqrt(stretch);
      const ragged = 0.42 * shore(xM / (1.6 * radiusM), yM / (1.6 * radiusM));
      return radiusM * (1 + ragged) - Math.hypot(along, across);
    },
    box: [centre.x - reachM, centre.y - reachM, centre.x + reachM, centre.y + reachM],
  };
}

function cellGround(terrain: Terrain, cell: number): { x: number; y: number } {
  const { grid } = terrain;
  return {
    x: grid.originXM + (cell % grid.cols) * grid.cellM,
    y: grid.originYM + Math.floor(cell / grid.cols) * grid.cellM,
  };
}
