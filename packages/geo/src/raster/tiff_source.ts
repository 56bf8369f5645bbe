import { GlofError } from "@glof/core";
import type { PixelWindow, RasterBand, RasterGrid, RasterSource, RasterStorage } from "../types.js";
import { bytesPerPixel, createRasterArray } from "./array_types.js";
import { createBlockCache } from "./block_cache.js";
import { createBlockDecoder } from "./block_decoder.js";
import type { ByteSource } from "./byte_source.js";
import type { TiffImage } from "./tiff_images.js";
import type { TiffLayout } from "./tiff_layout.js";
import { setWindowVisitor, type WindowPiece } from "./visit_window.js";
import { type BlockReader, checkWindow, copyPiece, visitPlane } from "./window_reader.js";

/** What a source is, besides its pixels. */
export interface TiffSourceParts {
  readonly grid: RasterGrid;
  readonly bands: readonly RasterBand[];
  readonly cacheBytes: number | undefined;
  readonly overviews?: readonly RasterSource[];
  readonly mask?: RasterSource;
  /** The file has 64-bit offsets. Default false. */
  readonly isBig?: boolean;
  /** Runs at `close`, after the image's own blocks are forgotten. */
  readonly onClose?: () => Promise<void>;
}

/** The pixels of one image of a TIFF, by window. */
export function createTiffSource(
  bytes: ByteSource,
  { file, layout }: TiffImage,
  parts: TiffSourceParts,
): RasterSource {
  const { grid, bands } = parts;
  const planes = layout.isPlanar ? layout.bandCount : 1;
  const cache = createBlockCache(parts.cacheBytes ?? defaultCacheBytes(layout));
  const reader: BlockReader = {
    bytes,
    layout,
    cache,
    fill: bands[0]?.nodata ?? 0,
    decode: createBlockDecoder(file, layout, bytes.name),
    spare: [],
  };
  const checked = (window: PixelWindow, asked: readonly number[] | undefined): readonly number[] => {
    checkWindow(window, layout, bytes.name);
    const wanted = asked ?? bands.map((_, index) => index);
    const wrong = wanted.find((band) => !(Number.isInteger(band) && band >= 0 && band < layout.bandCount));
    if (wrong === undefined) return wanted;
    throw new GlofError(
      "bad-argument",
      `readWindow: expected bands 0 to ${layout.bandCount - 1} of ${bytes.name}, got ${wrong}. Count from 0.`,
    );
  };
  const visitBlocks = async (
    window: PixelWindow,
    wanted: readonly number[],
    visit: (piece: WindowPiece) => void,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    for (let plane = 0; plane < planes; plane++) {
      if (planes > 1 && !wanted.includes(plane)) continue;
      await visitPlane(reader, plane, window, wanted, visit, signal);
    }
  };
  const source: RasterSource = {
    name: bytes.name,
    grid,
    bands,
    blockSize: [layout.blockRows, layout.blockCols],
    storage: storageOf(layout, parts.isBig ?? false),
    overviews: parts.overviews ?? [],
    ...(parts.mask !== undefined && { mask: parts.mask }),
    async readWindow(window, options = {}) {
      const wanted = checked(window, options.bands);
      const out = wanted.map(() => createRasterArray(layout.dtype, window.width * window.height));
      await visitBlocks(window, wanted, (piece) => copyPiece(piece, window.width, out), options.signal);
      return out;
    },
    async close() {
      cache.clear();
      reader.spare.length = 0;
      for (const level of parts.overviews ?? []) await level.close();
      await parts.mask?.close();
      await parts.onClose?.();
    },
  };
  setWindowVisitor(source, async (window, visit, options) =>
    visitBlocks(window, checked(window, options.bands), visit, options.signal),
  );
  return source;
}

/** Compression tags of TIFF that are read. */
const compressionNames: Readonly<Record<number, string>> = {
  1: "none",
  5: "lzw",
  7: "jpeg",
  8: "deflate",
  32773: "packbits",
  32946: "deflate",
  34887: "lerc",
  50000: "zstd",
};

function storageOf({ compression, predictor, isTiled }: TiffLayout, isBig: boolean): RasterStorage {
  return {
    format: isBig ? "BigTIFF" : "GeoTIFF",
    compression: compressionNames[compression] ?? String(compression),
    predictor,
    layout: isTiled ? "tiles" : "strips",
  };
}

/** Two rows of blocks, at least 16 and at most 256 MiB. */
function defaultCacheBytes(layout: TiffLayout): number {
  const pixels = layout.blocksAcross * layout.blockCols * layout.blockRows * layout.bandCount;
  return Math.min(Math.max(2 * pixels * bytesPerPixel(layout.dtype), 2 ** 24), 2 ** 28);
}
