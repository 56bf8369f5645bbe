import type { DemPart } from "./dem_part.js";

/** Side of the squares of cells whose greatest height is kept, so that rays can pass over them at once. */
const blockCells = 32;

/** Heights that a ray may be passed by without it being stopped, metres: rounding of 32-bit heights, not relief. */
const toleratedM = 1e-6;

/** The greatest height of each block of cells, their borders included. */
export interface HeightBlocks {
  readonly maxM: Float64Array;
  readonly across: number;
  readonly maxAllM: number;
}

/** Greatest heights of blocks; gaps do not count. */
export function heightBlocks({ heightsM, box: { width, height } }: DemPart): HeightBlocks {
  const across = Math.max(1, Math.ceil((width - 1) / blockCells));
  const down = Math.max(1, Math.ceil((height - 1) / blockCells));
  const maxM = new Float64Array(across * down).fill(Number.NEGATIVE_INFINITY);
  let maxAllM = Number.NEGATIVE_INFINITY;
  for (let block = 0; block < maxM.length; block++) {
    const left = (block % across) * blockCells;
    const top = Math.floor(block / across) * blockCells;
    let max = Number.NEGATIVE_INFINITY;
    for (let row = top; row <= Math.min(top + blockCells, height - 1); row++) {
      for (let col = left; col <= Math.min(left + blockCells, width - 1); col++) {
        const value = heightsM[row * width + col]!;
        if (value > max) max = value;
      }
    }
    maxM[block] = max;
    maxAllM = Math.max(maxAllM, max);
  }
  return { maxM, across, maxAllM };
}

/** A ray over the DEM: what one metre over the ground towards the sun means. */
export interface SunRay {
  readonly colsPerM: number;
  readonly rowsPerM: number;
  /** Metres up. */
  readonly risePerM: number;
}

/**
 * Whether relief stands between a pixel's centre and the sun. The surface is bilinear between the pixels' centres and the
 * answer exact for it: heights are compared where the ray crosses the lines between centres and at the peak that the
 * surface may have between two crossings. Gaps stop nothing; beyond the DEM there is nothing.
 *
 * @param col,row in the part
 */
export function isInCastShadow(
  dem: DemPart,
  blocks: HeightBlocks,
  ray: SunRay,
  col: number,
  row: number,
): boolean {
  const { width, height } = dem.box;
  const startM = dem.heightsM[row * width + col]! + toleratedM;
  const colStep = Math.sign(ray.colsPerM);
  const rowStep = Math.sign(ray.rowsPerM);
  const perCol = colStep === 0 ? Number.POSITIVE_INFINITY : 1 / Math.abs(ray.colsPerM);
  const perRow = rowStep === 0 ? Number.POSITIVE_INFINITY : 1 / Math.abs(ray.rowsPerM);
  const colLimit = colStep > 0 ? width - 1 - col : colStep < 0 ? col : Number.POSITIVE_INFINITY;
  const rowLimit = rowStep > 0 ? height - 1 - row : rowStep < 0 ? row : Number.POSITIVE_INFINITY;
  const endM = Math.min(
    colLimit * perCol,
    rowLimit * perRow,
    // Above the highest point nothing is in the way.
    (blocks.maxAllM - startM) / ray.risePerM,
  );
  let colsCrossed = 0;
  let rowsCrossed = 0;
  let atM = 0;
  let aboveRayM = -toleratedM;
  while (atM < endM) {
    // Lower corner of the cell ahead.
    const cellCol = col + colStep * colsCrossed - (colStep < 0 ? 1 : 0);
    const cellRow = row + rowStep * rowsCrossed - (rowStep < 0 ? 1 : 0);
    const block = Math.floor(cellRow / blockCells) * blocks.across + Math.floor(cellCol / blockCells);
    const highestM = blocks.maxM[block];
    if (highestM !== undefined && highestM <= startM + atM * ray.risePerM) {
      const cols = toBlockBorder(cellCol, colStep);
      const rows = toBlockBorder(cellRow, rowStep);
      const colM = (colsCrossed + cols) * perCol;
      const rowM = (rowsCrossed + rows) * perRow;
      const nextM = Math.min(colM, rowM);
      if (nextM >= endM) return false;
      colsCrossed = colM === nextM ? colsCrossed + cols : crossedBefore(nextM, perCol, colsCrossed);
      rowsCrossed = rowM === nextM ? rowsCrossed + rows : crossedBefore(nextM, perRow, rowsCrossed);
      atM = nextM;
      aboveRayM =
        surfaceAt(dem, col + ray.colsPerM * atM, row + ray.rowsPerM * atM) - startM - atM * ray.risePerM;
      continue;
    }
    const nextM = Math.min((colsCrossed + 1) * perCol, (rowsCrossed + 1) * perRow);
    const nextCol = col + ray.colsPerM * nextM;
    const nextRow = row + ray.rowsPerM * nextM;
    const nextAboveM = surfaceAt(dem, nextCol, nextRow) - startM - nextM * ray.risePerM;
    if (nextAboveM > 0) return true;
    if (peaksBetween(dem, cellCol, cellRow, ray, nextM - atM, aboveRayM, nextAboveM)) return true;
    if ((colsCrossed + 1) * perCol === nextM) colsCrossed++;
    if ((rowsCrossed + 1) * perRow === nextM) rowsCrossed++;
    atM = nextM;
    aboveRayM = nextAboveM;
  }
  return false;
}

/** Lines to cross along one axis until the ray leaves the block of a cell. */
function toBlockBorder(cell: number, step: number): number {
  const inside = cell % blockCells;
  return step > 0 ? blockCells - inside : inside + 1;
}

/** Lines crossed up to a distance; never fewer than before. */
function crossedBefore(atM: number, perLineM: number, before: number): number {
  if (perLineM === Number.POSITIVE_INFINITY) return before;
  let lines = Math.max(before, Math.floor(atM / perLineM));
  // The division may round either way; the lines themselves are multiples.
  while (lines > before && lines * perLineM > atM) lines--;
  while ((lines + 1) * perLineM <= atM) lines++;
  return lines;
}

/** Height of the bilinear surface inside the part; -Infinity at gaps. */
function surfaceAt({ heightsM, box: { width, height } }: DemPart, atCol: number, atRow: number): number {
  const col = Math.min(Math.max(snapped(atCol), 0), width - 1);
  const row = Math.min(Math.max(snapped(atRow), 0), height - 1);
  const left = Math.floor(col);
  const top = Math.floor(row);
  const right = Math.min(left + 1, width - 1);
  const bottom = Math.min(top + 1, height - 1);
  const x = col - left;
  const y = row - top;
  const upper = between(heightsM[top * width + left]!, heightsM[top * width + right]!, x);
  const surface =
    y === 0
      ? upper
      : between(upper, between(heightsM[bottom * width + left]!, heightsM[bottom * width + right]!, x), y);
  return Number.isNaN(surface) ? Number.NEGATIVE_INFINITY : surface;
}

/** A place on a line is on it: rounding must not let the other side in, which may be a gap. */
function snapped(place: number): number {
  const line = Math.round(place);
  return Math.abs(place - line) < 1e-9 ? line : place;
}

const between = (from: number, to: number, share: number): number =>
  share === 0 ? from : from + (to - from) * share;

/** Whether the surface rises over the ray between two crossings that are both below it: along a ray it is a parabola. */
function peaksBetween(
  { heightsM, box: { width, height } }: DemPart,
  cellCol: number,
  cellRow: number,
  ray: SunRay,
  lengthM: number,
  fromM: number,
  toM: number,
): boolean {
  if (cellCol < 0 || cellRow < 0 || cellCol + 1 >= width || cellRow + 1 >= height) return false;
  const at = cellRow * width + cellCol;
  const twist = heightsM[at]! + heightsM[at + width + 1]! - heightsM[at + 1]! - heightsM[at + width]!;
  const bend = twist * ray.colsPerM * ray.rowsPerM * lengthM * lengthM;
  // Over its chord a parabola is never higher than a quarter of its bend.
  if (!(bend < 0) || Math.max(fromM, toM) - bend / 4 <= 0) return false;
  const slope = toM - fromM - bend;
  const peak = -slope / (2 * bend);
  return peak > 0 && peak < 1 && fromM + slope * peak + bend * peak * peak > 0;
}
