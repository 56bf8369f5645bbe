import { GlofError } from "@glof/core";
import {
  type Feature,
  type MultiPolygon,
  mapToPixel,
  type PixelWindow,
  projector,
  type RasterGrid,
  rasterizePolygons,
  WGS84,
  windowGrid,
} from "@glof/geo";
import type { Scene } from "@glof/sentinel2";

/**
 * A scene cut to areas of interest: its grid shrinks to their bounding box, and pixels whose centre lies outside them
 * count as no data. Closing it closes the scene it was cut from.
 *
 * @param areas outlines in WGS84 longitude and latitude
 * @throws GlofError `bad-argument` when no area touches the scene
 */
export function clipScene(scene: Scene, areas: readonly Feature[]): Scene {
  if (scene.grid.crs === undefined) {
    throw new GlofError(
      "missing-crs",
      `clipScene: expected ${scene.id} to state a CRS, got none. Assign one first.`,
    );
  }
  const toMap = projector(WGS84, scene.grid.crs);
  const projected: Feature[] = areas.map(({ geometry, properties }) => ({
    geometry: geometry.map((polygon) => polygon.map((ring) => ring.map(toMap))),
    properties,
  }));
  const window = boundingWindow(
    scene.grid,
    projected.map(({ geometry }) => geometry),
  );
  if (window === undefined) {
    throw new GlofError(
      "bad-argument",
      `clipScene: expected areas of interest that touch ${scene.id}, got none that does. Check that their coordinates are longitude, latitude.`,
    );
  }
  return {
    ...scene,
    grid: windowGrid(scene.grid, window),
    readReflectance: async (inner, bands, options) => {
      const outer = { ...inner, x: inner.x + window.x, y: inner.y + window.y };
      const read = await scene.readReflectance(outer, bands, options);
      const inside = rasterizePolygons(projected, windowGrid(scene.grid, outer));
      return { ...read, validMask: read.validMask.map((valid, pixel) => (inside[pixel] === 0 ? 0 : valid)) };
    },
    close: () => scene.close(),
  };
}

function boundingWindow(grid: RasterGrid, areas: readonly MultiPolygon[]): PixelWindow | undefined {
  let [left, top, right, bottom] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 0];
  for (const [mapX, mapY] of areas.flat(3)) {
    const [column, row] = mapToPixel(grid.geoTransform, mapX, mapY);
    left = Math.min(left, column);
    right = Math.max(right, column);
    top = Math.min(top, row);
    bottom = Math.max(bottom, row);
  }
  const x = Math.max(0, Math.floor(left));
  const y = Math.max(0, Math.floor(top));
  const width = Math.min(grid.width, Math.ceil(right)) - x;
  const height = Math.min(grid.height, Math.ceil(bottom)) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : undefined;
}
