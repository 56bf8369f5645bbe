import { GlofError } from "@glof/core";
import type { RasterBand, RasterSource } from "../types.js";
import { bytesPerPixel, createRasterArray } from "./array_types.js";
import { createBlockCache } from "./block_cache.js";
import { createBlockDecoder } from "./block_decoder.js";
import type { ByteSource } from "./byte_source.js";
import { parseGdalMetadata } from "./gdal_metadata.js";
import { readGrid } from "./georeference.js";
import type { OpenRasterOptions } from "./raster_format.js";
import { corrupt, readTiffFile, type TiffFile } from "./tiff_file.js";
import { readTiffLayout, type TiffLayout } from "./tiff_layout.js";
import { type BlockReader, checkWindow, readPlane } from "./window_reader.js";

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
 *
 * @throws GlofError `corrupt-file` when it is truncated or contradicts itself; `unsupported-feature`;
 *   `limit-exceeded` for absurd sizes
 */
export async function openTiff(bytes: ByteSource, options: OpenRasterOptions): Promise<RasterSource> {
  const file = await readTiffFile(bytes);
  const layout = readTiffLayout(file, bytes.name);
  checkBlocksInside(layout, bytes);
  return createRasterSource(bytes, file, layout, options.cacheBytes);
}

/** A truncated file is found here and not after an hour of work. */
function checkBlocksInside(layout: TiffLayout, bytes: ByteSource): void {
  let end = 0;
  const count = Math.min(layout.blockOffsets.length, layout.blockByteCounts.length);
  for (let block = 0; block < count; block++) {
    const byteCount = Number(layout.blockByteCounts[block]);
    if (byteCount > 0) end = Math.max(end, Number(layout.blockOffsets[block]) + byteCount);
  }
  if (end > bytes.size)
    throw corrupt(bytes.name, `${bytes.size} bytes where its index needs ${end} (cut off?)`);
}

function createRasterSource(
  bytes: ByteSource,
  file: TiffFile,
  layout: TiffLayout,
  cacheBytes: number | undefined,
): RasterSource {
  const grid = readGrid(file, layout);
  const bands = readBands(file, layout);
  const planes = layout.isPlanar ? layout.bandCount : 1;
  const rowOfBlocksBytes =
    layout.blocksAcross *
    layout.blockCols *
    layout.blockRows *
    layout.bandCount *
    bytesPerPixel(layout.dtype);
  const cache = createBlockCache(cacheBytes ?? Math.min(Math.max(2 * rowOfBlocksBytes, 2 ** 24), 2 ** 28));
  const reader: BlockReader = {
    bytes,
    layout,
    cache,
    fill: bands[0]?.nodata ?? 0,
    decode: createBlockDecoder(file, layout, bytes.name),
  };
  return {
    name: bytes.name,
    grid,
    bands,
    blockSize: [layout.blockRows, layout.blockCols],
    async readWindow(window, options = {}) {
      checkWindow(window, layout, bytes.name);
      const wanted = options.bands ?? bands.map((_, index) => index);
      for (const band of wanted) {
        if (!(Number.isInteger(band) && band >= 0 && band < layout.bandCount)) {
          throw new GlofError(
            "bad-argument",
            `readWindow: expected bands 0 to ${layout.bandCount - 1} of ${bytes.name}, got ${band}. Count from 0.`,
          );
        }
      }
      const out = wanted.map(() => createRasterArray(layout.dtype, window.width * window.height));
      for (let plane = 0; plane < planes; plane++) {
        if (planes > 1 && !wanted.includes(plane)) continue;
        await readPlane(reader, plane, window, wanted, out, options.signal);
      }
      return out;
    },
    async close() {
      cache.clear();
      await bytes.close();
    },
  };
}

function readBands(file: TiffFile, layout: TiffLayout): RasterBand[] {
  const items = parseGdalMetadata(text(file.tag("GDAL_METADATA")));
  const item = (band: number, role: string): string | undefined =>
    items.find((candidate) => candidate.sample === band && candidate.role === role)?.value;
  const nodata = parseNodata(text(file.tag("GDAL_NODATA")), layout);
  return Array.from({ length: layout.bandCount }, (_, band) => ({
    name: item(band, "description") || undefined,
    dtype: layout.dtype,
    nodata,
    scale: finiteOr(item(band, "scale"), 1),
    offset: finiteOr(item(band, "offset"), 0),
  }));
}

const text = (value: unknown): string => (typeof value === "string" ? value.replace(/\0.*$/s, "") : "");

function finiteOr(value: string | undefined, fallback: number): number {
  const parsed = value === undefined ? Number.NaN : Number(value);
  return Number.isFinite(parsed) ? parsed : fallback;
}

function parseNodata(value: string, layout: TiffLayout): number | undefined {
  const trimmed = value.trim().toLowerCase();
  if (trimmed === "") return undefined;
  if (/^[+-]?nan/.test(trimmed)) return Number.NaN;
  if (/^[+-]?inf/.test(trimmed))
    return trimmed.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const parsed = Number(trimmed);
  if (Number.isNaN(parsed)) return undefined;
  // The text often has more digits than the pixels: compare like with like.
  return layout.dtype === "float32" ? Math.fround(parsed) : parsed;
}
