import { GlofError } from "@glof/core";
import type { Crs, RasterGrid } from "../types.js";
import { createPixelMap } from "./pixel_map.js";

/** Options of `suggestGrid`. */
export interface SuggestGridOptions {
  /** Side of the pixels in units of the new CRS. Default: as many pixels along the diagonal as the source has. */
  readonly resolution?: number;
  /**
   * Put pixel edges on whole multiples of the resolution, so that grids of several scenes fit each other. Default true when
   * a resolution is given.
   */
  readonly aligned?: boolean;
}

/** Points along each side, and along lines across, that are projected to find the outline. */
const pointsPerSide = 21;
/** More pixels than this along a side come from a resolution in the wrong unit. */
const maxSide = 2 ** 26;

/**
 * A north-up grid in `crs` that holds all of the source's grid.
 *
 * @throws GlofError `missing-crs` for a source without CRS; `bad-argument` when nothing of it can be projected, or for an
 *   impossible resolution
 */
export function suggestGrid(source: RasterGrid, crs: Crs, options: SuggestGridOptions = {}): RasterGrid {
  const [minX, minY, maxX, maxY] = projectedBounds(source, crs);
  const diagonal = Math.hypot(maxX - minX, maxY - minY);
  const resolution = options.resolution ?? diagonal / Math.hypot(source.width, source.height);
  if (!(resolution > 0 && Number.isFinite(resolution))) throw misuse("a resolution above 0", `${resolution}`);
  const aligned = options.aligned ?? options.resolution !== undefined;
  const west = aligned ? Math.floor(minX / resolution + 1e-9) * resolution : minX;
  const north = aligned ? Math.ceil(maxY / resolution - 1e-9) * resolution : maxY;
  const count = (length: number): number => Math.max(1, Math.ceil(length / resolution - 1e-6));
  const [width, height] = [count(maxX - west), count(north - minY)];
  if (width > maxSide || height > maxSide) {
    throw misuse(`a resolution that gives up to ${maxSide} pixels a side`, `${resolution} for ${crs.name}`);
  }
  return { width, height, geoTransform: [west, resolution, 0, north, 0, -resolution], crs };
}

function projectedBounds(source: RasterGrid, crs: Crs): readonly [number, number, number, number] {
  const unit: RasterGrid = { width: 1, height: 1, geoTransform: [0, 1, 0, 0, 0, 1], crs };
  const map = createPixelMap(source, unit, 0);
  let bounds = [Infinity, Infinity, -Infinity, -Infinity] as [number, number, number, number];
  for (let row = 0; row < pointsPerSide; row++) {
    for (let col = 0; col < pointsPerSide; col++) {
      const [x, y] = map.at(
        (source.width * col) / (pointsPerSide - 1),
        (source.height * row) / (pointsPerSide - 1),
      );
      if (!Number.isFinite(x + y)) continue;
      bounds = [
        Math.min(bounds[0], x),
        Math.min(bounds[1], y),
        Math.max(bounds[2], x),
        Math.max(bounds[3], y),
      ];
    }
  }
  if (!(bounds[2] > bounds[0] && bounds[3] > bounds[1])) {
    throw misuse(`a raster that ${crs.name} can show`, source.crs?.name ?? "one without CRS");
  }
  return bounds;
}

const misuse = (expected: string, got: string): GlofError =>
  new GlofError("bad-argument", `suggestGrid: expected ${expected}, got ${got}. Correct the call.`);
