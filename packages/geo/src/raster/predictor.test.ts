import { seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import type { RasterArray } from "../types.js";
import { applyDifferences, applyFloatPlanes, undoDifferences, undoFloatPlanes } from "./predictor.js";

const rng = seededRng(7);
const randomBytes = (count: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: count }, () => rng.int(256));

/** TIFF 6.0, section 14, a number at a time. */
function plainDifferences<T extends RasterArray>(pixels: T, rowLength: number, step: number): T {
  const out = pixels.slice() as T;
  out.forEach((value, index) => {
    if (index % rowLength >= step) out[index] = value - pixels[index - step]!;
  });
  return out;
}

/** Adobe Photoshop TIFF Technical Note 3, a byte at a time. */
function plainPlanes(bytes: Uint8Array, rowBytes: number, step: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const count = rowBytes / 4;
  for (let start = 0; start < bytes.length; start += rowBytes) {
    const planes = Uint8Array.from({ length: rowBytes }, (_, index) => {
      const [plane, sample] = [Math.floor(index / count), index % count];
      return bytes[start + 4 * sample + 3 - plane]!;
    });
    out.set(
      planes.map((byte, index) => (index < step ? byte : byte - planes[index - step]!)),
      start,
    );
  }
  return out;
}

describe("differences", () => {
  const arrays = { Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array };
  for (const [name, Pixels] of Object.entries(arrays)) {
    it.each([
      [1, 16],
      [1, 7],
      [2, 6],
      [3, 5],
      [4, 1],
      [4, 9],
    ])(`of ${name} with %i bands and %i pixels a row, applied and undone`, (bands, width) => {
      const rowLength = bands * width;
      const pixels = new Pixels(randomBytes(3 * rowLength * Pixels.BYTES_PER_ELEMENT).buffer);
      const differences = pixels.slice();
      applyDifferences(differences, rowLength, bands);
      expect(differences).toEqual(plainDifferences(pixels, rowLength, bands));
      undoDifferences(differences, rowLength, bands);
      expect(differences).toEqual(pixels);
    });
  }

  it("are undone where numbers do not start at a whole word", () => {
    const pixels = new Uint16Array(randomBytes(2 * 17).buffer).subarray(1);
    const differences = new Uint16Array(17).subarray(1);
    differences.set(plainDifferences(pixels, 8, 4));
    undoDifferences(differences, 8, 4);
    expect(differences).toEqual(pixels);
  });
});

describe("planes of float32", () => {
  it.each([
    [1, 16],
    [1, 4],
    [1, 6],
    [1, 1],
    [3, 4],
  ])("with %i bands and %i pixels a row, applied and undone", (bands, width) => {
    const rowBytes = 4 * bands * width;
    const bytes = randomBytes(3 * rowBytes);
    const planes = bytes.slice();
    applyFloatPlanes(planes, rowBytes, 4, bands);
    expect(planes).toEqual(plainPlanes(bytes, rowBytes, bands));
    undoFloatPlanes(planes, rowBytes, 4, bands);
    expect(planes).toEqual(bytes);
  });
});
