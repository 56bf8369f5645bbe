import { mapToPixel } from "../grid.js";
import type { MultiPolygon, RasterGrid, Ring } from "../types.js";

/** Anything with an outline in the grid's CRS. */
export interface HasGeometry {
  readonly geometry: MultiPolygon;
}

/**
 * Mask of the pixels whose centre lies inside a feature: even-odd within each feature, so holes stay out; features add
 * up. A centre exactly on an edge belongs to the side to its right and below. Outlines from `beginPolygonize` come back
 * as exactly the pixels they were traced from.
 *
 * @returns `height` rows of `width`: 1 inside, 0 outside
 * @throws GlofError `bad-geotransform` when the grid has no inverse
 */
export function rasterizePolygons(features: readonly HasGeometry[], grid: RasterGrid): Uint8Array {
  const mask = new Uint8Array(grid.width * grid.height);
  for (const { geometry } of features) {
    const crossings = findCrossings(geometry, grid);
    for (const [row, columns] of crossings) {
      columns.sort((a, b) => a - b);
      for (let index = 0; index + 1 < columns.length; index += 2) {
        const from = Math.max(firstCentreFrom(columns[index]!), 0);
        const to = Math.min(firstCentreFrom(columns[index + 1]!), grid.width);
        if (from < to) mask.fill(1, row * grid.width + from, row * grid.width + to);
      }
    }
  }
  return mask;
}

/** First pixel whose centre is not left of a position. */
const firstCentreFrom = (column: number): number => Math.ceil(column - 0.5);

/** Where the edges of a shape cross the middle line of each row, in fractional columns. */
function findCrossings(geometry: MultiPolygon, grid: RasterGrid): Map<number, number[]> {
  const crossings = new Map<number, number[]>();
  for (const ring of geometry.flat()) {
    const corners = toPixels(ring, grid);
    for (let index = 0; index < corners.length; index++) {
      const [x0, y0] = corners[index]!;
      // Rings close by themselves, even where the caller left the last position out.
      const [x1, y1] = corners[(index + 1) % corners.length]!;
      const first = Math.max(firstCentreFrom(Math.min(y0, y1)), 0);
      const end = Math.min(firstCentreFrom(Math.max(y0, y1)), grid.height);
      for (let row = first; row < end; row++) {
        const column = x0 === x1 ? x0 : x0 + ((row + 0.5 - y0) / (y1 - y0)) * (x1 - x0);
        const columns = crossings.get(row);
        if (columns === undefined) crossings.set(row, [column]);
        else columns.push(column);
      }
    }
  }
  return crossings;
}

function toPixels(ring: Ring, { geoTransform }: RasterGrid): (readonly [number, number])[] {
  return ring.map(([x, y]) => mapToPixel(geoTransform, x, y));
}
