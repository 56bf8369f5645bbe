import type { Neighbourhood } from "./dem_part.js";
import type { GroundSize } from "./ground_size.js";

/** Names of what can be computed from a DEM, in the order of their documentation. */
export const TERRAIN_FEATURES = [
  "slope",
  "aspect",
  "aspectSin",
  "aspectCos",
  "profileCurvature",
  "planformCurvature",
  "curvature",
  "tri",
  "tpi",
  "roughness",
  "hillshade",
  "cosIncidence",
] as const;

/**
 * What can be computed from a DEM.
 *
 * - `slope`: degrees from level. `aspect`: degrees clockwise from grid north of the way down, NaN on level ground;
 *   `aspectSin`, `aspectCos`: its sine (east) and cosine (north), both 0 on level ground.
 * - `profileCurvature`: 100 times the second derivative along the steepest line; `planformCurvature`: -100 times that
 *   across it; `curvature`: -100 times the sum of both (Laplacian); per metre. 0 on level ground but for the last. Signs and
 *   factor are those of xDEM; Zevenbergen and Thorne 1987.
 * - `tri`: ruggedness, `tpi`: height above the mean of the neighbours, `roughness`: range of the nine heights; metres.
 * - `cosIncidence`: cosine between sun and the ground's normal, -1 to 1; `hillshade`: the same with 0 below 0.
 */
export type TerrainFeature = (typeof TERRAIN_FEATURES)[number];

/** How slope and aspect are taken from the neighbours: weighted (Horn 1981) or the four nearest only. */
export type SlopeMethod = "horn" | "zevenbergen-thorne";

/** Root of the sum of squared differences (Riley 1999), or their mean size (Wilson 2007). */
export type RuggednessMethod = "riley" | "wilson";

/** Unit vector towards the sun: east, north, up. */
export type SunVector = readonly [east: number, north: number, up: number];

/** What all features of a pixel are computed from. */
export interface PixelTerrain {
  readonly heights: Neighbourhood;
  readonly size: GroundSize;
  /** Rise towards east and north, metres per metre. */
  readonly east: number;
  readonly north: number;
}

/** Rise towards east and north. */
export function gradient(
  z: Neighbourhood,
  { widthM, heightM }: GroundSize,
  method: SlopeMethod,
): readonly [east: number, north: number] {
  if (method === "zevenbergen-thorne") {
    return [(z[5]! - z[3]!) / (2 * widthM), (z[1]! - z[7]!) / (2 * heightM)];
  }
  return [
    (z[2]! + 2 * z[5]! + z[8]! - (z[0]! + 2 * z[3]! + z[6]!)) / (8 * widthM),
    (z[0]! + 2 * z[1]! + z[2]! - (z[6]! + 2 * z[7]! + z[8]!)) / (8 * heightM),
  ];
}

/** Cosine of the angle between the sun and the normal of a slope. */
export function cosIncidence(east: number, north: number, sun: SunVector): number {
  return (sun[2] - east * sun[0] - north * sun[1]) / Math.sqrt(1 + east * east + north * north);
}

/** The formula of a feature. */
export function featureFormula(
  feature: TerrainFeature,
  options: { readonly ruggedness: RuggednessMethod; readonly sun: SunVector },
): (pixel: PixelTerrain) => number {
  const degrees = 180 / Math.PI;
  const { ruggedness, sun } = options;
  switch (feature) {
    case "slope":
      return ({ east, north }) => Math.atan(Math.sqrt(east * east + north * north)) * degrees;
    case "aspect":
      return ({ east, north }) => aspectDeg(east, north);
    case "aspectSin":
      return ({ east, north }) =>
        east === 0 && north === 0 ? 0 : -east / Math.sqrt(east * east + north * north);
    case "aspectCos":
      return ({ east, north }) =>
        east === 0 && north === 0 ? 0 : -north / Math.sqrt(east * east + north * north);
    case "profileCurvature":
      return (pixel) => 100 * curvatures(pixel).along;
    case "planformCurvature":
      return (pixel) => -100 * curvatures(pixel).across;
    case "curvature":
      return (pixel) => -100 * curvatures(pixel).laplacian;
    case "tri":
      return ruggedness === "riley" ? ({ heights }) => riley(heights) : ({ heights }) => wilson(heights);
    case "tpi":
      return ({ heights: z }) => z[4]! - (z[0]! + z[1]! + z[2]! + z[3]! + z[5]! + z[6]! + z[7]! + z[8]!) / 8;
    case "roughness":
      return ({ heights }) => range(heights);
    case "cosIncidence":
      return ({ east, north }) => cosIncidence(east, north, sun);
    case "hillshade":
      return ({ east, north }) => Math.max(0, cosIncidence(east, north, sun));
  }
}

function aspectDeg(east: number, north: number): number {
  if (east === 0 && north === 0) return Number.NaN;
  const angle = (Math.atan2(-east, -north) * 180) / Math.PI;
  return angle < 0 ? angle + 360 : angle === 0 ? 0 : angle;
}

/** Second derivatives of the quadratic surface of Zevenbergen and Thorne, along and across its own gradient. */
function curvatures({ heights: z, size: { widthM, heightM } }: PixelTerrain): {
  readonly along: number;
  readonly across: number;
  readonly laplacian: number;
} {
  const eastEast = (z[3]! + z[5]! - 2 * z[4]!) / (widthM * widthM);
  const northNorth = (z[1]! + z[7]! - 2 * z[4]!) / (heightM * heightM);
  const eastNorth = (z[2]! + z[6]! - z[0]! - z[8]!) / (4 * widthM * heightM);
  const east = (z[5]! - z[3]!) / (2 * widthM);
  const north = (z[1]! - z[7]!) / (2 * heightM);
  const steepness2 = east * east + north * north;
  const laplacian = eastEast + northNorth;
  if (steepness2 === 0) return { along: 0, across: 0, laplacian };
  const mixed = 2 * eastNorth * east * north;
  return {
    along: (eastEast * east * east + northNorth * north * north + mixed) / steepness2,
    across: (eastEast * north * north + northNorth * east * east - mixed) / steepness2,
    laplacian,
  };
}

function riley(z: Neighbourhood): number {
  let sum = 0;
  for (let index = 0; index < 9; index++) sum += (z[index]! - z[4]!) ** 2;
  return Math.sqrt(sum);
}

function wilson(z: Neighbourhood): number {
  let sum = 0;
  for (let index = 0; index < 9; index++) sum += Math.abs(z[index]! - z[4]!);
  return sum / 8;
}

function range(z: Neighbourhood): number {
  let [least, greatest] = [z[0]!, z[0]!];
  for (let index = 1; index < 9; index++) {
    if (z[index]! < least) least = z[index]!;
    if (z[index]! > greatest) greatest = z[index]!;
  }
  return greatest - least;
}
