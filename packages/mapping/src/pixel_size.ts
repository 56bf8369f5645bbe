import { geodesicArea, pixelToMap, projector, type RasterGrid, WGS84 } from "@glof/geo";

/** Side in metres of a square of the same true area as the pixel in the middle of a grid; `undefined` without a CRS. */
export function metresPerPixel(grid: RasterGrid): number | undefined {
  if (grid.crs === undefined) return undefined;
  const toLonLat = projector(grid.crs, WGS84);
  const [column, row] = [Math.floor(grid.width / 2), Math.floor(grid.height / 2)];
  const corners = [
    [column, row],
    [column, row + 1],
    [column + 1, row + 1],
    [column + 1, row],
    [column, row],
  ].map(([x, y]) => toLonLat(pixelToMap(grid.geoTransform, x!, y!)));
  return Math.sqrt(geodesicArea([corners]));
}
