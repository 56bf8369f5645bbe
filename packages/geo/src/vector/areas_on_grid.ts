import { GlofError } from "@glof/core";
import { WGS84 } from "../crs/crs.js";
import { projector } from "../crs/projector.js";
import { mapToPixel, pixelToMap, windowGrid } from "../grid.js";
import type { Feature, PixelWindow, Position, RasterGrid, Ring } from "../types.js";
import type { HasGeometry } from "./has_geometry.js";
import { rasterizePolygons } from "./rasterize_polygons.js";

/** Areas in longitude and latitude, laid on a grid. */
export interface AreasOnGrid {
  /** Bounding box of all of them in whole pixels, cut to the grid. */
  readonly window: PixelWindow;
  /** Bounding box of each that has any extent, in whole pixels; they may reach beyond the grid. */
  readonly boxes: readonly PixelWindow[];
  /** For rows of `window`, `y` from its top: 1 for pixels whose centre lies in an area. Row-major. */
  insideRows(y: number, rowCount: number): Uint8Array;
}

/** Edges of areas are straight in longitude and latitude; pieces this long stay straight in any CRS. */
const edgePieceDeg = 0.02;

/**
 * Lays areas of interest on the grid of a raster.
 *
 * @param areas polygons in WGS 84 longitude and latitude
 * @returns `undefined` when none of them touches the grid
 * @throws GlofError `missing-crs` for a grid without CRS
 */
export function areasOnGrid(areas: readonly HasGeometry[], grid: RasterGrid): AreasOnGrid | undefined {
  if (grid.crs === undefined) {
    throw new GlofError(
      "missing-crs",
      "areasOnGrid: expected a grid with a coordinate reference system, got none. Write one into the file.",
    );
  }
  const toMap = projector(WGS84, grid.crs);
  // Far away, the CRS of a zone shows nothing, or places where they are not.
  const near = areas.filter(nearTest(grid, projector(grid.crs, WGS84)));
  const projected = near.map(
    ({ geometry }): HasGeometry => ({
      geometry: geometry.map((polygon) => polygon.map((ring) => densify(ring).map(toMap))),
    }),
  );
  const boxes = projected.flatMap((area) => pixelBox(area, grid) ?? []);
  const window = boxes.length === 0 ? undefined : cutToGrid(boxes.reduce(union), grid);
  if (window === undefined) return undefined;
  const inner = windowGrid(grid, window);
  const insideRows = (y: number, height: number): Uint8Array =>
    rasterizePolygons(projected, windowGrid(inner, { x: 0, y, width: window.width, height }));
  return { window, boxes, insideRows };
}

/** A rectangle in degrees as an area; where west is greater than east it crosses the antimeridian. */
export function lonLatBox(west: number, south: number, east: number, north: number): Feature {
  const right = east < west ? east + 360 : east;
  const ring: Ring = [
    [west, south],
    [right, south],
    [right, north],
    [west, north],
    [west, south],
  ];
  return { geometry: [[ring]], properties: {} };
}

/** Tells areas that may touch the grid, by boxes in degrees with a margin for edges that curve. */
function nearTest(
  grid: RasterGrid,
  toLonLat: (position: Position) => Position,
): (area: HasGeometry) => boolean {
  const marginDeg = 2;
  const steps = [0, 0.25, 0.5, 0.75, 1];
  const rim = steps.flatMap((down) =>
    steps.map((right) => toLonLat(pixelToMap(grid.geoTransform, right * grid.width, down * grid.height))),
  );
  const [west, east] = rangeOf(rim.map(([lon]) => nearLongitude(lon, rim[0]![0])));
  const [south, north] = rangeOf(rim.map(([, lat]) => lat));
  // Around a pole every longitude is near.
  const isPolar = Math.max(Math.abs(south), Math.abs(north)) > 90 - marginDeg || east - west > 180;
  return ({ geometry }) => {
    const corners = geometry.flat(2);
    if (corners.length === 0) return false;
    const [areaSouth, areaNorth] = rangeOf(corners.map(([, lat]) => lat));
    if (areaSouth > north + marginDeg || areaNorth < south - marginDeg) return false;
    const [areaWest, areaEast] = rangeOf(corners.map(([lon]) => lon));
    const turn = nearLongitude((areaWest + areaEast) / 2, (west + east) / 2) - (areaWest + areaEast) / 2;
    return isPolar || (areaWest + turn <= east + marginDeg && areaEast + turn >= west - marginDeg);
  };
}

/** The same longitude within half a turn of another. */
const nearLongitude = (lon: number, other: number): number => lon - 360 * Math.round((lon - other) / 360);

function rangeOf(values: readonly number[]): [least: number, greatest: number] {
  let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
  }
  return [least, greatest];
}

/** Puts corners into long edges. */
function densify(ring: Ring): Position[] {
  return ring.flatMap((from, index): Position[] => {
    const to = ring[index + 1];
    if (to === undefined) return [from];
    const length = Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1]));
    const pieces = Math.max(1, Math.ceil(length / edgePieceDeg));
    return Array.from({ length: pieces }, (_, piece): Position => {
      const share = piece / pieces;
      return [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];
    });
  });
}

/** Pixels that an area touches; `undefined` for an area without any. */
function pixelBox({ geometry }: HasGeometry, grid: RasterGrid): PixelWindow | undefined {
  let [left, top] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  let [right, bottom] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [mapX, mapY] of geometry.flat(2)) {
    const [column, row] = mapToPixel(grid.geoTransform, mapX, mapY);
    left = Math.min(left, Math.floor(column));
    right = Math.max(right, Math.ceil(column));
    top = Math.min(top, Math.floor(row));
    bottom = Math.max(bottom, Math.ceil(row));
  }
  const isAnywhere = left < right && top < bottom && Number.isFinite(right - left + bottom - top);
  return isAnywhere ? { x: left, y: top, width: right - left, height: bottom - top } : undefined;
}

function union(a: PixelWindow, b: PixelWindow): PixelWindow {
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  const width = Math.max(a.x + a.width, b.x + b.width) - x;
  return { x, y, width, height: Math.max(a.y + a.height, b.y + b.height) - y };
}

function cutToGrid(box: PixelWindow, grid: RasterGrid): PixelWindow | undefined {
  const [x, y] = [Math.max(0, box.x), Math.max(0, box.y)];
  const width = Math.min(grid.width, box.x + box.width) - x;
  const height = Math.min(grid.height, box.y + box.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : undefined;
}
