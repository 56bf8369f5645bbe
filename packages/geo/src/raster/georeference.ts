import { crsFromGeoKeys } from "../crs/geo_keys.js";
import type { GeoTransform, RasterGrid } from "../types.js";
import type { TiffFile } from "./tiff_file.js";

/** Size of a raster in pixels. */
type Size = Readonly<Record<"width" | "height", number>>;

/**
 * Where the pixels lie, from the GeoTIFF tags (OGC 19-008r4, 6). Files that name a pixel's centre (`PixelIsPoint`) are
 * shifted by half a pixel, as GDAL does. Without georeference the transform is [0, 1, 0, 0, 0, 1] (y grows downwards).
 */
export function readGrid(file: TiffFile, layout: Size): RasterGrid {
  const keys = file.geoKeys;
  const transform = readTransform(file) ?? [0, 1, 0, 0, 0, 1];
  const isPoint = keys?.GTRasterTypeGeoKey === 2;
  return {
    width: layout.width,
    height: layout.height,
    geoTransform: isPoint && hasTransform(file) ? shifted(transform, -0.5) : transform,
    crs: keys === undefined ? undefined : crsFromGeoKeys(keys),
  };
}

const hasTransform = (file: TiffFile): boolean => readTransform(file) !== undefined;

function readTransform(file: TiffFile): GeoTransform | undefined {
  const list = (tag: string): number[] => Array.from((file.tag(tag) ?? []) as ArrayLike<number>);
  const matrix = list("ModelTransformation");
  if (matrix.length === 16) {
    const [a, b, , x, c, d, , y] = matrix as [number, number, number, number, number, number, number, number];
    return [x, a, b, y, c, d];
  }
  const scale = list("ModelPixelScale");
  const tiepoint = list("ModelTiepoint");
  // More than one tie point means ground control points: no single transform says where the pixels are.
  if (scale.length < 2 || tiepoint.length !== 6 || scale[0] === 0 || scale[1] === 0) return undefined;
  const [col, row, , x, y] = tiepoint as [number, number, number, number, number];
  const [pixelWidth, pixelHeight] = scale as [number, number];
  return [x - col * pixelWidth, pixelWidth, 0, y + row * pixelHeight, 0, -pixelHeight];
}

function shifted(transform: GeoTransform, pixels: number): GeoTransform {
  const [x, a, b, y, c, d] = transform;
  return [x + pixels * (a + b), a, b, y + pixels * (c + d), c, d];
}

/** The same outline with the pixels of an overview. */
export function reducedGrid(grid: RasterGrid, { width, height }: Size): RasterGrid {
  const [x, a, b, y, c, d] = grid.geoTransform;
  const [wider, taller] = [grid.width / width, grid.height / height];
  return {
    ...{ width, height, crs: grid.crs },
    geoTransform: [x, a * wider, b * taller, y, c * wider, d * taller],
  };
}
