import { GlofError } from "@glof/core";
import {
  type Crs,
  distanceTransform,
  type MultiPolygon,
  mapToPixel,
  projector,
  type RasterGrid,
  rasterizePolygons,
  reprojectPolygons,
  windowGrid,
} from "@glof/geo";
import type { SceneRegion } from "../validity/class_statistics.js";

/** Options of `sceneRegion`. */
export interface SceneRegionOptions {
  /** CRS of the polygons. Default: the grid's. */
  readonly crs?: Crs;
  /** Take in pixels whose centre is this near to a pixel of the polygons, in the grid's unit (metres in UTM). Default 0. */
  readonly buffer?: number;
}

/**
 * The pixels of polygons on a scene's grid, such as an area of interest or a glacier with a margin: those whose centre lies
 * inside. Pixels beyond the grid are left out.
 *
 * @throws GlofError `no-valid-pixels` where no pixel lies inside; `missing-crs` where the grid has no CRS to project to
 */
export function sceneRegion(
  grid: RasterGrid,
  polygons: MultiPolygon,
  options: SceneRegionOptions = {},
): SceneRegion {
  const { crs, buffer = 0 } = options;
  if (crs && !grid.crs) {
    throw new GlofError(
      "missing-crs",
      "sceneRegion: expected a grid with a CRS, got none. Georeference the scene, or leave crs out.",
    );
  }
  const shape = crs && grid.crs ? reprojectPolygons(polygons, projector(crs, grid.crs)) : polygons;
  const bufferPx = buffer / Math.abs(grid.geoTransform[1]);
  // Shapes beside the grid count as well, as far as the buffer reaches.
  const box = boxOf(shape, grid, Math.ceil(bufferPx));
  if (box) {
    const inside = rasterizePolygons([{ geometry: shape }], windowGrid(grid, box));
    const region = cropToGrid(
      bufferPx > 0 ? widen(inside, box.width, box.height, bufferPx) : inside,
      box,
      grid,
    );
    if (region?.mask.includes(1)) return region;
  }
  throw new GlofError(
    "no-valid-pixels",
    "sceneRegion: expected polygons that hold a pixel of the scene, got none. Check their CRS and place.",
  );
}

function boxOf(shape: MultiPolygon, grid: RasterGrid, marginPx: number): SceneRegion["window"] | undefined {
  const corners = shape.flat(2).map(([x, y]) => mapToPixel(grid.geoTransform, x, y));
  if (corners.length === 0) return undefined;
  const extent = (axis: 0 | 1, length: number): readonly [number, number] => {
    const from = corners.reduce((least, corner) => Math.min(least, corner[axis]), Number.POSITIVE_INFINITY);
    const to = corners.reduce((most, corner) => Math.max(most, corner[axis]), Number.NEGATIVE_INFINITY);
    return [
      Math.max(-marginPx, Math.floor(from) - marginPx),
      Math.min(length + marginPx, Math.ceil(to) + marginPx),
    ];
  };
  const [left, right] = extent(0, grid.width);
  const [top, bottom] = extent(1, grid.height);
  if (!(right > left && bottom > top)) return undefined;
  return { x: left, y: top, width: right - left, height: bottom - top };
}

function cropToGrid(
  mask: Uint8Array,
  box: SceneRegion["window"],
  grid: RasterGrid,
): { readonly window: SceneRegion["window"]; readonly mask: Uint8Array } | undefined {
  const x = Math.max(0, box.x);
  const y = Math.max(0, box.y);
  const width = Math.min(grid.width, box.x + box.width) - x;
  const height = Math.min(grid.height, box.y + box.height) - y;
  if (width <= 0 || height <= 0) return undefined;
  const cropped = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    const start = (y - box.y + row) * box.width + (x - box.x);
    cropped.set(mask.subarray(start, start + width), row * width);
  }
  return { window: { x, y, width, height }, mask: cropped };
}

function widen(mask: Uint8Array, width: number, height: number, bufferPx: number): Uint8Array {
  if (!mask.includes(1)) return mask;
  const distances = distanceTransform(
    mask.map((value) => 1 - value),
    width,
    height,
  );
  return mask.map((_, pixel) => (distances[pixel]! <= bufferPx + 1e-9 ? 1 : 0));
}
