import type { Rng } from "@glof/core";
import { type Glaciers, lineLengths, type Tongue } from "./glaciers.js";
import { pathBox, trunkLake } from "./lake_forms.js";
import type { LakeOptions, LakeShape } from "./lake_shape.js";
import { fbm, makeNoise } from "./noise.js";
import { type GroundPath, locate, type PathPosition, pathThrough } from "./path.js";
import type { Terrain } from "./terrain.js";

/**
 * Lakes dammed by end moraines where tongues have drawn back. The two kinds differ in whether ice reaches the
 * water; where it does, the lake takes the place of the ice that goes.
 */
export function morainicLakes(
  terrain: Terrain,
  glaciers: Glaciers,
  options: LakeOptions,
  rng: Rng,
): LakeShape[] {
  const shapes = glaciers.tongues.map((tongue, index) =>
    morainicLake(terrain, tongue, options, rng.split(`tongue ${index}`)),
  );
  return shapes.filter((shape) => shape !== undefined);
}

function morainicLake(
  terrain: Terrain,
  tongue: Tongue,
  options: LakeOptions,
  lake: Rng,
): LakeShape | undefined {
  const { grid } = terrain;
  const trunkCells = tongue.centreline.slice(tongue.dam);
  const forefieldM = tongue.dam * 1.2 * grid.cellM;
  const lengthM = lineLengths(trunkCells, grid).at(-1)!;
  if (lake.next() > options.abundance || lengthM < 350) return undefined;
  const widest = tongue.centreline[Math.min(tongue.centreline.length - 1, tongue.dam + 6)]!;
  const halfWidthM = Math.max(35, terrain.floorHalfWidthM[widest]! * lake.uniform(0.6, 1.4));
  const longestM = Math.min(250 * Math.exp(lake.uniform(0, 2.6)), 14 * halfWidthM);
  const basinM = Math.min(lake.uniform(0.2, 0.75) * lengthM, longestM);
  const detached = lake.next() < 0.4;
  const filledM = Math.min(basinM, Math.max(60, basinM * lake.uniform(0.35, 0.9) + options.retreatM));
  const frontM = detached ? basinM + lake.uniform(60, 350) + Math.max(0, options.retreatM) : filledM;
  const path = pathThrough(trunkCells.slice(0, Math.ceil((frontM + 600) / grid.cellM) + 2), grid);
  const trunk = trunkLake(path, detached ? basinM * lake.uniform(0.5, 0.9) : basinM, halfWidthM, lake);
  const cutIceM = iceCut(path, frontM, halfWidthM, forefieldM, lake);
  return {
    box: trunk.box,
    insideM: detached ? trunk.insideM : (xM, yM) => Math.min(trunk.insideM(xM, yM), cutIceM(xM, yM)),
    kind: detached ? "moraine-dammed" : "ice-contact",
    turbidity: detached ? lake.uniform(0.1, 0.85) : lake.uniform(0.35, 1),
    cutIceM,
    cutBox: pathBox(path, frontM + 250, 3 * halfWidthM + 200 + forefieldM),
    levelM: terrain.elevationM[tongue.centreline[tongue.dam]!]! + 8,
  };
}

/** Distance from the ice front on the lake's side, metres: positive where the glacier has gone. */
function iceCut(
  path: GroundPath,
  frontM: number,
  halfWidthM: number,
  forefieldM: number,
  rng: Rng,
): (xM: number, yM: number) => number {
  const crevasses = fbm(makeNoise(rng), { octaves: 2 });
  const at: PathPosition = { alongM: 0, acrossM: 0 };
  const bend = rng.uniform(-0.25, 0.35);
  return (xM, yM) => {
    locate(path, xM, yM, at);
    const aside = Math.abs(at.acrossM);
    const frontCutM = frontM + bend * aside + 25 * crevasses(xM / 90, yM / 90) - at.alongM;
    // Ice of other valleys stays: the cut ends beside the trunk and below its terminus.
    return Math.min(frontCutM, 2.2 * halfWidthM - aside, at.alongM + forefieldM + 150);
  };
}
