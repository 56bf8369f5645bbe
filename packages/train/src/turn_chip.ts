import { GlofError } from "@glof/core";
import type { Chip } from "./chips.js";
import { squareSymmetries } from "./cut_chip.js";
import { placeVectorBands, turnVectors, type VectorBands } from "./vector_bands.js";

/**
 * A flip or turn of a square: 0 none; 1, 2, 3 quarter turns counter-clockwise; 4 left to right, 5 upside down, 6 over the
 * falling diagonal, 7 over the rising one.
 */
export type Symmetry = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** The symmetry that undoes another. */
export const inverseSymmetry = (symmetry: Symmetry): Symmetry =>
  symmetry === 1 ? 3 : symmetry === 3 ? 1 : symmetry;

/**
 * A chip flipped or turned, mask and bands alike; bands that hold directions (`aspectSin`, `aspectCos`) are turned in their
 * meaning too, so that they are what a turned DEM would give. Exact: pixels are copied. Chips need not be square.
 *
 * @param options.vectorBands pairs of direction bands, east and north; default: those named like the aspect of a DEM
 * @throws GlofError `bad-argument` for another symmetry; `missing-band`
 */
export function turnChip(
  chip: Chip,
  symmetry: Symmetry,
  options: { readonly vectorBands?: readonly VectorBands[] } = {},
): Chip {
  const matrix = squareSymmetries[symmetry];
  if (matrix === undefined) {
    throw new GlofError(
      "bad-argument",
      `turnChip: expected a symmetry from 0 to 7, got ${symmetry}. 0 leaves the chip as it is.`,
    );
  }
  const [colByCol, colByRow, rowByCol, rowByRow] = matrix;
  const turns = colByCol === 0;
  const [width, height] = turns ? [chip.height, chip.width] : [chip.width, chip.height];
  const bandCount = chip.bands.length;
  const refl = new Float32Array(chip.refl.length);
  const mask = new Uint8Array(chip.mask.length);
  for (let row = 0; row < height; row++) {
    for (let col = 0; col < width; col++) {
      const [x, y] = [col - (width - 1) / 2, row - (height - 1) / 2];
      const fromCol = colByCol * x + colByRow * y + (chip.width - 1) / 2;
      const fromRow = rowByCol * x + rowByRow * y + (chip.height - 1) / 2;
      const from = fromRow * chip.width + fromCol;
      const to = row * width + col;
      mask[to] = chip.mask[from]!;
      for (let band = 0; band < bandCount; band++) {
        refl[to * bandCount + band] = chip.refl[from * bandCount + band]!;
      }
    }
  }
  turnVectors({ refl }, bandCount, placeVectorBands(chip.bands, options.vectorBands), matrix);
  return { ...chip, width, height, refl, mask };
}
