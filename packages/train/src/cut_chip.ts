import type { Chip } from "./chips.js";

/**
 * Where a crop comes from. A crop pixel (column, row), counted from the crop's centre, lies at
 * `centre + matrix * (column, row)` in the chip, in pixels from the centre of its first pixel.
 */
export interface Placement {
  readonly centreCol: number;
  readonly centreRow: number;
  /** [col by col, col by row, row by col, row by row] */
  readonly matrix: readonly [number, number, number, number];
}

/** A square cut out of a chip. */
export interface Crop {
  /** [px, px, bands]; NaN where the chip has nothing. */
  readonly refl: Float32Array;
  /** [px, px]; 255 where the chip has nothing. */
  readonly mask: Uint8Array;
}

/** The eight symmetries of a square. Integers, so that a crop at whole pixels is a copy. */
export const squareSymmetries: readonly Placement["matrix"][] = [
  [1, 0, 0, 1],
  [0, -1, 1, 0],
  [-1, 0, 0, -1],
  [0, 1, -1, 0],
  [-1, 0, 0, 1],
  [1, 0, 0, -1],
  [0, 1, 1, 0],
  [0, -1, -1, 0],
];

/** The placement of a crop whose first pixel is (`col`, `row`) of the chip. */
export function plainPlacement(col: number, row: number, cropPx: number): Placement {
  const half = (cropPx - 1) / 2;
  return { centreCol: col + half, centreRow: row + half, matrix: [1, 0, 0, 1] };
}

/** Cuts a square out of a chip: reflectances bilinear, mask nearest. Pixels beyond the edge are NaN and 255. */
export function cutChip(chip: Chip, placement: Placement, cropPx: number): Crop {
  const bandCount = chip.bands.length;
  const refl = new Float32Array(cropPx * cropPx * bandCount);
  const mask = new Uint8Array(cropPx * cropPx);
  const half = (cropPx - 1) / 2;
  const [colByCol, colByRow, rowByCol, rowByRow] = placement.matrix;
  for (let row = 0; row < cropPx; row++) {
    for (let col = 0; col < cropPx; col++) {
      const atCol = placement.centreCol + colByCol * (col - half) + colByRow * (row - half);
      const atRow = placement.centreRow + rowByCol * (col - half) + rowByRow * (row - half);
      const pixel = row * cropPx + col;
      mask[pixel] = nearestMask(chip, atCol, atRow);
      sampleBands(chip, atCol, atRow, refl, pixel * bandCount);
    }
  }
  return { refl, mask };
}

function nearestMask({ mask, width, height }: Chip, col: number, row: number): number {
  const [nearCol, nearRow] = [Math.round(col), Math.round(row)];
  const inside = nearCol >= 0 && nearRow >= 0 && nearCol < width && nearRow < height;
  return inside ? mask[nearRow * width + nearCol]! : 255;
}

function sampleBands(chip: Chip, col: number, row: number, out: Float32Array, at: number): void {
  const { refl, width, height } = chip;
  const bandCount = chip.bands.length;
  if (col < -0.5 || row < -0.5 || col > width - 0.5 || row > height - 0.5) {
    out.fill(Number.NaN, at, at + bandCount);
    return;
  }
  const left = Math.min(Math.max(Math.floor(col), 0), width - 1);
  const top = Math.min(Math.max(Math.floor(row), 0), height - 1);
  const right = Math.min(left + 1, width - 1);
  const bottom = Math.min(top + 1, height - 1);
  const x = Math.min(Math.max(col - left, 0), 1);
  const y = Math.min(Math.max(row - top, 0), 1);
  for (let band = 0; band < bandCount; band++) {
    const value = (r: number, c: number): number => refl[(r * width + c) * bandCount + band]!;
    // A weight of 0 must not let a NaN neighbour in.
    const upper = x === 0 ? value(top, left) : value(top, left) * (1 - x) + value(top, right) * x;
    if (y === 0) out[at + band] = upper;
    else {
      const lower = x === 0 ? value(bottom, left) : value(bottom, left) * (1 - x) + value(bottom, right) * x;
      out[at + band] = upper * (1 - y) + lower * y;
    }
  }
}
