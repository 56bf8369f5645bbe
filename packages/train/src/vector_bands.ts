import { GlofError } from "@glof/core";
import type { Crop, Placement } from "./cut_chip.js";

/** Names of two bands that hold a direction on the ground: its part towards east and its part towards north. */
export type VectorBands = readonly [east: string, north: string];

/** Bands that are taken for directions unless the caller says otherwise: the aspect of a DEM. */
export const defaultVectorBands: readonly VectorBands[] = [
  ["aspectSin", "aspectCos"],
  ["aspect_sin", "aspect_cos"],
];

/**
 * Places of the pairs of direction bands.
 *
 * @param wanted default: those of `defaultVectorBands` that are there
 * @throws GlofError `missing-band` for a wanted band that is not there
 */
export function placeVectorBands(
  bands: readonly string[],
  wanted?: readonly VectorBands[],
): readonly (readonly [east: number, north: number])[] {
  const places = (wanted ?? defaultVectorBands).map(
    ([east, north]) => [bands.indexOf(east), bands.indexOf(north)] as const,
  );
  if (wanted === undefined) return places.filter(([east, north]) => east !== -1 && north !== -1);
  if (places.every(([east, north]) => east !== -1 && north !== -1)) return places;
  throw new GlofError(
    "missing-band",
    `chipBatches: expected the direction bands ${wanted.flat().join(", ")}, got ${bands.join(", ")}. Name bands of the chips.`,
  );
}

/**
 * Turns directions along with the image they are part of, in place: when the image is turned, what pointed east no longer
 * does. Lengths stay, so a zoom changes nothing.
 *
 * @param matrix of the placement the crop was cut by
 */
export function turnVectors(
  { refl }: Pick<Crop, "refl">,
  bandCount: number,
  places: readonly (readonly [east: number, north: number])[],
  matrix: Placement["matrix"],
): void {
  const [colByCol, colByRow, rowByCol, rowByRow] = matrix;
  const scale = Math.sqrt(Math.abs(colByCol * rowByRow - colByRow * rowByCol));
  // Crop to chip is the matrix, so chip to crop is its transpose once the scale is out. Rows run south.
  const [a, b, c, d] = [colByCol / scale, colByRow / scale, rowByCol / scale, rowByRow / scale];
  for (const [eastBand, northBand] of places) {
    for (let at = 0; at < refl.length; at += bandCount) {
      const east = refl[at + eastBand]!;
      const north = refl[at + northBand]!;
      // Zeros are left out, so that none comes back as -0.
      refl[at + eastBand] = sumOf(a, east, -c, north);
      refl[at + northBand] = sumOf(-b, east, d, north);
    }
  }
}

const sumOf = (a: number, x: number, b: number, y: number): number =>
  a === 0 ? b * y + 0 : b === 0 ? a * x + 0 : a * x + b * y;
