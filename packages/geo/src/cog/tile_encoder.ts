import { GlofError } from "@glof/core";
import { loadZlib } from "../node_only.js";
import { bytesPerPixel, createRasterArray, isFloatDtype } from "../raster/array_types.js";
import { applyDifferences, applyFloatPlanes } from "../raster/predictor.js";
import type { RasterArray } from "../types.js";
import type { ResolvedCogOptions } from "./cog_options.js";

/** Compresses one tile: pixels with the samples of each side by side. The array is used up. */
export type TileEncoder = (pixels: RasterArray) => Promise<Uint8Array>;

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
  const compress = (pixels: RasterArray): Promise<Uint8Array> => {
    const bytes = new Uint8Array(pixels.buffer as ArrayBuffer);
    if (options.compression === "none") return Promise.resolve(bytes);
    if (isFloatDtype(dtype)) applyFloatPlanes(bytes, rowSamples * sampleBytes, sampleBytes, samples);
    else applyDifferences(pixels, rowSamples, samples);
    return pack(bytes);
  };
  return (pixels) => {
    const constant = constantPixel(pixels, samples);
    if (constant === undefined) return compress(pixels);
    const known = constants.get(constant);
    if (known !== undefined) return known;
    // A copy: what zlib gives is a part of a larger buffer.
    const encoded = compress(pixels).then((bytes) => new Uint8Array(bytes));
    if (constants.size < constantsKept) constants.set(constant, encoded);
    return encoded;
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
  const unit = Math.min(pixels.BYTES_PER_ELEMENT, 4);
  const Units = unit === 1 ? Uint8Array : unit === 2 ? Uint16Array : Uint32Array;
  const units = new Units(pixels.buffer as ArrayBuffer);
  const step = (samples * pixels.BYTES_PER_ELEMENT) / unit;
  for (let index = step; index < units.length; index++) {
    if (units[index] !== units[index - step]) return undefined;
  }
  return units.subarray(0, step).join();
}

/**
 * Cuts tile number `tile` out of a strip of full-width rows. Beyond the raster's edge it repeats `fill`.
 *
 * @param bands one array per band: `rows` rows of `width`
 */
export function cutTile(
  bands: readonly RasterArray[],
  width: number,
  rows: number,
  tile: number,
  options: ResolvedCogOptions,
): RasterArray {
  const { blockSize, dtype } = options;
  const samples = bands.length;
  const pixels = createRasterArray(dtype, blockSize * blockSize * samples);
  const left = tile * blockSize;
  const cols = Math.min(blockSize, width - left);
  if (rows < blockSize || cols < blockSize) pixels.fill(options.nodata ?? 0);
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
