import { GlofError } from "@glof/core";
import { mapToPixel } from "../grid.js";
import { signedArea } from "../measure/areas.js";
import type { Position, RasterGrid, Ring } from "../types.js";
import type { HasGeometry } from "./has_geometry.js";
import { polygonCoverage } from "./polygon_coverage.js";

/** Which pixels a feature takes; see `rasterizePolygons`. */
export type RasterizeRule = "center" | "all-touched" | "coverage";

/** Options of `rasterizePolygons`. */
export interface RasterizeOptions {
  readonly rule?: RasterizeRule;
}

/**
 * Features as pixels.
 *
 * - `"center"` (default): pixels whose centre lies inside, even-odd within each feature, so holes stay out; equal to
 *   `gdal_rasterize`. A centre exactly on an edge belongs to the side to its left, on a level edge to both sides.
 *   Outlines from `beginPolygonize` come back as exactly the pixels they were traced from.
 * - `"all-touched"`: pixels of which any part lies inside. GDAL's option of that name also takes some pixels that a shape
 *   only meets at a corner; otherwise they agree.
 * - `"coverage"`: the share of each pixel that lies inside, see `polygonCoverage`.
 *
 * Features add up.
 *
 * @returns `height` rows of `width`: 1 inside, 0 outside; shares for `"coverage"`
 * @throws GlofError `bad-geotransform` when the grid has no inverse; `bad-argument` for another rule
 */
export function rasterizePolygons(
  features: readonly HasGeometry[],
  grid: RasterGrid,
  options?: { readonly rule?: "center" | "all-touched" },
): Uint8Array;
export function rasterizePolygons(
  features: readonly HasGeometry[],
  grid: RasterGrid,
  options: { readonly rule: "coverage" },
): Float32Array;
export function rasterizePolygons(
  features: readonly HasGeometry[],
  grid: RasterGrid,
  options: RasterizeOptions = {},
): Uint8Array | Float32Array {
  const { rule = "center" } = options;
  switch (rule) {
    case "center":
      return fillCentres(features, grid);
    case "all-touched":
      return Uint8Array.from(polygonCoverage(features, grid), (share) => (share > 0 ? 1 : 0));
    case "coverage":
      return polygonCoverage(features, grid);
    default:
      throw new GlofError(
        "bad-argument",
        `rasterizePolygons: expected the rule center, all-touched or coverage, got ${String(rule)}. Name one of them.`,
      );
  }
}

function fillCentres(features: readonly HasGeometry[], grid: RasterGrid): Uint8Array {
  const { width, height } = grid;
  const mask = new Uint8Array(width * height);
  const fill = (row: number, left: number, right: number): void => {
    const from = Math.max(firstCentreAfter(left), 0);
    const to = Math.min(firstCentreAfter(right), width);
    if (from < to) mask.fill(1, row * width + from, row * width + to);
  };
  for (const { geometry } of features) {
    const crossings: (number[] | undefined)[] = new Array(height);
    for (const ring of geometry.flat()) {
      const corners = toPixels(ring, grid);
      findCrossings(corners, height, crossings);
      for (const [row, left, right] of levelBottoms(corners, height)) fill(row, left, right);
    }
    crossings.forEach((columns, row) => {
      columns!.sort((a, b) => a - b);
      for (let index = 0; index + 1 < columns!.length; index += 2)
        fill(row, columns![index]!, columns![index + 1]!);
    });
  }
  return mask;
}

/** First pixel whose centre lies right of a position. */
const firstCentreAfter = (column: number): number => Math.floor(column + 0.5);

/** First row whose middle is not above a position. */
const firstRowFrom = (y: number): number => Math.ceil(y - 0.5);

/** Adds where a ring crosses the middle line of each row, in fractional columns. */
function findCrossings(
  corners: readonly Position[],
  height: number,
  crossings: (number[] | undefined)[],
): void {
  for (let index = 0; index < corners.length; index++) {
    const [x0, y0] = corners[index]!;
    // Rings close by themselves, even where the caller left the last position out.
    const [x1, y1] = corners[(index + 1) % corners.length]!;
    const first = Math.max(firstRowFrom(Math.min(y0, y1)), 0);
    const end = Math.min(firstRowFrom(Math.max(y0, y1)), height);
    for (let row = first; row < end; row++) {
      const column = x0 === x1 ? x0 : x0 + ((row + 0.5 - y0) / (y1 - y0)) * (x1 - x0);
      const columns = crossings[row];
      if (columns === undefined) crossings[row] = [column];
      else columns.push(column);
    }
  }
}

/** Level edges on the middle line of a row that bound a ring below: GDAL takes what lies on them. */
function levelBottoms(
  corners: readonly Position[],
  height: number,
): [row: number, left: number, right: number][] {
  const found: [number, number, number][] = [];
  let turn: number | undefined;
  corners.forEach(([x0, y0], index) => {
    const [x1, y1] = corners[(index + 1) % corners.length]!;
    const row = y0 - 0.5;
    if (y0 !== y1 || x0 === x1 || !Number.isInteger(row) || row < 0 || row >= height) return;
    // Rows count downwards, so a ring of positive area here has its lower edges run west.
    turn ??= Math.sign(signedArea([...corners, corners[0]!]));
    if (x1 < x0 === turn > 0) found.push([row, Math.min(x0, x1), Math.max(x0, x1)]);
  });
  return found;
}

function toPixels(ring: Ring, { geoTransform }: RasterGrid): Position[] {
  return ring.map(([x, y]) => mapToPixel(geoTransform, x, y));
}
