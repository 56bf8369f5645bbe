import { GlofError, throwIfAborted } from "@glof/core";
import { checkWindow } from "../raster/window_reader.js";
import type { PixelWindow, RasterSource } from "../types.js";
import type { DemPart } from "./dem_part.js";
import { TERRAIN_FEATURES, type TerrainFeature } from "./feature_formulas.js";
import {
  computeFeatures,
  neededBox,
  resolveTerrainOptions,
  type TerrainOptions,
} from "./terrain_features.js";

/** Options of `terrainRaster`. */
export interface TerrainRasterOptions extends TerrainOptions {
  /** Default: all of `TERRAIN_FEATURES`. */
  readonly features?: readonly TerrainFeature[];
  /** Band of the DEM with the heights, 0-based. Default 0. */
  readonly band?: number;
}

/**
 * The features of a DEM as a raster, one `float32` band each, computed when a window is read, with the neighbours it needs:
 * the same numbers whatever the window. Memory holds the window. `close` closes the DEM.
 *
 * @throws GlofError as `terrainFeatures`; `bad-argument` for a band that is not there
 */
export function terrainRaster(dem: RasterSource, options: TerrainRasterOptions = {}): RasterSource {
  const { features = TERRAIN_FEATURES, band = 0 } = options;
  const resolved = resolveTerrainOptions(features, options, "terrainRaster");
  checkBand(dem, band, "terrainRaster");
  return {
    name: dem.name,
    grid: dem.grid,
    bands: features.map((name) => ({
      name,
      dtype: "float32" as const,
      nodata: Number.NaN,
      scale: 1,
      offset: 0,
    })),
    blockSize: dem.blockSize,
    overviews: [],
    async readWindow(window, { bands: asked = features.map((_, index) => index), signal } = {}) {
      checkWindow(window, dem.grid, dem.name);
      const part = await readDem(dem, neededBox(window, dem.grid, resolved), band, signal);
      return computeFeatures(
        part,
        window,
        dem.grid,
        asked.map((index) => features[index]!),
        resolved,
      );
    },
    close: () => dem.close(),
  };
}

/** @throws GlofError `bad-argument` */
export function checkBand(dem: RasterSource, band: number, where: string): void {
  if (dem.bands[band] !== undefined) return;
  throw new GlofError(
    "bad-argument",
    `${where}: expected a band from 0 to ${dem.bands.length - 1}, got ${band}. Count from 0.`,
  );
}

/** Heights of a box of a DEM, NaN for no data, scale and offset applied. */
export async function readDem(
  dem: RasterSource,
  box: PixelWindow,
  band: number,
  signal: AbortSignal | undefined,
): Promise<DemPart> {
  throwIfAborted(signal, "readDem");
  const options = { bands: [band], ...(signal && { signal }) };
  const [raw] = await dem.readWindow(box, options);
  const mask = dem.mask && (await dem.mask.readWindow(box, signal ? { signal } : {}))[0];
  const { nodata, scale, offset } = dem.bands[band]!;
  const heightsM = Float64Array.from(raw!, (value, pixel) =>
    value === nodata || mask?.[pixel] === 0 ? Number.NaN : value * scale + offset,
  );
  return { heightsM, box, width: dem.grid.width, height: dem.grid.height };
}
