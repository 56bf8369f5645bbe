import type { PixelWindow } from "../types.js";
import type { DemPart } from "./dem_part.js";

/** Weights of a Gaussian with a standard deviation of 1 pixel, cut off after 1 pixel. */
const beside = Math.exp(-0.5) / (1 + 2 * Math.exp(-0.5));
const middle = 1 - 2 * beside;

/**
 * Smooths with a 3 x 3 Gaussian, standard deviation 1 pixel, edge pixels repeated: `scipy.ndimage.gaussian_filter(dem,
 * sigma=1, radius=1, mode="nearest")`. A pixel beside a gap becomes a gap.
 *
 * @param box what is wanted; `dem` holds a pixel more on each side, where the whole DEM has one
 */
export function smoothDem(dem: DemPart, box: PixelWindow): DemPart {
  const { heightsM, width, height } = dem;
  const clampRow = (row: number): number => Math.min(Math.max(row, 0), height - 1);
  const clampCol = (col: number): number => Math.min(Math.max(col, 0), width - 1);
  const at = (col: number, row: number): number =>
    heightsM[(row - dem.box.y) * dem.box.width + (col - dem.box.x)]!;
  const down = new Float64Array(dem.box.width);
  const smoothed = new Float64Array(box.width * box.height);
  for (let row = box.y; row < box.y + box.height; row++) {
    const [above, below] = [clampRow(row - 1), clampRow(row + 1)];
    for (let index = 0; index < down.length; index++) {
      const col = dem.box.x + index;
      down[index] = middle * at(col, row) + beside * (at(col, above) + at(col, below));
    }
    for (let col = box.x; col < box.x + box.width; col++) {
      const [left, right] = [down[clampCol(col - 1) - dem.box.x]!, down[clampCol(col + 1) - dem.box.x]!];
      smoothed[(row - box.y) * box.width + col - box.x] =
        middle * down[col - dem.box.x]! + beside * (left + right);
    }
  }
  return { heightsM: smoothed, box, width, height };
}
