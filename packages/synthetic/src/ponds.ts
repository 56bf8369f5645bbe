import type { Rng } from "@glof/core";
import { cellCount, clamp, type FieldGrid, smoothstep } from "./grid.js";
import type { WaterBody } from "./lake_shape.js";
import { makeNoise } from "./noise.js";
import { noiseField } from "./noise_field.js";
import type { WaterCover } from "./water.js";

/** What ponds on a debris-covered tongue depend on. `water` is drawn into. */
export interface PondGround {
  readonly grid: FieldGrid;
  readonly cover: Float32Array;
  readonly debris: Float32Array;
  readonly hummocks: Float32Array;
  readonly slope: Float32Array;
  readonly water: WaterCover;
  readonly firstOwner: number;
  /** 0 dry to 1 many ponds. */
  readonly pondiness: number;
}

const PALETTE = 10;

/**
 * Fills the hollows between hummocks on gentle, debris-covered ice. Ponds gather in clusters towards the
 * lower, flatter tongue (Watson et al. 2016, "The dynamics of supraglacial ponds in the Everest region,
 * central Himalaya").
 */
export function drawPonds(
  ground: PondGround,
  rng: Rng,
): { bodies: WaterBody[]; filledHummocks: Float32Array } {
  const { grid, water } = ground;
  const clusters = noiseField(grid, rng, { wavelengthM: 700, octaves: 3, gain: 0.7 });
  const hue = makeNoise(rng);
  const filledHummocks = ground.hummocks.slice();
  for (let cell = 0; cell < cellCount(grid); cell++) {
    if (ground.debris[cell]! < 0.4 || ground.cover[cell]! < 0.05) continue;
    const flat = smoothstep(0.4, 0.15, ground.slope[cell]!) * smoothstep(0.05, 0.25, ground.cover[cell]!);
    const wetness = ground.pondiness * flat * smoothstep(-0.6, 0.45, clusters[cell]!);
    const level = -0.95 + 0.75 * wetness;
    const depth = level - ground.hummocks[cell]!;
    if (flat < 0.05 || depth < -0.4) continue;
    const insideM = 60 * depth;
    if (depth > 0) filledHummocks[cell] = level;
    if (insideM <= water.insideM[cell]! || insideM < -0.5 * grid.cellM) continue;
    water.insideM[cell] = insideM;
    water.share[cell] = clamp(0.5 + insideM / grid.cellM, 0, 1);
    const xM = (cell % grid.cols) * grid.cellM;
    const yM = Math.floor(cell / grid.cols) * grid.cellM;
    const shade = clamp(0.5 + 0.6 * hue(xM / 230, yM / 230), 0, 0.999);
    water.owner[cell] = ground.firstOwner + Math.floor(shade * PALETTE);
  }
  const bodies = rng
    .shuffle(Array.from({ length: PALETTE }, (_, index) => index / (PALETTE - 1)))
    .map((turbidity): WaterBody => ({ kind: "supraglacial", turbidity: 0.1 + 0.88 * turbidity }));
  return { bodies, filledHummocks };
}
