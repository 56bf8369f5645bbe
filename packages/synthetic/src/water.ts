import type { Rng } from "@glof/core";
import type { Canvas } from "./canvas.js";
import { cellCount, clamp, type FieldGrid, mix, smoothstep, visitWarpedBox, type Warp } from "./grid.js";
import type { LakeShape, WaterBody } from "./lake_shape.js";
import { fbm, makeNoise } from "./noise.js";
import { type Materials, mixSpectra, SPECTRUM_LENGTH, type Spectrum, waterSpectrum } from "./spectra.js";
import { surfaceCode } from "./types.js";

/** Lakes drawn on pixels. */
export interface WaterCover {
  /** Part of each pixel that is lake, 0 to 1. */
  readonly share: Float32Array;
  /** Distance to the shore inside a lake, metres (the largest of the lakes at a pixel). */
  readonly insideM: Float32Array;
  /** 1 + index of the lake's body, also on the shore just outside; 0 none. */
  readonly owner: Int32Array;
}

/** Draws lake shapes on a grid. Where two meet, the pixel goes to the one that it lies deeper in. */
export function drawLakes(shapes: readonly LakeShape[], grid: FieldGrid, warp: Warp): WaterCover {
  const share = new Float32Array(cellCount(grid));
  const insideM = new Float32Array(cellCount(grid)).fill(-1e6);
  const owner = new Int32Array(cellCount(grid));
  shapes.forEach((shape, index) => {
    visitWarpedBox(grid, shape.box, warp, (cell, xM, yM) => {
      const depth = shape.insideM(xM, yM);
      if (depth <= Math.max(-25, insideM[cell]!)) return;
      insideM[cell] = depth;
      share[cell] = clamp(0.5 + depth / grid.cellM, 0, 1);
      owner[cell] = index + 1;
    });
  });
  return { share, insideM, owner };
}

/**
 * Takes away lakes of fewer pixels than `fewest` (pixels that share a side): specks that no image could show.
 */
export function dropSpecks(water: WaterCover, grid: FieldGrid, fewest: number): void {
  const { cols } = grid;
  const seen = new Uint8Array(water.share.length);
  const group: number[] = [];
  const add = (cell: number): void => {
    if (cell < 0 || cell >= seen.length || seen[cell] === 1 || water.share[cell]! < 0.5) return;
    seen[cell] = 1;
    group.push(cell);
  };
  for (let first = 0; first < seen.length; first++) {
    group.length = 0;
    add(first);
    for (let at = 0; at < group.length; at++) {
      const cell = group[at]!;
      const col = cell % cols;
      if (col > 0) add(cell - 1);
      if (col < cols - 1) add(cell + 1);
      add(cell - cols);
      add(cell + cols);
    }
    if (group.length === 0 || group.length >= fewest) continue;
    for (const cell of group) water.share[cell] = 0;
  }
}

/** Ice on the lakes of a scene, by pixel: 0 open water, 1 ice; and snow upon that ice. */
export interface LakeIce {
  readonly ice: Float32Array;
  readonly snow: Float32Array;
}

/** Freezes some lakes wholly, some from the shore inwards, some with snow on top. */
export function freezeLakes(
  bodies: readonly WaterBody[],
  water: WaterCover,
  grid: FieldGrid,
  frozenChance: number,
  rng: Rng,
): LakeIce {
  const ice = new Float32Array(cellCount(grid));
  const snow = new Float32Array(cellCount(grid));
  const states = bodies.map(() => ({
    frozen: rng.next() < frozenChance,
    whole: rng.next() < 0.65,
    rimM: rng.uniform(15, 120),
    snowy: rng.next() < 0.35 ? rng.uniform(-0.3, 1.2) : -2,
  }));
  const patches = fbm(makeNoise(rng), { octaves: 3 });
  for (let cell = 0; cell < ice.length; cell++) {
    const state = states[water.owner[cell]! - 1];
    if (state === undefined || !state.frozen) continue;
    const xM = (cell % grid.cols) * grid.cellM;
    const yM = Math.floor(cell / grid.cols) * grid.cellM;
    const uneven = patches(xM / 260, yM / 260);
    ice[cell] = state.whole ? 1 : smoothstep(0, 12, state.rimM * (1 + uneven) - water.insideM[cell]!);
    snow[cell] = ice[cell]! * smoothstep(-0.1, 0.25, state.snowy + uneven);
  }
  return { ice, snow };
}

/** Paints lakes: colour by turbidity, bottom through the shallows, stirred patterns, ice and snow. */
export function paintLakes(
  canvas: Canvas,
  bodies: readonly WaterBody[],
  water: WaterCover,
  lakeIce: LakeIce,
  materials: Materials,
  rng: Rng,
): void {
  const { grid, albedo, classMap } = canvas;
  const colours: Spectrum[] = bodies.map((body) => waterSpectrum(body.turbidity, rng));
  const iceColours = bodies.map(() => mixSpectra(materials.blackLakeIce, materials.greyLakeIce, rng.next()));
  const clarityM = bodies.map((body) => mix(40, 6, body.turbidity));
  const plume = fbm(makeNoise(rng), { octaves: 3 });
  const [lakeCode, iceCode] = [surfaceCode("lake"), surfaceCode("lake-ice")];
  for (let cell = 0; cell < water.share.length; cell++) {
    const share = water.share[cell]!;
    if (share <= 0) continue;
    const lake = water.owner[cell]! - 1;
    const xM = (cell % grid.cols) * grid.cellM;
    const yM = Math.floor(cell / grid.cols) * grid.cellM;
    const stirred = 1 + 0.08 * plume(xM / 220, yM / 220);
    const bottom = 0.5 * Math.exp(-Math.max(0, water.insideM[cell]!) / clarityM[lake]!);
    const ice = lakeIce.ice[cell]!;
    const covering = share * (1 - (bodies[lake]!.seeThrough ?? 0) * (1 - ice));
    const cracks = 1 + 0.22 * plume(xM / 60 + 40, yM / 60);
    for (let band = 0; band < SPECTRUM_LENGTH; band++) {
      const seen = band < 3 ? bottom : band === 3 ? 0.25 * bottom : 0;
      let value = mix(colours[lake]![band]! * stirred, 0.55 * materials.sediment[band]!, 0.35 * seen);
      value = mix(value, iceColours[lake]![band]! * cracks, ice);
      value = mix(value, materials.freshSnow[band]! * (0.85 + 0.1 * stirred), lakeIce.snow[cell]!);
      const field = albedo[band]!;
      field[cell] = mix(field[cell]!, value, covering);
    }
    if (share >= 0.5) classMap[cell] = ice >= 0.5 ? iceCode : lakeCode;
  }
}
