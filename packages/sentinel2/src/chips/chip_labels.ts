import { GlofError } from "@glof/core";
import {
  type Crs,
  type HasGeometry,
  type PixelWindow,
  projector,
  type RasterGrid,
  type RasterSource,
  rasterizePolygons,
  reprojectPolygons,
  windowGrid,
} from "@glof/geo";

/** Labels as outlines: pixels whose centre lies in a feature are 1, all others 0. */
export interface OutlineLabels {
  readonly features: readonly HasGeometry[];
  /** CRS of all outlines. Default: that of the scene. */
  readonly crs?: Crs;
  /** Where nothing is known: 255. */
  readonly ignore?: readonly HasGeometry[];
}

/**
 * What is to be learned: outlines, a raster on the scene's grid (its first band: 1, 0, and 255 or no data where it does not
 * count), or the same as an array, row by row.
 */
export type ChipLabels = OutlineLabels | RasterSource | Uint8Array;

/** Reads labels of a window inside the grid. */
export type LabelReader = (window: PixelWindow, signal?: AbortSignal) => Promise<Uint8Array>;

/** @throws GlofError `grid-mismatch` for labels of another size; the reader: `bad-argument` for other label values */
export function labelReader(labels: ChipLabels, grid: RasterGrid, where: string): LabelReader {
  if (labels instanceof Uint8Array) {
    checkSize(labels.length === grid.width * grid.height, grid, `${labels.length} labels`, where);
    return async (window) => checked(cut(labels, grid.width, window), where);
  }
  if ("readWindow" in labels) {
    const { width, height } = labels.grid;
    checkSize(width === grid.width && height === grid.height, grid, `${width} x ${height}`, where);
    const nodata = labels.bands[0]?.nodata;
    return async (window, signal) => {
      const [values] = await labels.readWindow(window, { bands: [0], ...(signal && { signal }) });
      const out = new Uint8Array(values!.length);
      for (let pixel = 0; pixel < out.length; pixel++) {
        const value = values![pixel]!;
        out[pixel] =
          value === nodata || Number.isNaN(value)
            ? 255
            : value === 0 || value === 1
              ? value
              : value === 255
                ? 255
                : 2;
      }
      return checked(out, where);
    };
  }
  return outlineReader(labels, grid);
}

function outlineReader({ features, crs, ignore = [] }: OutlineLabels, grid: RasterGrid): LabelReader {
  const project = crs && grid.crs ? projector(crs, grid.crs) : undefined;
  const onGrid = (outlines: readonly HasGeometry[]): readonly HasGeometry[] =>
    project ? outlines.map(({ geometry }) => ({ geometry: reprojectPolygons(geometry, project) })) : outlines;
  const [inside, unknown] = [onGrid(features), onGrid(ignore)];
  return async (window) => {
    const part = windowGrid(grid, window);
    const labels = rasterizePolygons(inside, part);
    if (unknown.length === 0) return labels;
    const ignored = rasterizePolygons(unknown, part);
    return labels.map((label, pixel) => (ignored[pixel] === 1 ? 255 : label));
  };
}

function cut(values: Uint8Array, width: number, window: PixelWindow): Uint8Array {
  const out = new Uint8Array(window.width * window.height);
  for (let row = 0; row < window.height; row++) {
    const start = (window.y + row) * width + window.x;
    out.set(values.subarray(start, start + window.width), row * window.width);
  }
  return out;
}

function checked(labels: Uint8Array, where: string): Uint8Array {
  const odd = labels.find((label) => label !== 0 && label !== 1 && label !== 255);
  if (odd === undefined) return labels;
  throw new GlofError(
    "bad-argument",
    `${where}: expected labels of 0, 1 and 255, got others. Map the classes to them first.`,
  );
}

function checkSize(fits: boolean, grid: RasterGrid, got: string, where: string): void {
  if (fits) return;
  throw new GlofError(
    "grid-mismatch",
    `${where}: expected labels on the scene's grid of ${grid.width} x ${grid.height}, got ${got}. Warp them to it first.`,
  );
}
