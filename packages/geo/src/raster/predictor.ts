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
  if (pixels instanceof Uint16Array && pixels.byteOffset % 4 === 0 && rowLength % 2 === 0) {
    const undo = { 1: undoShorts, 4: undoShortsOf4 }[step];
    undo?.(asWords(pixels), rowLength / 2);
    if (undo !== undefined) return;
  }
  for (let start = 0; start + rowLength <= pixels.length; start += rowLength) {
    for (let sample = start; sample < start + step; sample++)
      undoRun(pixels, sample, start + rowLength, step);
  }
}

/** Whole words of four bytes. */
const asWords = ({ buffer, byteOffset, byteLength }: RasterArray): Uint32Array =>
  new Uint32Array(buffer, byteOffset, byteLength >> 2);

/** One band of 16 bits, as it lies in most bands of Sentinel-2: two numbers at a time. */
function undoShorts(words: Uint32Array, rowWords: number): void {
  for (let start = 0; start + rowWords <= words.length; start += rowWords) {
    let sum = 0;
    for (let index = start; index < start + rowWords; index++) {
      const word = words[index]!;
      const first = (sum + word) & 0xffff;
      sum = first + (word >>> 16);
      words[index] = (sum << 16) | first;
    }
  }
}

/** Four bands of 16 bits side by side, as a model's scene is stacked: each word holds the sums of two of them. */
function undoShortsOf4(words: Uint32Array, rowWords: number): void {
  for (let start = 0; start + rowWords <= words.length; start += rowWords) {
    let [left, right] = [0, 0];
    for (let index = start; index < start + rowWords; index += 2) {
      left = addShorts(left, words[index]!);
      right = addShorts(right, words[index + 1]!);
      words[index] = left;
      words[index + 1] = right;
    }
  }
}

/** Two sums of 16 bits in one: the top bit of each keeps carries from crossing over, and is put right afterwards. */
const addShorts = (a: number, b: number): number =>
  ((a & 0x7fff7fff) + (b & 0x7fff7fff)) ^ ((a ^ b) & 0x80008000);

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
  const words = asWords(pixels);
  const count = rowLength / 4;
  for (let start = 0; start + count <= words.length; start += count) {
    let before = 0;
    for (let index = start; index < start + count; index++) {
      const word = words[index]!;
      words[index] = subtractBytes(word, (word << 8) | (before >>> 24));
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
  if (sampleBytes === 4 && step === 1 && rowBytes % 16 === 0 && bytes.byteOffset % 4 === 0) {
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

/**
 * `applyFloatPlanes` of one band of float32, as maps are written: the differences of four numbers are taken byte by byte in words,
 * and their 4 x 4 bytes turned over to words of the planes.
 */
function applyPlanesOf4(bytes: Uint8Array<ArrayBuffer>, rowBytes: number): void {
  const words = asWords(bytes);
  const count = rowBytes / 4;
  const planes = new Uint32Array(count);
  const [second, third, fourth] = [count / 4, count / 2, (3 * count) / 4];
  for (let start = 0; start + count <= words.length; start += count) {
    // Differences go on across planes: before the first byte of a plane stands the last one of the plane before.
    let before = words[start + count - 1]! >>> 8;
    for (let index = 0; index < second; index++) {
      const at = start + 4 * index;
      const a = subtractBytes(words[at]!, before);
      const b = subtractBytes(words[at + 1]!, words[at]!);
      const c = subtractBytes(words[at + 2]!, words[at + 1]!);
      before = words[at + 3]!;
      const d = subtractBytes(before, words[at + 2]!);
      // Bytes 0 and 2, and bytes 1 and 3, of two numbers each.
      const even = (a & 0x00ff00ff) | ((b & 0x00ff00ff) << 8);
      const odd = ((a >>> 8) & 0x00ff00ff) | (b & 0xff00ff00);
      const nextEven = (c & 0x00ff00ff) | ((d & 0x00ff00ff) << 8);
      const nextOdd = ((c >>> 8) & 0x00ff00ff) | (d & 0xff00ff00);
      planes[index] = (odd >>> 16) | (nextOdd & 0xffff0000);
      planes[second + index] = (even >>> 16) | (nextEven & 0xffff0000);
      planes[third + index] = (odd & 0xffff) | (nextOdd << 16);
      planes[fourth + index] = (even & 0xffff) | (nextEven << 16);
    }
    words.set(planes, start);
  }
}

/** Four differences of bytes in one: the top bit of each keeps borrows from crossing over, and is put right afterwards. */
const subtractBytes = (a: number, b: number): number =>
  ((a | 0x80808080) - (b & 0x7f7f7f7f)) ^ ((a ^ ~b) & 0x80808080);

/** The predictor that suits a dtype: 3 for floats, 2 for integers. */
export const predictorFor = (dtype: RasterDtype): 2 | 3 => (isFloatDtype(dtype) ? 3 : 2);
