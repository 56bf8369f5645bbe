import type { RasterGrid, RasterSource } from "@glof/geo";

/**
 * A raster whose bands count `nodata` as no data where the file declares none itself, and whose grid is `grid` if given:
 * what a product's metadata says of files that say nothing (JPEG2000 has no place for it).
 */
export function withNodata(
  raster: RasterSource,
  nodata: number,
  grid: RasterGrid = raster.grid,
): RasterSource {
  return {
    name: raster.name,
    grid,
    bands: raster.bands.map((band) => (band.nodata === undefined ? { ...band, nodata } : band)),
    blockSize: raster.blockSize,
    ...(raster.overviews && { overviews: raster.overviews.map((level) => withNodata(level, nodata)) }),
    ...(raster.overviewKind && { overviewKind: raster.overviewKind }),
    readWindow: (window, options) => raster.readWindow(window, options),
    close: () => raster.close(),
  };
}
