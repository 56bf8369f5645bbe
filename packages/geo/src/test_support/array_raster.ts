import type { RasterArray, RasterBand, RasterDtype, RasterGrid, RasterSource } from "../types.js";

/** A raster in memory: one array per band. */
export function arrayRaster(
  grid: RasterGrid,
  dtype: RasterDtype,
  bands: readonly RasterArray[],
  nodata?: number,
): RasterSource {
  const facts: RasterBand = { name: undefined, dtype, nodata, scale: 1, offset: 0 };
  return {
    name: "array",
    grid,
    bands: bands.map(() => facts),
    blockSize: [64, 64],
    readWindow: async ({ x, y, width, height }, { bands: asked = bands.map((_, band) => band) } = {}) =>
      asked.map((band) => {
        const out = bands[band]!.slice(0, width * height);
        for (let row = 0; row < height; row++) {
          const from = (y + row) * grid.width + x;
          out.set(bands[band]!.subarray(from, from + width), row * width);
        }
        return out;
      }),
    close: async () => {},
  };
}
