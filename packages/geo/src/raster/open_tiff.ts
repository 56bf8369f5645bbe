import type { RasterGrid, RasterSource } from "../types.js";
import type { ByteSource } from "./byte_source.js";
import { indexedEnd, openOverviewFile } from "./external_overviews.js";
import { readGrid, reducedGrid } from "./georeference.js";
import type { OpenRasterOptions, RasterInput } from "./raster_format.js";
import { readBands } from "./tiff_bands.js";
import { corrupt, readTiffFile } from "./tiff_file.js";
import { relatedImages, type TiffImage } from "./tiff_images.js";
import { readTiffLayout } from "./tiff_layout.js";
import { createTiffSource } from "./tiff_source.js";

/** Whether a file begins as a TIFF or BigTIFF of either byte order. */
export function isTiffStart(start: Uint8Array): boolean {
  const [first, second, third, fourth] = start;
  if (first !== second || (first !== 0x49 && first !== 0x4d)) return false;
  const version = first === 0x49 ? [third, fourth] : [fourth, third];
  return (version[0] === 42 || version[0] === 43) && version[1] === 0;
}

/**
 * Opens a GeoTIFF (classic or BigTIFF, strips or tiles, any byte order; uncompressed, DEFLATE, LZW, PackBits, JPEG,
 * LERC or ZSTD). Tags are read and most codecs run by geotiff.js 3.0.5; blocks, predictors and DEFLATE are handled here.
 * Without overviews of its own it takes those of `<file>.ovr` beside it.
 *
 * @throws GlofError `corrupt-file` when it is truncated or contradicts itself; `unsupported-feature`;
 *   `limit-exceeded` for absurd sizes
 */
export async function openTiff(
  bytes: ByteSource,
  options: OpenRasterOptions,
  input: RasterInput,
): Promise<RasterSource> {
  const file = await readTiffFile(bytes);
  const layout = readTiffLayout(file, bytes.name);
  const end = indexedEnd(layout);
  if (end > bytes.size)
    throw corrupt(bytes.name, `${bytes.size} bytes where its index needs ${end} (cut off?)`);
  const grid = readGrid(file, layout);
  const bands = readBands(file, layout);
  const related = await relatedImages({ file, layout }, bytes.name);
  const { cacheBytes } = options;
  const own = related.overviews.filter((image) => indexedEnd(image.layout) <= bytes.size);
  // Those of the file itself come first, as in GDAL: those beside it may be of an older version.
  const beside = own.length > 0 ? undefined : await openOverviewFile(layout, input, options);
  const overviews = (beside?.images ?? own).map((image) =>
    createTiffSource(beside?.bytes ?? bytes, image, {
      ...{ grid: reducedGrid(grid, image.layout), bands, cacheBytes },
    }),
  );
  const { mask } = related;
  return createTiffSource(
    bytes,
    { file, layout },
    {
      ...{ grid, bands, cacheBytes, overviews, isBig: await isBigTiff(bytes) },
      ...(mask !== undefined && { mask: createMask(bytes, mask, grid, cacheBytes) }),
      async onClose() {
        await beside?.bytes.close();
        await bytes.close();
      },
    },
  );
}

async function isBigTiff(bytes: ByteSource): Promise<boolean> {
  const start = await bytes.read(0, 4);
  return start[2] === 43 || start[3] === 43;
}

/** Masks hold 0 and 1, or 0 and 255: here always 255 where pixels are valid. */
function createMask(
  bytes: ByteSource,
  image: TiffImage,
  grid: RasterGrid,
  cacheBytes: number | undefined,
): RasterSource {
  const band = { name: "mask", dtype: "uint8", nodata: undefined, scale: 1, offset: 0 } as const;
  const source = createTiffSource(bytes, image, { grid, bands: [band], cacheBytes });
  return {
    ...source,
    async readWindow(window, options) {
      const planes = await source.readWindow(window, options);
      return planes.map((plane) => Uint8Array.from(plane, (value) => (value === 0 ? 0 : 255)));
    },
  };
}
