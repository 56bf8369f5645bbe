import { GlofError } from "@glof/core";
import type { PixelWindow, RasterGrid } from "../types.js";

/** Heights of a rectangle of a DEM. NaN where there is none. */
export interface DemPart {
  /** Row by row, of the size of `box`. */
  readonly heightsM: Float64Array;
  /** Where they lie in the whole DEM. */
  readonly box: PixelWindow;
  /** Size of the whole DEM. */
  readonly width: number;
  readonly height: number;
}

/** All of a DEM as a part. @throws GlofError `shape-mismatch` */
export function wholeDem(demM: ArrayLike<number>, grid: RasterGrid, where: string): DemPart {
  const { width, height } = grid;
  if (demM.length !== width * height || width < 1 || height < 1) {
    throw new GlofError(
      "shape-mismatch",
      `${where}: expected ${width} x ${height} heights, got ${demM.length}. Pass the grid of the DEM.`,
    );
  }
  const heightsM = demM instanceof Float64Array ? demM : Float64Array.from(demM);
  return { heightsM, box: { x: 0, y: 0, width, height }, width, height };
}

/** What to do where a pixel lacks neighbours; see `TerrainOptions.edges`. */
export type TerrainEdges = "extrapolate" | "nodata" | "replicate";

/** The heights of 3 x 3 pixels, from the upper left, row by row. */
export type Neighbourhood = Float64Array;

/**
 * Fills `out` with the neighbourhood of a pixel. With `extrapolate`, a line beyond the DEM continues the slope of the two
 * before it, the DEM's first and last rows repeat their corner pixels sideways, and a neighbour that is NaN takes the
 * height of the pixel: gdaldem's `-compute_edges`.
 *
 * @returns whether all nine are numbers
 */
export function gatherNeighbours(
  dem: DemPart,
  col: number,
  row: number,
  extrapolate: boolean,
  out: Neighbourhood,
): boolean {
  const { heightsM, box } = dem;
  const at = (row - box.y) * box.width + (col - box.x);
  const inside = col > 0 && row > 0 && col < dem.width - 1 && row < dem.height - 1;
  if (inside) {
    for (let line = 0; line < 3; line++) {
      const start = at + (line - 1) * box.width - 1;
      out[3 * line] = heightsM[start]!;
      out[3 * line + 1] = heightsM[start + 1]!;
      out[3 * line + 2] = heightsM[start + 2]!;
    }
  } else if (extrapolate) gatherAtEdge(dem, col, row, out);
  else return false;
  const centre = out[4]!;
  if (Number.isNaN(centre)) return false;
  for (let index = 0; index < 9; index++) {
    if (!Number.isNaN(out[index]!)) continue;
    if (!extrapolate) return false;
    out[index] = centre;
  }
  return true;
}

function gatherAtEdge(dem: DemPart, col: number, row: number, out: Neighbourhood): void {
  const { width, height, box } = dem;
  const at = (c: number, r: number): number => dem.heightsM[(r - box.y) * box.width + (c - box.x)]!;
  const clampCol = (c: number): number => Math.min(Math.max(c, 0), width - 1);
  const clampRow = (r: number): number => Math.min(Math.max(r, 0), height - 1);
  const levelEdge = row === 0 || row === height - 1;
  for (let index = 0; index < 9; index++) {
    const [c, r] = [col - 1 + (index % 3), row - 1 + Math.floor(index / 3)];
    if (levelEdge) {
      const beside = clampCol(c);
      const beyond = r < 0 || r >= height;
      // The line opposite to the missing one; a DEM of one row has none and stays level.
      out[index] = beyond ? 2 * at(beside, row) - at(beside, clampRow(2 * row - r)) : at(beside, r);
    } else {
      const beyond = c < 0 || c >= width;
      out[index] = beyond ? 2 * at(col, r) - at(clampCol(2 * col - c), r) : at(c, r);
    }
  }
}
