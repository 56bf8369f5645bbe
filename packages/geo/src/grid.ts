import { GlofError } from "@glof/core";
import type { GeoTransform, PixelWindow, Position, RasterGrid } from "./types.js";

/**
 * Map position of a point of the pixel plane; whole numbers are pixel corners, so the centre of the first pixel is
 * (0.5, 0.5).
 */
export function pixelToMap(geoTransform: GeoTransform, col: number, row: number): Position {
  const [originX, a, b, originY, c, d] = geoTransform;
  return [originX + col * a + row * b, originY + col * c + row * d];
}

/**
 * Inverse of `pixelToMap`: fractional [col, row] of a map position.
 *
 * @throws GlofError `bad-geotransform` when the transform has no inverse
 */
export function mapToPixel(
  geoTransform: GeoTransform,
  x: number,
  y: number,
): readonly [col: number, row: number] {
  const [originX, a, b, originY, c, d] = geoTransform;
  const determinant = a * d - b * c;
  if (determinant === 0 || !Number.isFinite(determinant)) {
    throw new GlofError(
      "bad-geotransform",
      `mapToPixel: expected a geotransform with an inverse, got [${geoTransform.join(", ")}]. Georeference the raster first.`,
      { geoTransform },
    );
  }
  const [dx, dy] = [x - originX, y - originY];
  return [(dx * d - dy * b) / determinant, (dy * a - dx * c) / determinant];
}

/** Whether rows run straight south and columns straight east: no rotation, and square to the axes. */
export function isNorthUp(geoTransform: GeoTransform): boolean {
  return geoTransform[1] > 0 && geoTransform[2] === 0 && geoTransform[4] === 0 && geoTransform[5] < 0;
}

/** Area of one pixel in the square of the CRS's unit (m2 for UTM, square degrees for longitude/latitude). */
export function pixelArea(geoTransform: GeoTransform): number {
  return Math.abs(geoTransform[1] * geoTransform[5] - geoTransform[2] * geoTransform[4]);
}

/** Axis-parallel rectangle around the raster, in map units: [minX, minY, maxX, maxY]. */
export function gridBounds(grid: RasterGrid): readonly [number, number, number, number] {
  const corners = [
    pixelToMap(grid.geoTransform, 0, 0),
    pixelToMap(grid.geoTransform, grid.width, 0),
    pixelToMap(grid.geoTransform, 0, grid.height),
    pixelToMap(grid.geoTransform, grid.width, grid.height),
  ];
  const xs = corners.map((corner) => corner[0]);
  const ys = corners.map((corner) => corner[1]);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** The grid of a window of `grid`: same pixels, own origin and size. */
export function windowGrid(grid: RasterGrid, window: PixelWindow): RasterGrid {
  const [, a, b, , c, d] = grid.geoTransform;
  const [x, y] = pixelToMap(grid.geoTransform, window.x, window.y);
  return { width: window.width, height: window.height, geoTransform: [x, a, b, y, c, d], crs: grid.crs };
}
