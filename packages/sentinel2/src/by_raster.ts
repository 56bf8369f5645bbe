import type { RasterSource } from "@glof/geo";
import type { BandLayer } from "./band_layer.js";

/** Reads layers of one file together and files side by side; what comes back is in the order of the layers. */
export async function byRaster<T>(
  layers: readonly BandLayer[],
  read: (raster: RasterSource, group: readonly BandLayer[]) => Promise<readonly T[]>,
): Promise<T[]> {
  const groups = new Map<RasterSource, BandLayer[]>();
  for (const layer of layers) {
    const group = groups.get(layer.raster);
    if (group) group.push(layer);
    else groups.set(layer.raster, [layer]);
  }
  const found = new Map<BandLayer, T>();
  await Promise.all(
    [...groups].map(async ([raster, group]) => {
      const answers = await read(raster, group);
      group.forEach((layer, index) => {
        found.set(layer, answers[index]!);
      });
    }),
  );
  return layers.map((layer) => found.get(layer)!);
}
