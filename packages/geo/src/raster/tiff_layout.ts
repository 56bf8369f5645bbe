import { GlofError } from "@glof/core";
import type { RasterDtype } from "../types.js";
import { corrupt, type TiffFile } from "./tiff_file.js";

/** How the pixels of a TIFF lie in the file. A block is a tile, or a strip of whole rows. */
export interface TiffLayout {
  readonly width: number;
  readonly height: number;
  readonly bandCount: number;
  readonly dtype: RasterDtype;
  readonly bitsPerSample: number;
  readonly sampleFormat: number;
  readonly compression: number;
  readonly predictor: number;
  /** JPEG blocks hold luma and colour differences; they are read as red, green, blue. */
  readonly isYcbcr: boolean;
  /** Each band has blocks of its own; else the bands of a pixel stand side by side. */
  readonly isPlanar: boolean;
  readonly isTiled: boolean;
  readonly blockRows: number;
  readonly blockCols: number;
  readonly blocksAcross: number;
  readonly blocksDown: number;
  readonly blockOffsets: ArrayLike<number>;
  readonly blockByteCounts: ArrayLike<number>;
  readonly isLittleEndian: boolean;
}

/** Larger rasters than this are refused: no sensor makes them, and row or pixel counts would leave exact range. */
const maxSide = 2 ** 26;
/** The most one block may hold after decoding. */
const maxBlockBytes = 2 ** 30;

const namesOfUnsupported: Readonly<Record<number, string>> = {
  2: "CCITT RLE",
  3: "CCITT group 3",
  4: "CCITT group 4",
  6: "old-style JPEG",
  34712: "JPEG 2000",
  34892: "lossy JPEG (DNG)",
  34925: "LZMA",
  50001: "WebP",
  50002: "JPEG XL",
};
/** The codecs that have predictors; libtiff passes over the tag elsewhere. */
const predictorCompressions = new Set([5, 8, 32946, 50000]);
const supportedCompressions = new Set([1, 5, 7, 8, 32946, 32773, 34887, 50000]);

/**
 * Reads the layout from the tags and checks that it is possible: sizes, block counts, and that no block may decode to
 * more than a gibibyte.
 *
 * @throws GlofError `corrupt-file`, `unsupported-feature` (named in the message), `limit-exceeded`
 */
export function readTiffLayout(file: TiffFile, name: string): TiffLayout {
  const number = (tag: string, fallback: number): number => firstNumber(file.tag(tag), fallback);
  const width = number("ImageWidth", 0);
  const height = number("ImageLength", 0);
  const bandCount = number("SamplesPerPixel", 1);
  if (!(width >= 1 && height >= 1 && bandCount >= 1)) {
    throw corrupt(name, `${width} x ${height} pixels of ${bandCount} bands`);
  }
  if (width > maxSide || height > maxSide || bandCount > 65_535) {
    throw tooLarge(name, `${width} x ${height} pixels of ${bandCount} bands`);
  }
  const compression = number("Compression", 1);
  if (!supportedCompressions.has(compression)) {
    throw unsupported(name, `compression ${namesOfUnsupported[compression] ?? compression}`);
  }
  const isTiled = file.tag("TileWidth") !== undefined;
  const blockCols = isTiled ? number("TileWidth", 0) : width;
  const blockRows = isTiled ? number("TileLength", 0) : Math.min(number("RowsPerStrip", height), height);
  if (!(blockCols >= 1 && blockRows >= 1))
    throw corrupt(name, `blocks of ${blockCols} x ${blockRows} pixels`);
  const layout: TiffLayout = {
    ...{ width, height, bandCount, compression, isTiled, blockCols, blockRows },
    ...readSamples(file, name, bandCount),
    predictor: predictorCompressions.has(compression) ? number("Predictor", 1) : 1,
    isYcbcr: checkedYcbcr(number("PhotometricInterpretation", 1), compression, bandCount, name),
    isPlanar: bandCount > 1 && number("PlanarConfiguration", 1) === 2,
    blocksAcross: Math.ceil(width / blockCols),
    blocksDown: Math.ceil(height / blockRows),
    blockOffsets: numbers(file.tag(isTiled ? "TileOffsets" : "StripOffsets")),
    blockByteCounts: numbers(file.tag(isTiled ? "TileByteCounts" : "StripByteCounts")),
    isLittleEndian: file.littleEndian,
  };
  if (number("FillOrder", 1) === 2) throw unsupported(name, "bits in reverse order (FillOrder 2)");
  checkPredictor(layout, name);
  checkBlocks(layout, name);
  return layout;
}

function checkPredictor({ predictor, bitsPerSample, sampleFormat }: TiffLayout, name: string): void {
  const isPossible =
    predictor === 1 ||
    (predictor === 2 && [8, 16, 32, 64].includes(bitsPerSample)) ||
    (predictor === 3 && sampleFormat === 3);
  if (!isPossible) throw unsupported(name, `predictor ${predictor} with pixels of ${bitsPerSample} bits`);
}

function checkedYcbcr(photometric: number, compression: number, bandCount: number, name: string): boolean {
  if (photometric !== 6) return false;
  if (compression !== 7 || bandCount !== 3) throw unsupported(name, "YCbCr pixels without JPEG");
  return true;
}

function readSamples(file: TiffFile, name: string, bandCount: number) {
  const bits = numbers(file.tag("BitsPerSample") ?? [1]);
  const formats = numbers(file.tag("SampleFormat") ?? [1]);
  const bitsPerSample = bits[0] ?? 1;
  const sampleFormat = formats[0] ?? 1;
  for (let band = 1; band < bandCount; band++) {
    if ((bits[band] ?? bitsPerSample) !== bitsPerSample || (formats[band] ?? sampleFormat) !== sampleFormat) {
      throw unsupported(name, "bands of different pixel types");
    }
  }
  return { bitsPerSample, sampleFormat, dtype: dtypeOf(sampleFormat, bitsPerSample, name) };
}

function dtypeOf(sampleFormat: number, bits: number, name: string): RasterDtype {
  // Format 4 means undefined: libtiff and GDAL take it as unsigned.
  if (sampleFormat === 1 || sampleFormat === 4) {
    if (bits >= 1 && bits <= 32) return bits <= 8 ? "uint8" : bits <= 16 ? "uint16" : "uint32";
  }
  if (sampleFormat === 2 && bits === 8) return "int8";
  if (sampleFormat === 2 && bits === 16) return "int16";
  if (sampleFormat === 2 && bits === 32) return "int32";
  if (sampleFormat === 3 && (bits === 16 || bits === 32)) return "float32";
  if (sampleFormat === 3 && bits === 64) return "float64";
  if (sampleFormat === 5 || sampleFormat === 6) throw unsupported(name, "complex pixels");
  throw unsupported(name, `pixels of ${bits} bits in sample format ${sampleFormat}`);
}

function checkBlocks(layout: TiffLayout, name: string): void {
  const blockCount = layout.blocksAcross * layout.blocksDown * (layout.isPlanar ? layout.bandCount : 1);
  for (const [what, list] of [
    ["offsets", layout.blockOffsets],
    ["byte counts", layout.blockByteCounts],
  ] as const) {
    if (list.length < blockCount)
      throw corrupt(name, `${list.length} block ${what} for ${blockCount} blocks`);
  }
  const samples = layout.isPlanar ? 1 : layout.bandCount;
  const blockBytes = (layout.blockRows * layout.blockCols * samples * layout.bitsPerSample) / 8;
  if (blockBytes > maxBlockBytes) throw tooLarge(name, `blocks of ${Math.round(blockBytes / 2 ** 20)} MiB`);
}

/** The error for a TIFF feature that this package does not read. */
export function unsupported(name: string, feature: string): GlofError {
  return new GlofError(
    "unsupported-feature",
    `${name}: expected a TIFF that this package reads, got ${feature}. Convert it, for example with gdal_translate -co COMPRESS=DEFLATE.`,
    { name, feature },
  );
}

function tooLarge(name: string, got: string): GlofError {
  return new GlofError(
    "limit-exceeded",
    `${name}: expected sides up to ${maxSide} pixels and blocks up to 1 GiB, got ${got}. Check the file, or tile it.`,
    { name },
  );
}

function numbers(value: unknown): ArrayLike<number> {
  if (typeof value === "number") return [value];
  if (Array.isArray(value)) return value.map(Number);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return value as unknown as ArrayLike<number>;
  return [];
}

function firstNumber(value: unknown, fallback: number): number {
  const found = numbers(value)[0];
  return found === undefined ? fallback : found;
}
