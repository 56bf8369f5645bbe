import { GlofError, throwIfAborted } from "@glof/core";
import type { PixelWindow, RasterArray, RasterBand, RasterGrid, RasterSource } from "../../types.js";
import { bytesPerPixel, createRasterArray } from "../array_types.js";
import { createBlockCache, sharedBlock } from "../block_cache.js";
import type { ByteSource } from "../byte_source.js";
import type { OpenRasterOptions } from "../raster_format.js";
import { checkWindow } from "../window_reader.js";
import type { MainHeader, Rectangle } from "./jp2_types.js";
import { type TileDecoders, tileDecoders } from "./tile_decoders.js";
import type { TilePartIndex } from "./tile_parts.js";
import { readTileStream, tileRectangle } from "./tile_stream.js";

/** An open codestream at one resolution. */
export interface Jp2Level {
  readonly bytes: ByteSource;
  readonly header: MainHeader;
  readonly index: TilePartIndex;
  /** How often the resolution is halved: 0 is the image itself. */
  readonly level: number;
  /** Of this resolution. */
  readonly grid: RasterGrid;
  readonly bands: readonly RasterBand[];
  readonly options: OpenRasterOptions;
}

/** The pixels of a codestream at one resolution, by window; `close` forgets the decoded tiles and leaves the file open. */
export function createJp2Source(jp2: Jp2Level): RasterSource {
  const { bytes, header, grid, bands } = jp2;
  const step = 2 ** jp2.level;
  const tileCols = Math.min(Math.ceil(header.tileSize[0] / step), grid.width);
  const tileRows = Math.min(Math.ceil(header.tileSize[1] / step), grid.height);
  const rowOfTilesBytes = grid.width * tileRows * bands.length * bytesPerPixel(bands[0]!.dtype);
  const cache = createBlockCache(
    jp2.options.cacheBytes ?? Math.min(Math.max(2 * rowOfTilesBytes, 2 ** 24), 2 ** 28),
  );
  return {
    name: bytes.name,
    grid,
    bands,
    blockSize: [tileRows, tileCols],
    storage: { format: "JPEG 2000", compression: "jpeg2000", layout: "tiles" },
    overviews: [],
    async readWindow(window, { bands: wanted = bands.map((_, band) => band), signal } = {}) {
      checkWindow(window, grid, bytes.name);
      checkBands(wanted, bands.length, bytes.name);
      const out = wanted.map((band) => createRasterArray(bands[band]!.dtype, window.width * window.height));
      const tiles = tilesOf(jp2, window);
      const decoders = await tileDecoders(tiles.length, jp2.options.locateFile);
      const work = async (): Promise<void> => {
        for (let tile = tiles.pop(); tile !== undefined; tile = tiles.pop()) {
          throwIfAborted(signal, "readWindow");
          const number = tile;
          const pixels = await sharedBlock(
            cache,
            number,
            () => decodeTile(jp2, number, decoders, signal),
            signal,
          );
          const place = placeOf(jp2, number);
          wanted.forEach((band, index) => {
            copyTile(pixels, place, band, bands.length, window, out[index]!);
          });
        }
      };
      await Promise.all(Array.from({ length: Math.min(decoders.atOnce, tiles.length) }, work));
      return out;
    },
    async close() {
      cache.clear();
    },
  };
}

function checkBands(wanted: readonly number[], count: number, name: string): void {
  for (const band of wanted) {
    if (!(Number.isInteger(band) && band >= 0 && band < count)) {
      throw new GlofError(
        "bad-argument",
        `readWindow: expected bands 0 to ${count - 1} of ${name}, got ${band}. Count from 0.`,
      );
    }
  }
}

async function decodeTile(
  jp2: Jp2Level,
  tile: number,
  decoders: TileDecoders,
  signal: AbortSignal | undefined,
): Promise<RasterArray> {
  const { bytes, header, index, level, bands } = jp2;
  const stream = await readTileStream(bytes, header, index, tile, signal);
  const { x0, y0, x1, y1 } = placeOf(jp2, tile);
  const samples = (x1 - x0) * (y1 - y0) * header.componentCount;
  return decoders.decode({ stream, level, samples, dtype: bands[0]!.dtype, name: bytes.name });
}

/** Where a tile lies in the raster of this resolution. */
function placeOf({ header, level }: Jp2Level, tile: number): Rectangle {
  const step = 2 ** level;
  const { x0, y0, x1, y1 } = tileRectangle(header, tile);
  const left = Math.ceil(header.image.x0 / step);
  const top = Math.ceil(header.image.y0 / step);
  return {
    x0: Math.ceil(x0 / step) - left,
    y0: Math.ceil(y0 / step) - top,
    x1: Math.ceil(x1 / step) - left,
    y1: Math.ceil(y1 / step) - top,
  };
}

/** Numbers of the tiles that a window touches, the last first. */
function tilesOf({ header, level }: Jp2Level, window: PixelWindow): number[] {
  const step = 2 ** level;
  const along = (start: number, length: number, shift: number, size: number, count: number) => {
    const first = Math.floor((start * step + shift) / size);
    const last = Math.floor(((start + length) * step - 1 + shift) / size);
    return [first, Math.min(last, count - 1)] as const;
  };
  const { image, tileOrigin, tileSize, tilesAcross, tilesDown } = header;
  const [left, right] = along(window.x, window.width, image.x0 - tileOrigin[0], tileSize[0], tilesAcross);
  const [top, bottom] = along(window.y, window.height, image.y0 - tileOrigin[1], tileSize[1], tilesDown);
  const tiles: number[] = [];
  for (let row = bottom; row >= top; row--) {
    for (let col = right; col >= left; col--) tiles.push(row * tilesAcross + col);
  }
  return tiles;
}

/** Copies the part of a tile that lies in the window. */
function copyTile(
  pixels: RasterArray,
  tile: Rectangle,
  sample: number,
  step: number,
  window: PixelWindow,
  out: RasterArray,
): void {
  const cols = tile.x1 - tile.x0;
  const fromCol = Math.max(window.x, tile.x0);
  const count = Math.min(window.x + window.width, tile.x1) - fromCol;
  const toRow = Math.min(window.y + window.height, tile.y1);
  for (let row = Math.max(window.y, tile.y0); row < toRow; row++) {
    const source = ((row - tile.y0) * cols + fromCol - tile.x0) * step + sample;
    const target = (row - window.y) * window.width + fromCol - window.x;
    if (step === 1) out.set(pixels.subarray(source, source + Math.max(count, 0)), target);
    else for (let col = 0; col < count; col++) out[target + col] = pixels[source + col * step]!;
  }
}
