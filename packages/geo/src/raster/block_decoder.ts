import { getDecoder } from "geotiff";
import { inNode, loadZlib } from "../node_only.js";
import type { RasterArray } from "../types.js";
import { bytesPerPixel, createRasterArray, viewAsRasterArray } from "./array_types.js";
import { lercBytes, zstdContentBytes } from "./declared_size.js";
import { decodeLzw } from "./decode_lzw.js";
import { decodeZstd } from "./decode_zstd.js";
import { decodeJpeg } from "./jpeg/decode_jpeg.js";
import { undoDifferences, undoFloatPlanes } from "./predictor.js";
import { corrupt, type TiffFile } from "./tiff_file.js";
import type { TiffLayout } from "./tiff_layout.js";
import { ycbcrToRgb } from "./ycbcr.js";

/** Turns the stored bytes of a block of `rows` rows into pixels in memory of their own, samples of one pixel side by side. */
export type BlockDecoder = (stored: Uint8Array<ArrayBuffer>, rows: number) => Promise<RasterArray>;

type Decompress = (stored: Uint8Array<ArrayBuffer>, wantedBytes: number) => Promise<Uint8Array<ArrayBuffer>>;

/** DEFLATE cannot shrink bytes by more than this factor (zlib's technical notes: 1032 : 1). */
const deflateFactor = 1_032;

/** Makes the decoder for the blocks of a file. */
export function createBlockDecoder(file: TiffFile, layout: TiffLayout, name: string): BlockDecoder {
  const decompress = decompressorFor(file, layout, name);
  const samples = layout.isPlanar ? 1 : layout.bandCount;
  const rowSamples = layout.blockCols * samples;
  const rowBytes = Math.ceil((rowSamples * layout.bitsPerSample) / 8);
  return async (stored, rows) => {
    const wantedBytes = rowBytes * rows;
    const bytes = await decompress(stored, wantedBytes).catch((error: unknown) => {
      throw corrupt(
        name,
        `a block that does not decode (${error instanceof Error ? error.message : error})`,
        error,
      );
    });
    if (bytes.length < wantedBytes)
      throw corrupt(name, `a block of ${bytes.length} bytes instead of ${wantedBytes}`);
    return toPixels(bytes.subarray(0, wantedBytes), layout, rows, samples);
  };
}

function decompressorFor(file: TiffFile, layout: TiffLayout, name: string): Decompress {
  const { compression } = layout;
  if (compression === 1) return async (stored) => stored;
  if (compression === 5) return async (stored, wantedBytes) => decodeLzw(stored, wantedBytes);
  const isDeflate = compression === 8 || compression === 32946;
  if (isDeflate && inNode()) {
    return async (stored, wantedBytes) => {
      if (wantedBytes > deflateFactor * stored.length + 64) {
        throw corrupt(name, `${stored.length} bytes for a block of ${wantedBytes}`);
      }
      const { inflate } = await loadZlib();
      return new Promise((resolve, reject) => {
        // Some writers pad a strip past its last row; what lies beyond is dropped. By default zlib hands its work to a
        // thread and back for every 16 KiB.
        const sizes = { maxOutputLength: 2 * wantedBytes + 65_536, chunkSize: wantedBytes + 64 };
        inflate(stored, sizes, (error, bytes) => {
          if (error) reject(error);
          // Not as a Buffer, whose `slice` copies nothing.
          else resolve(new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length));
        });
      });
    };
  }
  const value = (tag: string): unknown => file.tag(tag);
  const tables = Uint8Array.from((value("JPEGTables") ?? []) as ArrayLike<number>);
  const decoder = getDecoder(compression, {
    tileWidth: layout.blockCols,
    tileHeight: layout.blockRows,
    planarConfiguration: layout.isPlanar ? 2 : 1,
    bitsPerSample: layout.bitsPerSample,
    samplesPerPixel: layout.bandCount,
    // Predictors are undone below, where the byte order is known.
    predictor: 1,
    ...{ JPEGTables: value("JPEGTables"), LercParameters: value("LercParameters") },
  });
  decoder.catch(() => {});
  const samples = layout.isPlanar ? 1 : layout.bandCount;
  return async (stored, wantedBytes) => {
    if (compression === 7) {
      const target = { cols: layout.blockCols, rows: wantedBytes / (layout.blockCols * samples), samples };
      const decoded = layout.bitsPerSample === 8 ? decodeJpeg(stored, tables, target) : undefined;
      if (decoded !== undefined) return decoded;
    }
    checkDeclaredSize(stored, compression, wantedBytes, name);
    // Padding past the last row is as welcome as in DEFLATE above.
    if (compression === 50_000) return decodeZstd(stored, wantedBytes + 65_536);
    return new Uint8Array((await (await decoder).decode(stored.slice().buffer)) as ArrayBuffer);
  };
}

/** Some codecs allocate what a block's own header asks for: it may not ask for much more than the block is. */
function checkDeclaredSize(stored: Uint8Array, compression: number, wantedBytes: number, name: string): void {
  const declared =
    compression === 50_000 ? zstdContentBytes(stored) : compression === 34_887 ? lercBytes(stored) : 0;
  if (declared > wantedBytes + 65_536) {
    throw corrupt(name, `a block that declares ${declared} bytes where ${wantedBytes} belong`);
  }
}

function toPixels(
  bytes: Uint8Array<ArrayBuffer>,
  layout: TiffLayout,
  rows: number,
  samples: number,
): RasterArray {
  const { dtype, bitsPerSample } = layout;
  const rowSamples = layout.blockCols * samples;
  const count = rowSamples * rows;
  if (bitsPerSample === 16 && dtype === "float32") return unpackHalfFloats(bytes, count, layout, samples);
  if (bitsPerSample !== 8 * bytesPerPixel(dtype)) return unpackBits(bytes, layout, rows, rowSamples);
  const sampleBytes = bytesPerPixel(dtype);
  if (layout.predictor === 3) {
    const own = bytes.slice();
    undoFloatPlanes(own, rowSamples * sampleBytes, sampleBytes, samples);
    return viewAsRasterArray(dtype, own.buffer, 0, count);
  }
  const native = swapped(bytes, sampleBytes, layout);
  const pixels = viewAsRasterArray(dtype, native.buffer, native.byteOffset, count);
  if (layout.predictor === 2) undoDifferences(pixels, rowSamples, samples);
  if (layout.isYcbcr && pixels instanceof Uint8Array) ycbcrToRgb(pixels);
  return pixels;
}

/** The bytes in little-endian order, aligned, and safe to change. */
function swapped(
  bytes: Uint8Array<ArrayBuffer>,
  sampleBytes: number,
  layout: TiffLayout,
): Uint8Array<ArrayBuffer> {
  // LERC and JPEG decoders give native order whatever the file's own.
  const isNative = layout.isLittleEndian || layout.compression === 34887 || sampleBytes === 1;
  const isAligned = bytes.byteOffset % sampleBytes === 0;
  if (isNative) return isAligned && layout.compression !== 1 ? bytes : bytes.slice();
  const native = new Uint8Array(bytes.length);
  for (let start = 0; start < bytes.length; start += sampleBytes) {
    for (let byte = 0; byte < sampleBytes; byte++)
      native[start + byte] = bytes[start + sampleBytes - 1 - byte]!;
  }
  return native;
}

/** Samples of 1 to 31 bits, most significant bit first, each row starting on a whole byte. */
function unpackBits(bytes: Uint8Array, layout: TiffLayout, rows: number, rowSamples: number): RasterArray {
  const bits = layout.bitsPerSample;
  const pixels = createRasterArray(layout.dtype, rowSamples * rows);
  const rowBytes = Math.ceil((rowSamples * bits) / 8);
  for (let row = 0; row < rows; row++) {
    let held = 0;
    let heldBits = 0;
    let next = row * rowBytes;
    for (let sample = 0; sample < rowSamples; sample++) {
      while (heldBits < bits) {
        // At most 31 + 8 bits are held: exact in a float, so plain arithmetic and not bit operations.
        held = held * 256 + bytes[next++]!;
        heldBits += 8;
      }
      const below = 2 ** (heldBits - bits);
      pixels[row * rowSamples + sample] = Math.floor(held / below);
      held %= below;
      heldBits -= bits;
    }
  }
  return pixels;
}

function unpackHalfFloats(
  bytes: Uint8Array<ArrayBuffer>,
  count: number,
  layout: TiffLayout,
  samples: number,
): RasterArray {
  const rowSamples = layout.blockCols * samples;
  // Predictor 3 stores planes, most significant first, in files of either byte order.
  const own = layout.predictor === 3 ? bytes.slice() : swapped(bytes, 2, layout).slice();
  if (layout.predictor === 3) undoFloatPlanes(own, rowSamples * 2, 2, samples);
  const halves = new Uint16Array(own.buffer, 0, count);
  if (layout.predictor === 2) undoDifferences(halves, rowSamples, samples);
  return Float32Array.from(halves, halfToNumber);
}

/** IEEE 754 binary16 to a number. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
