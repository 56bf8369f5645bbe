import type { RasterArray, RasterDtype } from "../types.js";
import { isFloatDtype } from "./array_types.js";

/**
 * Undoes TIFF predictor 2 (horizontal differences, TIFF 6.0 section 14) in place.
 *
 * @param pixels rows of `rowLength` samples, in this machine's byte order
 * @param step samples of one pixel
 */
export function undoDifferences(pixels: RasterArray, rowLength: number, step: number): void {
  if (pixels instanceof Float32Array || pixels instanceof Float64Array) {
    for (let start = 0; start + rowLength <= pixels.length; start += rowLength) {
      const end = start + rowLength;
      for (let index = start + step; index < end; index++) pixels[index]! += pixels[index - step]!;
    }
    return;
  }
  for (let start = 0; start + rowLength <= pixels.length; start += rowLength) {
    for (let sample = start; sample < start + step; sample++)
      undoRun(pixels, sample, start + rowLength, step);
  }
}

/** Sums up whole numbers in a register: the typed array wraps them to its own width, as the writer's differences did. */
function undoRun(pixels: RasterArray, from: number, end: number, step: number): void {
  let sum = 0;
  for (let index = from; index < end; index += step) {
    sum = (sum + pixels[index]!) | 0;
    pixels[index] = sum;
  }
}

/** Applies predictor 2 in place; inverse of `undoDifferences`. */
export function applyDifferences(pixels: RasterArray, rowLength: number, step: number): void {
  if (pixels instanceof Uint8Array && step === 1 && rowLength % 4 === 0 && pixels.byteOffset % 4 === 0) {
    applyByteDifferences(pixels, rowLength);
    return;
  }
  for (let start = 0; start + rowLength <= pixels.length; start += rowLength) {
    for (let index = start + rowLength - 1; index >= start + step; index--) {
      pixels[index] = pixels[index]! - pixels[index - step]!;
    }
  }
}

/** `applyDifferences` of one band of bytes, as masks are written: four at a time, each in its part of a word. */
function applyByteDifferences(pixels: Uint8Array, rowLength: number): void {
  const words = new Uint32Array(pixels.buffer, pixels.byteOffset, pixels.length >> 2);
  const count = rowLength / 4;
  for (let start = 0; start + count <= words.length; start += count) {
    let before = 0;
    for (let index = start; index < start + count; index++) {
      const word = words[index]!;
      const left = (word << 8) | (before >>> 24);
      // The top bit of each byte keeps borrows from crossing over, and is put right afterwards.
      words[index] = ((word | 0x80808080) - (left & 0x7f7f7f7f)) ^ ((word ^ ~left) & 0x80808080);
      before = word;
    }
  }
}

/**
 * Undoes TIFF predictor 3 (Adobe Photoshop TIFF Technical Note 3): in each row the bytes stand in planes, most
 * significant first, and each differs from the one `step` before. The result is little-endian.
 */
export function undoFloatPlanes(
  bytes: Uint8Array<ArrayBuffer>,
  rowBytes: number,
  sampleBytes: number,
  step: number,
): void {
  const row = new Uint8Array(rowBytes);
  const count = rowBytes / sampleBytes;
  for (let start = 0; start + rowBytes <= bytes.length; start += rowBytes) {
    for (let index = start + step; index < start + rowBytes; index++) {
      bytes[index] = bytes[index]! + bytes[index - step]!;
    }
    row.set(bytes.subarray(start, start + rowBytes));
    for (let plane = 0; plane < sampleBytes; plane++) {
      const from = plane * count;
      let to = start + sampleBytes - 1 - plane;
      for (let index = 0; index < count; index++, to += sampleBytes) bytes[to] = row[from + index]!;
    }
  }
}

/** Applies predictor 3 in place to little-endian floats; inverse of `undoFloatPlanes`. */
export function applyFloatPlanes(
  bytes: Uint8Array<ArrayBuffer>,
  rowBytes: number,
  sampleBytes: number,
  step: number,
): void {
  if (sampleBytes === 4 && step === 1 && bytes.byteOffset % 4 === 0) {
    applyPlanesOf4(bytes, rowBytes);
    return;
  }
  const row = new Uint8Array(rowBytes);
  const count = rowBytes / sampleBytes;
  for (let start = 0; start + rowBytes <= bytes.length; start += rowBytes) {
    for (let plane = 0; plane < sampleBytes; plane++) {
      const to = plane * count;
      let from = start + sampleBytes - 1 - plane;
      for (let index = 0; index < count; index++, from += sampleBytes) row[to + index] = bytes[from]!;
    }
    for (let index = rowBytes - 1; index >= step; index--) row[index] = row[index]! - row[index - step]!;
    bytes.set(row, start);
  }
}

/** `applyFloatPlanes` of one band of float32, as maps are written: each number is read once, as a whole. */
function applyPlanesOf4(bytes: Uint8Array<ArrayBuffer>, rowBytes: number): void {
  const count = rowBytes / 4;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const row = new Uint8Array(rowBytes);
  for (let start = 0; start + count <= words.length; start += count) {
    // Differences go on across planes: before the first byte of a plane stands the last one of the plane before.
    let before = words[start + count - 1]! >>> 8;
    for (let index = 0; index < count; index++) {
      const word = words[start + index]!;
      row[index] = (word >>> 24) - (index === 0 ? 0 : before >>> 24);
      row[count + index] = (word >>> 16) - (before >>> 16);
      row[2 * count + index] = (word >>> 8) - (before >>> 8);
      row[3 * count + index] = word - before;
      before = word;
    }
    bytes.set(row, start * 4);
  }
}

/** The predictor that suits a dtype: 3 for floats, 2 for integers. */
export const predictorFor = (dtype: RasterDtype): 2 | 3 => (isFloatDtype(dtype) ? 3 : 2);
