import { GlofError, throwIfAborted } from "@glof/core";
import type { PixelWindow, RasterArray } from "../types.js";
import { createRasterArray } from "./array_types.js";
import { type BlockCache, sharedBlock } from "./block_cache.js";
import type { BlockDecoder } from "./block_decoder.js";
import type { ByteSource } from "./byte_source.js";
import type { TiffLayout } from "./tiff_layout.js";

/** What reading a window needs of an open file. */
export interface BlockReader {
  readonly bytes: ByteSource;
  readonly layout: TiffLayout;
  readonly cache: BlockCache;
  readonly fill: number;
  readonly decode: BlockDecoder;
}

/** Blocks decoded at one time: enough to keep zlib's threads busy. */
const blocksAtOnce = 4;

/** Fills `out` (one array per wanted band) from the blocks of one plane; all bands share the only plane if chunky. */
export async function readPlane(
  reader: BlockReader,
  plane: number,
  window: PixelWindow,
  wanted: readonly number[],
  out: readonly RasterArray[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { layout } = reader;
  const firstCol = Math.floor(window.x / layout.blockCols);
  const lastCol = Math.floor((window.x + window.width - 1) / layout.blockCols);
  const firstRow = Math.floor(window.y / layout.blockRows);
  const lastRow = Math.floor((window.y + window.height - 1) / layout.blockRows);
  const across = lastCol - firstCol + 1;
  const count = across * (lastRow - firstRow + 1);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      throwIfAborted(signal, "readWindow");
      const blockRow = firstRow + Math.floor(index / across);
      const blockCol = firstCol + (index % across);
      const block = (plane * layout.blocksDown + blockRow) * layout.blocksAcross + blockCol;
      const pixels = await sharedBlock(
        reader.cache,
        block,
        () => loadBlock(reader, block, blockRow, signal),
        signal,
      );
      wanted.forEach((band, place) => {
        if (layout.isPlanar && band !== plane) return;
        copyBlock(pixels, layout, blockRow, blockCol, layout.isPlanar ? 0 : band, window, out[place]!);
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(blocksAtOnce, count) }, work));
}

async function loadBlock(
  { bytes, layout, fill, decode }: BlockReader,
  block: number,
  blockRow: number,
  signal: AbortSignal | undefined,
): Promise<RasterArray> {
  const rows = layout.isTiled
    ? layout.blockRows
    : Math.min(layout.blockRows, layout.height - blockRow * layout.blockRows);
  const byteCount = Number(layout.blockByteCounts[block]);
  if (byteCount === 0) {
    // A sparse file: the block was never written.
    const samples = layout.isPlanar ? 1 : layout.bandCount;
    return createRasterArray(layout.dtype, rows * layout.blockCols * samples).fill(fill);
  }
  return decode(await bytes.read(Number(layout.blockOffsets[block]), byteCount, signal), rows);
}

/** Copies the part of a block that lies in the window. */
function copyBlock(
  pixels: RasterArray,
  layout: TiffLayout,
  blockRow: number,
  blockCol: number,
  sample: number,
  window: PixelWindow,
  out: RasterArray,
): void {
  const step = layout.isPlanar ? 1 : layout.bandCount;
  const top = blockRow * layout.blockRows;
  const left = blockCol * layout.blockCols;
  const fromCol = Math.max(window.x, left);
  const toCol = Math.min(window.x + window.width, left + layout.blockCols);
  const fromRow = Math.max(window.y, top);
  const toRow = Math.min(window.y + window.height, top + layout.blockRows);
  for (let row = fromRow; row < toRow; row++) {
    const source = ((row - top) * layout.blockCols + fromCol - left) * step + sample;
    const target = (row - window.y) * window.width + fromCol - window.x;
    const count = toCol - fromCol;
    if (step === 1) out.set(pixels.subarray(source, source + count), target);
    else
      for (let to = target, from = source; to < target + count; to++, from += step) out[to] = pixels[from]!;
  }
}

/** Refuses windows that leave the raster. */
export function checkWindow(
  window: PixelWindow,
  layout: Readonly<Record<"width" | "height", number>>,
  name: string,
): void {
  const { x, y, width, height } = window;
  const isInside =
    [x, y, width, height].every(Number.isInteger) &&
    [x >= 0, y >= 0, width >= 1, height >= 1].every(Boolean) &&
    x + width <= layout.width &&
    y + height <= layout.height;
  if (!isInside) {
    throw new GlofError(
      "bad-argument",
      `readWindow: expected a window inside ${layout.width} x ${layout.height} of ${name}, got x ${x}, y ${y}, ${width} x ${height}. Clip it first.`,
      { window },
    );
  }
}
