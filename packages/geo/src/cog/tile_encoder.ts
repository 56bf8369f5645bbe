import { loadZlib } from "../node_only.js";
import { bytesPerPixel, createRasterArray, isFloatDtype } from "../raster/array_types.js";
import { applyDifferences, applyFloatPlanes } from "../raster/predictor.js";
import type { RasterArray } from "../types.js";
import type { ResolvedCogOptions } from "./cog_options.js";

/** Compresses one tile: pixels with the samples of each side by side. The array is used up. */
export type TileEncoder = (pixels: RasterArray) => Promise<Uint8Array>;

/** Constant tiles remembered: water and no-data come in few values. */
const constantsKept = 64;

/** Makes the encoder: predictor 2 or 3, then DEFLATE (zlib format). A tile of one value is compressed once. */
export async function createTileEncoder(options: ResolvedCogOptions): Promise<TileEncoder> {
  const { deflate } = await loadZlib();
  const { dtype, blockSize, compressionLevel: level } = options;
  const samples = options.bandNames.length;
  const sampleBytes = bytesPerPixel(dtype);
  const rowSamples = blockSize * samples;
  const constants = new Map<string, Promise<Uint8Array>>();
  const compress = (pixels: RasterArray): Promise<Uint8Array> => {
    const bytes = new Uint8Array(pixels.buffer as ArrayBuffer);
    if (isFloatDtype(dtype)) applyFloatPlanes(bytes, rowSamples * sampleBytes, sampleBytes, samples);
    else applyDifferences(pixels, rowSamples, samples);
    return new Promise((resolve, reject) => {
      deflate(bytes, { level }, (error, result) => (error ? reject(error) : resolve(result)));
    });
  };
  return (pixels) => {
    const constant = constantPixel(pixels, samples);
    if (constant === undefined) return compress(pixels);
    const known = constants.get(constant);
    if (known !== undefined) return known;
    const encoded = compress(pixels);
    if (constants.size < constantsKept) constants.set(constant, encoded);
    return encoded;
  };
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
