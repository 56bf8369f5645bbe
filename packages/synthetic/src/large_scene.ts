import { GlofError, type OnProgress, seededRng, throwIfAborted } from "@glof/core";
import { beginCog, type CogWriter, type RasterGrid } from "@glof/geo";
import { generateScene } from "./scene.js";
import type { SyntheticBand, SyntheticScene } from "./types.js";
import { QUANTIFICATION, toDn } from "./write_scene.js";

/** A scene too large for memory, made of mirrored copies of one generated block. */
export interface LargeSceneOptions {
  readonly width: number;
  readonly height: number;
  readonly seed: number | string;
  /** Bands to write. Default B02, B03, B04, B08. */
  readonly bands?: readonly SyntheticBand[];
  /** Side of the generated block in pixels. Default 1024. */
  readonly blockPx?: number;
  /** Also write the lake mask here (uint8, 255 no data). Default: not written. */
  readonly truthPath?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}

const ROWS_AT_ONCE = 512;

/**
 * Writes a scene of any size to one GeoTIFF, a strip of rows at a time: memory holds one block and one strip.
 *
 * Blocks repeat mirrored, so that no edge shows between them, each a little brighter or darker than the next.
 * Meant for measuring speed and memory; what is at one place is at many.
 *
 * @throws GlofError `bad-argument`; `not-writable`, `no-space`, `io`; `aborted`. Nothing is left behind then.
 */
export async function writeLargeScene(path: string, options: LargeSceneOptions): Promise<void> {
  const { width, height, seed, bands = ["B02", "B03", "B04", "B08"], blockPx = 1024 } = options;
  checkSize(width, height);
  const block = generateScene({ seed, width: blockPx, height: blockPx, season: "autumn", cloudCover: 0 });
  const grid: RasterGrid = { ...block.grid, width, height };
  const common = { grid, blockSize: 512, compressionLevel: 1 };
  const writers: CogWriter[] = [];
  try {
    const image = { ...common, dtype: "uint16", bandNames: bands, nodata: 0, overviews: "average" } as const;
    writers.push(await beginCog(path, { ...image, scale: 1 / QUANTIFICATION }));
    if (options.truthPath !== undefined) {
      const truth = {
        ...common,
        dtype: "uint8",
        bandNames: ["lake"],
        nodata: 255,
        overviews: "nearest",
      } as const;
      writers.push(await beginCog(options.truthPath, truth));
    }
    await writeStrips(writers, block, bands, options);
    for (const writer of writers) await writer.close();
  } catch (error) {
    for (const writer of writers) await writer.abandon();
    throw error;
  }
}

async function writeStrips(
  writers: readonly CogWriter[],
  block: SyntheticScene,
  bands: readonly SyntheticBand[],
  options: LargeSceneOptions,
): Promise<void> {
  const { width, height, signal, onProgress } = options;
  const blockDn = bands.map((band) => toDn(block.bandsRefl[block.bands.indexOf(band)]!, block.validMask, 0));
  const gainOf = blockGains(options.seed);
  const strips = bands.map(() => new Uint16Array(ROWS_AT_ONCE * width));
  const truth = new Uint8Array(ROWS_AT_ONCE * width);
  for (let top = 0; top < height; top += ROWS_AT_ONCE) {
    throwIfAborted(signal, "writeLargeScene");
    const rowCount = Math.min(ROWS_AT_ONCE, height - top);
    for (let row = 0; row < rowCount; row++) {
      const start = row * width;
      const span = { top: top + row, width, side: block.width };
      for (const [index, dn] of blockDn.entries()) {
        copyMirrored(dn, span, (col, value, tile) => {
          strips[index]![start + col] = Math.max(1, Math.round(value * gainOf(tile)));
        });
      }
      if (writers.length > 1)
        copyMirrored(block.truth.lakeMask, span, (col, value) => (truth[start + col] = value));
    }
    const cut = rowCount * width;
    await writers[0]!.writeRows(
      strips.map((strip) => strip.subarray(0, cut)),
      rowCount,
    );
    await writers[1]?.writeRows([truth.subarray(0, cut)], rowCount);
    onProgress?.({ stage: "writeLargeScene", done: top + rowCount, total: height, unit: "rows" });
  }
}

/** Visits one row of the mirrored pattern. `tile` numbers the copies. */
function copyMirrored(
  source: Uint16Array | Uint8Array,
  span: { top: number; width: number; side: number },
  visit: (col: number, value: number, tile: number) => void,
): void {
  const { top, width, side } = span;
  const tileRow = Math.floor(top / side);
  const line = (tileRow % 2 === 0 ? top % side : side - 1 - (top % side)) * side;
  for (let col = 0; col < width; col++) {
    const tileCol = Math.floor(col / side);
    const at = tileCol % 2 === 0 ? col % side : side - 1 - (col % side);
    visit(col, source[line + at]!, tileRow * 64 + tileCol);
  }
}

/** A gain between 0.97 and 1.03 for each copy. */
function blockGains(seed: number | string): (tile: number) => number {
  const rng = seededRng(`${seed}/gains`);
  const gains = Float64Array.from({ length: 256 }, () => rng.uniform(0.97, 1.03));
  return (tile) => gains[tile & 255]!;
}

function checkSize(width: number, height: number): void {
  const wholeAndPositive = (size: number): boolean => Number.isInteger(size) && size > 0 && size <= 100_000;
  if (wholeAndPositive(width) && wholeAndPositive(height)) return;
  throw new GlofError(
    "bad-argument",
    `writeLargeScene: expected a width and height of 1 to 100000 pixels, got ${width} x ${height}. Do pass whole numbers.`,
    { width, height },
  );
}
