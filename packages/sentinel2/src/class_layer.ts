import {
  type PixelWindow,
  type RasterArray,
  type RasterGrid,
  type RasterSource,
  readReduced,
} from "@glof/geo";
import { nearestIndices, sourceWindow } from "./resample.js";
import { checkWindow } from "./scene_grid.js";
import type { ReadReflectanceOptions, SceneLayer } from "./types.js";

/** A layer of classes or percentages beside the bands: where its numbers are. */
export interface ClassLayer {
  readonly raster: RasterSource;
  /** 0-based band of the raster. */
  readonly index: number;
  /** As in `BandLayer`. */
  readonly ratio: number;
  /** What a raw number means, 0 to 255; the number itself by default. */
  readonly meaning?: (raw: number) => number;
}

/** A layer as scenes show it: nearest neighbour on the scene's grid, checked windows. */
export function sceneLayer(layer: ClassLayer, grid: RasterGrid, where: string): SceneLayer {
  return {
    readWindow: async (window, options = {}) => {
      checkWindow(window, grid, where);
      return readClasses(layer, window, options);
    },
  };
}

/** Numbers of a layer for a window of the scene, by nearest neighbour. */
export async function readClasses(
  layer: ClassLayer,
  window: PixelWindow,
  options: Pick<ReadReflectanceOptions, "signal" | "outputSize">,
): Promise<Uint8Array> {
  const { raster, index, ratio } = layer;
  const { signal, outputSize } = options;
  const request = { bands: [index], ...(signal && { signal }) };
  if (outputSize) {
    const reduced = await readReduced(raster, layerWindow(window, ratio, raster.grid), outputSize, {
      ...request,
      resampling: "nearest",
    });
    return toBytes(reduced[0]!, layer);
  }
  const from = ratio === 1 ? window : sourceWindow(window, ratio, raster.grid);
  const raw = toBytes((await raster.readWindow(from, request))[0]!, layer);
  if (ratio === 1) return raw;
  const rows = nearestIndices(window.y, window.height, ratio, from.y, from.height);
  const columns = nearestIndices(window.x, window.width, ratio, from.x, from.width);
  const out = new Uint8Array(window.width * window.height);
  let pixel = 0;
  for (const row of rows) for (const column of columns) out[pixel++] = raw[row * from.width + column]!;
  return out;
}

/** A window of the scene in (fractional) pixels of a layer, cut at a border that lies inside its last pixel. */
export function layerWindow(
  window: PixelWindow,
  ratio: number,
  layerSize: { readonly width: number; readonly height: number },
): PixelWindow {
  const x = window.x / ratio;
  const y = window.y / ratio;
  return {
    x,
    y,
    width: Math.min(window.width / ratio, layerSize.width - x),
    height: Math.min(window.height / ratio, layerSize.height - y),
  };
}

function toBytes(raw: RasterArray, { meaning }: ClassLayer): Uint8Array {
  if (meaning) return Uint8Array.from(raw, meaning);
  return raw instanceof Uint8Array ? raw : Uint8Array.from(raw);
}
