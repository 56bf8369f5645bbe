import { GlofError, throwIfAborted } from "@glof/core";
import type { PixelWindow, RasterArray } from "../types.js";
import { createRasterArray } from "./array_types.js";
import { type BlockCache, sharedBlock } from "./block_cache.js";
import type { BlockDecoder } from "./block_decoder.js";
import type { ByteSource } from "./byte_source.js";
import type { TiffLayout } from "./tiff_layout.js";
import type { WindowPiece } from "./visit_window.js";

/** What reading a window needs of an open file. */
export interface BlockReader {
  readonly bytes: ByteSource;
  readonly layout: TiffLayout;
  readonly cache: BlockCache;
  readonly fill: number;
  readonly decode: BlockDecoder;
  /** Memory of stored bytes that were decoded, for those that come next. */
  readonly spare: Uint8Array<ArrayBuffer>[];
}

/** Blocks decoded at one time: enough to keep zlib's threads busy. */
const blocksAtOnce = 4;

/** Shows what the blocks of one plane hold of a window; all bands share the only plane if chunky. */
export async function visitPlane(
  reader: BlockReader,
  plane: number,
  window: PixelWindow,
  wanted: readonly number[],
  visit: (piece: WindowPiece) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { layout } = reader;
  const inPlane = [...wanted.entries()].filter(([, band]) => !layout.isPlanar || band === plane);
  const samples = inPlane.map(([place, band]) => ({ place, sample: layout.isPlanar ? 0 : band }));
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
      visit(pieceOf(pixels, layout, blockRow, blockCol, samples, window));
    }
  };
  await Promise.all(Array.from({ length: Math.min(blocksAtOnce, count) }, work));
}

async function loadBlock(
  { bytes, layout, fill, decode, spare }: BlockReader,
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
  const stored = await bytes.read(Number(layout.blockOffsets[block]), byteCount, signal, spare.pop());
  const pixels = await decode(stored, rows);
  if (spare.length < blocksAtOnce) spare.push(stored);
  return pixels;
}

/** The part of a block that lies in the window. */
function pieceOf(
  pixels: RasterArray,
  layout: TiffLayout,
  blockRow: number,
  blockCol: number,
  samples: readonly { readonly place: number; readonly sample: number }[],
  window: PixelWindow,
): WindowPiece {
  const pixelStep = layout.isPlanar ? 1 : layout.bandCount;
  const rowStep = layout.blockCols * pixelStep;
  const top = blockRow * layout.blockRows;
  const left = blockCol * layout.blockCols;
  const fromCol = Math.max(window.x, left);
  const fromRow = Math.max(window.y, top);
  const first = (fromRow - top) * rowStep + (fromCol - left) * pixelStep;
  return {
    x: fromCol - window.x,
    y: fromRow - window.y,
    width: Math.min(window.x + window.width, left + layout.blockCols) - fromCol,
    height: Math.min(window.y + window.height, top + layout.blockRows) - fromRow,
    pixels,
    pixelStep,
    rowStep,
    bands: samples.map(({ place, sample }) => ({ place, start: first + sample })),
  };
}

/** Copies a piece to its place in arrays of the window, one per asked band. */
export function copyPiece(piece: WindowPiece, windowWidth: number, out: readonly RasterArray[]): void {
  for (const { place, start } of piece.bands) {
    for (let row = 0; row < piece.height; row++) {
      const source = start + row * piece.rowStep;
      copyRow(piece, source, out[place]!, (piece.y + row) * windowWidth + piece.x);
    }
  }
}

function copyRow(
  { pixels, pixelStep, width }: WindowPiece,
  source: number,
  out: RasterArray,
  target: number,
): void {
  if (pixelStep === 1) out.set(pixels.subarray(source, source + width), target);
  else
    for (let to = target, from = source; to < target + width; to++, from += pixelStep)
      out[to] = pixels[from]!;
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
