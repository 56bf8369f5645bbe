import type { Rng } from "@glof/core";
import { clamp } from "./grid.js";
import type { GroundBox, LakeShape } from "./lake_shape.js";
import { fbm, makeNoise, type Noise2d } from "./noise.js";
import { type GroundPath, locate, type PathPosition } from "./path.js";
import type { LakeKind } from "./types.js";

/** A long lake along a path, rounded at both ends, with an uneven shore. */
export function trunkLake(
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

/** The ground within a margin of the first `lengthM` metres of a path. */
export function pathBox(path: GroundPath, lengthM: number, marginM: number): GroundBox {
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
