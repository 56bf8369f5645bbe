import { throwIfAborted } from "@glof/core";
import { checkWindow } from "../raster/window_reader.js";
import type { PixelWindow, RasterGrid, RasterSource } from "../types.js";
import type { DemPart } from "./dem_part.js";
import { groundSize } from "./ground_size.js";
import { checkKind, type ShadowOptions, shadowOfWindow } from "./shadow_mask.js";
import { type SunPosition, sunVector } from "./sun.js";
import { checkBand, readDem } from "./terrain_raster.js";

/** Options of `shadowRaster`. */
export interface ShadowRasterOptions extends ShadowOptions {
  readonly sun: SunPosition;
  /** Band of the DEM with the heights, 0-based. Default 0. */
  readonly band?: number;
}

/** Pixels of a strip while the highest point of a DEM is looked for. */
const stripPixels = 2 ** 22;

/**
 * `shadowMask` of a DEM of any size, as a raster of one `uint8` band (no-data 255), computed when a window is read: the same
 * numbers as at once. A window takes in what lies towards the sun as far as the DEM's highest point could cast a shadow on
 * the window's lowest; the highest point is found by reading the DEM once, at the first window. `close` closes the DEM.
 *
 * @throws GlofError as `shadowMask`; `bad-argument` for a band that is not there; `aborted`
 */
export function shadowRaster(dem: RasterSource, options: ShadowRasterOptions): RasterSource {
  const { sun, band = 0, kind = "both" } = options;
  checkBand(dem, band, "shadowRaster");
  checkKind(kind);
  sunVector(sun, "shadowRaster");
  groundSize(dem.grid, "shadowRaster");
  let highest: number | undefined;
  return {
    name: dem.name,
    grid: dem.grid,
    bands: [{ name: "shadow", dtype: "uint8", nodata: 255, scale: 1, offset: 0 }],
    blockSize: dem.blockSize,
    overviews: [],
    async readWindow(window, { signal } = {}) {
      checkWindow(window, dem.grid, dem.name);
      highest ??= await highestPoint(dem, band, signal);
      const near = await readDem(dem, reach(window, dem.grid, sun, 0), band, signal);
      const lowest = lowestHeight(near);
      const relief = kind === "self" ? 0 : Math.max(0, highest - lowest);
      const box = reach(window, dem.grid, sun, Number.isFinite(relief) ? relief : 0);
      const part = sameBox(box, near.box) ? near : await readDem(dem, box, band, signal);
      return [shadowOfWindow(part, window, dem.grid, sun, { kind })];
    },
    close: () => dem.close(),
  };
}

const sameBox = (a: PixelWindow, b: PixelWindow): boolean =>
  a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;

function lowestHeight({ heightsM }: DemPart): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (let pixel = 0; pixel < heightsM.length; pixel++) {
    if (heightsM[pixel]! < lowest) lowest = heightsM[pixel]!;
  }
  return lowest;
}

async function highestPoint(
  dem: RasterSource,
  band: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { width, height } = dem.grid;
  const blockRows = Math.max(1, dem.blockSize[0]);
  const rows = Math.max(1, Math.floor(stripPixels / width / blockRows)) * blockRows;
  let highest = Number.NEGATIVE_INFINITY;
  for (let y = 0; y < height; y += rows) {
    throwIfAborted(signal, "shadowRaster");
    const strip = { x: 0, y, width, height: Math.min(rows, height - y) };
    const { heightsM } = await readDem(dem, strip, band, signal);
    for (let pixel = 0; pixel < heightsM.length; pixel++) {
      if (heightsM[pixel]! > highest) highest = heightsM[pixel]!;
    }
  }
  return highest;
}

/** A window with its neighbours and all from where `reliefM` of relief can shade it. */
function reach(window: PixelWindow, grid: RasterGrid, sun: SunPosition, reliefM: number): PixelWindow {
  const [east, north, up] = sunVector(sun, "shadowRaster");
  const sizeOf = groundSize(grid, "shadowRaster");
  const sizes = [sizeOf(window.y), sizeOf(window.y + window.height - 1)];
  const cols =
    Math.ceil((Math.abs(east) / up) * (reliefM / Math.min(...sizes.map((size) => size.widthM)))) + 1;
  const rows =
    Math.ceil((Math.abs(north) / up) * (reliefM / Math.min(...sizes.map((size) => size.heightM)))) + 1;
  const x = Math.max(0, window.x - (east < 0 ? cols : 1));
  const y = Math.max(0, window.y - (north > 0 ? rows : 1));
  return {
    x,
    y,
    width: Math.min(grid.width, window.x + window.width + (east > 0 ? cols : 1)) - x,
    height: Math.min(grid.height, window.y + window.height + (north < 0 ? rows : 1)) - y,
  };
}
