import { throwIfAborted } from "@glof/core";
import type { PixelWindow, RasterGrid, RasterSource } from "@glof/geo";
import { type BandLayer, type LayerPixels, toReflectance } from "./band_layer.js";
import { requireBands } from "./band_names.js";
import { checkWindow } from "./scene_grid.js";
import type { BandName, ReflectanceWindow, Scene } from "./types.js";
import { coarseWindow, upsampleBilinear } from "./upsample.js";

/** What every door knows of its scene beside the layers. */
export type SceneFacts = Pick<Scene, "id" | "level" | "acquiredAt" | "inputs">;

/** A scene over band layers on one grid. It owns the rasters: `close` closes them. */
export function layeredScene(grid: RasterGrid, layers: readonly BandLayer[], facts: SceneFacts): Scene {
  const bands = layers.map((layer) => layer.band);
  const rasters = [...new Set(layers.map((layer) => layer.raster))];
  const where = `readReflectance(${facts.id})`;
  return {
    ...facts,
    grid,
    bands,
    radiometry: Object.fromEntries(layers.map((layer) => [layer.band, layer.radiometry])),
    blockRows: Math.max(1, ...layers.map((layer) => layer.raster.blockSize[0] * layer.ratio)),
    readReflectance: async (window, asked, options = {}) => {
      requireBands({ id: facts.id, bands }, asked, where);
      checkWindow(window, grid, where);
      throwIfAborted(options.signal, where);
      const wanted = asked.map((band) => layers[bands.indexOf(band)]!);
      return combine(await readLayers(wanted, window, options.signal), window.width * window.height);
    },
    close: async () => {
      await Promise.all(rasters.map((raster) => raster.close()));
    },
  };
}

/** Reads layers of one file together, files side by side. */
async function readLayers(
  layers: readonly BandLayer[],
  window: PixelWindow,
  signal: AbortSignal | undefined,
): Promise<LayerPixels[]> {
  const ofRaster = new Map<RasterSource, BandLayer[]>();
  for (const layer of layers) {
    const group = ofRaster.get(layer.raster);
    if (group) group.push(layer);
    else ofRaster.set(layer.raster, [layer]);
  }
  const read = new Map<BandName, LayerPixels>();
  await Promise.all(
    [...ofRaster].map(async ([raster, group]) => {
      const { ratio } = group[0]!;
      const from = ratio === 1 ? window : coarseWindow(window, ratio, raster.grid);
      const raw = await raster.readWindow(from, { bands: group.map((layer) => layer.index), signal });
      group.forEach((layer, index) => {
        const pixels = toReflectance(raw[index]!, layer);
        read.set(layer.band, ratio === 1 ? pixels : upsampleBilinear(pixels, from, window, ratio));
      });
    }),
  );
  return layers.map((layer) => read.get(layer.band)!);
}

/** A pixel is valid when every band is usable and not every band is raw 0. */
function combine(layers: readonly LayerPixels[], pixelCount: number): ReflectanceWindow {
  const validMask = new Uint8Array(pixelCount);
  for (let pixel = 0; pixel < pixelCount; pixel++) {
    let usable = 1;
    let nonZero = 0;
    for (const layer of layers) {
      usable &= layer.usable[pixel]!;
      nonZero |= layer.nonZero[pixel]!;
    }
    validMask[pixel] = usable & nonZero;
    if (validMask[pixel] === 0) for (const layer of layers) layer.refl[pixel] = 0;
  }
  return { bandsRefl: layers.map((layer) => layer.refl), validMask };
}
