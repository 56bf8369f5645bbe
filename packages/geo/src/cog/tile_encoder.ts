import { GlofError } from "@glof/core";
import { loadZlib } from "../node_only.js";
import { bytesPerPixel, createRasterArray, isFloatDtype } from "../raster/array_types.js";
import { applyDifferences, applyFloatPlanes } from "../raster/predictor.js";
import type { RasterArray } from "../types.js";
import type { ResolvedCogOptions } from "./cog_options.js";

/** Compresses tiles: pixels with the samples of each side by side. */
export interface TileEncoder {
  /** Room for a tile, with whatever a tile before left in it. */
  nextTile(): RasterArray;
  /** Compresses what `nextTile` gave; it uses up the array. */
  encode(pixels: RasterArray): Promise<Uint8Array>;
}

/** Constant tiles remembered: water and no-data come in few values. */
const constantsKept = 64;

/**
 * Makes the encoder: predictor 2 or 3, then DEFLATE (zlib format) or ZSTD. A tile of one value is compressed once.
 *
 * @throws GlofError `unsupported-feature` for ZSTD where Node does not have it
 */
export async function createTileEncoder(options: ResolvedCogOptions): Promise<TileEncoder> {
  const pack = await packer(options);
  const { dtype, blockSize } = options;
  const samples = options.bandNames.length;
  const sampleBytes = bytesPerPixel(dtype);
  const rowSamples = blockSize * samples;
  const constants = new Map<string, Promise<Uint8Array>>();
  const spare: RasterArray[] = [];
  const compress = async (pixels: RasterArray): Promise<Uint8Array> => {
    const bytes = new Uint8Array(pixels.buffer as ArrayBuffer);
    if (options.compression === "none") return bytes;
    if (isFloatDtype(dtype)) applyFloatPlanes(bytes, rowSamples * sampleBytes, sampleBytes, samples);
    else applyDifferences(pixels, rowSamples, samples);
    const packed = await pack(bytes);
    spare.push(pixels);
    return packed;
  };
  return {
    nextTile: () => spare.pop() ?? createRasterArray(dtype, blockSize * rowSamples),
    encode(pixels) {
      const constant = constantPixel(pixels, samples);
      if (constant === undefined) return compress(pixels);
      const known = constants.get(constant);
      if (known !== undefined) {
        spare.push(pixels);
        return known;
      }
      // A copy: what zlib gives is a part of a larger buffer.
      const encoded = compress(pixels).then((bytes) => new Uint8Array(bytes));
      if (constants.size < constantsKept) constants.set(constant, encoded);
      return encoded;
    },
  };
}

type Pack = (bytes: Uint8Array) => Promise<Uint8Array>;

/** The part of `node:zlib` that newer versions of Node have. */
interface ZstdModule {
  readonly zstdCompress?: (
    bytes: Uint8Array,
    options: { params: Record<number, number> },
    done: (error: Error | null, result: Uint8Array) => void,
  ) => void;
  readonly constants: { readonly ZSTD_c_compressionLevel?: number };
}

async function packer(options: ResolvedCogOptions): Promise<Pack> {
  const { compression, compressionLevel: level, deflateSearch } = options;
  const zlib = await loadZlib();
  const settle =
    (resolve: (bytes: Uint8Array) => void, reject: (error: Error) => void) =>
    (error: Error | null, result: Uint8Array): void =>
      error ? reject(error) : resolve(result);
  if (compression !== "zstd") {
    const { Z_RLE, Z_DEFAULT_STRATEGY } = zlib.constants;
    const strategy = deflateSearch === "runs" ? Z_RLE : Z_DEFAULT_STRATEGY;
    // By default zlib hands its work to a thread and back for every 16 KiB that come out.
    return (bytes) => {
      const chunkSize = Math.min(bytes.length + 1024, 2 ** 18);
      return new Promise((resolve, reject) =>
        zlib.deflate(bytes, { level, strategy, chunkSize }, settle(resolve, reject)),
      );
    };
  }
  const { zstdCompress, constants } = zlib as unknown as ZstdModule;
  const levelKey = constants.ZSTD_c_compressionLevel;
  if (zstdCompress === undefined || levelKey === undefined) {
    throw new GlofError(
      "unsupported-feature",
      `beginCog: expected a Node with ZSTD (22.15, 23.8 or later), got ${process.version}. Use compression "deflate".`,
    );
  }
  return (bytes) =>
    new Promise((resolve, reject) =>
      zstdCompress(bytes, { params: { [levelKey]: level } }, settle(resolve, reject)),
    );
}

/** The bytes of the one pixel that fills a tile, as a key; `undefined` for tiles with more than one. */
function constantPixel(pixels: RasterArray, samples: number): string | undefined {
  const pixelBytes = samples * pixels.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(pixels.buffer as ArrayBuffer);
  // Four bytes at a time, where pixels or groups of them end with a word: sides of tiles are multiples of 16.
  const isRegular = pixelBytes % 4 === 0 || 4 % pixelBytes === 0;
  const isConstant = isRegular
    ? repeats(new Uint32Array(bytes.buffer), Math.max(1, pixelBytes / 4)) &&
      repeats(bytes.subarray(0, Math.max(4, pixelBytes)), pixelBytes)
    : repeats(bytes, pixelBytes);
  return isConstant ? bytes.subarray(0, pixelBytes).join() : undefined;
}

/** Whether numbers come again every `period`. */
function repeats(numbers: Uint8Array | Uint32Array, period: number): boolean {
  for (let index = period; index < numbers.length; index++) {
    if (numbers[index] !== numbers[index - period]) return false;
  }
  return true;
}

/**
 * Cuts tile number `tile` out of a strip of full-width rows. Beyond the raster's edge it repeats the no-data value.
 *
 * @param pixels what to fill
 * @param bands one array per band: `rows` rows of `width`
 */
export function cutTile(
  pixels: RasterArray,
  bands: readonly RasterArray[],
  width: number,
  rows: number,
  tile: number,
  { blockSize, nodata }: Pick<ResolvedCogOptions, "blockSize" | "nodata">,
): RasterArray {
  const samples = bands.length;
  const left = tile * blockSize;
  const cols = Math.min(blockSize, width - left);
  if (rows < blockSize || cols < blockSize) pixels.fill(nodata ?? 0);
  bands.forEach((band, sample) => {
    for (let row = 0; row < rows; row++) {
      const from = row * width + left;
      const to = row * blockSize * samples + sample;
      if (samples === 1) pixels.set(band.subarray(from, from + cols), to);
      else for (let col = 0; col < cols; col++) pixels[to + col * samples] = band[from + col]!;
    }
  });
  return pixels;
}
