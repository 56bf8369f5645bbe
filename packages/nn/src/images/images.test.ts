import { describe, expect, it } from "vitest";
import type { ByteImage } from "./byte_image.js";
import { centerCropBytes, evalTransform, shorterSideSize } from "./eval_transform.js";
import { resizeBytes } from "./resize_bytes.js";

const gray = (rows: number, cols: number, bytes: number[]): ByteImage => ({
  rows,
  cols,
  channels: 1,
  bytes: Uint8Array.from(bytes),
});

describe("resizeBytes", () => {
  it("gives Pillow's bytes", () => {
    // Weights 3/7, 3/7, 1/7 of the first three pixels and 1/7, 3/7, 3/7 of the last three.
    expect([...resizeBytes(gray(1, 4, [0, 100, 200, 50]), [1, 2], "bilinear").bytes]).toEqual([71, 121]);
    expect([...resizeBytes(gray(1, 2, [10, 20]), [1, 4], "nearest").bytes]).toEqual([10, 10, 20, 20]);
  });

  it("keeps flat pictures flat and bytes within 0 and 255", () => {
    for (const filter of ["bilinear", "bicubic"] as const) {
      const flat = resizeBytes(gray(5, 7, new Array(35).fill(201)), [11, 3], filter);
      expect([...flat.bytes].every((byte) => byte === 201)).toBe(true);
      const edge = resizeBytes(gray(1, 4, [0, 0, 255, 255]), [1, 16], filter);
      expect(edge.bytes[0]).toBe(0);
      expect(edge.bytes[15]).toBe(255);
    }
  });

  it("keeps channels apart", () => {
    const image: ByteImage = { rows: 1, cols: 2, channels: 2, bytes: Uint8Array.of(0, 100, 0, 100) };
    expect([...resizeBytes(image, [1, 3], "bicubic").bytes]).toEqual([0, 100, 0, 100, 0, 100]);
  });

  it("refuses bytes that do not fit", () => {
    expect(() => resizeBytes(gray(2, 2, [1, 2, 3]), [1, 1], "bilinear")).toThrow(/got 3 for 2 x 2 x 1/);
    expect(() => resizeBytes(gray(1, 1, [1]), [0, 1], "bilinear")).toThrow(/at least 1 x 1/);
  });
});

describe("evalTransform", () => {
  it("sizes by the shorter side, truncating the longer", () => {
    expect(shorterSideSize(23, 31, 16)).toEqual([16, 21]);
    expect(shorterSideSize(31, 23, 16)).toEqual([21, 16]);
  });

  it("crops the centre, with zeros where the picture ends", () => {
    expect([...centerCropBytes(gray(1, 4, [1, 2, 3, 4]), 1).bytes]).toEqual([3]);
    expect([...centerCropBytes(gray(1, 1, [9]), 2).bytes]).toEqual([9, 0, 0, 0]);
    expect([...centerCropBytes(gray(1, 3, [1, 2, 3]), 2).bytes]).toEqual([1, 2, 0, 0]);
  });

  it("normalises per channel", () => {
    const image: ByteImage = { rows: 2, cols: 2, channels: 3, bytes: new Uint8Array(12).fill(255) };
    const { values, shape } = evalTransform(image, { resizeShorterSide: 2, centerCrop: 2 });
    expect(shape).toEqual([2, 2, 3]);
    expect(values[0]).toBeCloseTo((1 - 0.485) / 0.229, 5);
    expect(values[2]).toBeCloseTo((1 - 0.406) / 0.225, 5);
    expect(() => evalTransform(image, { mean: [0], std: [1] })).toThrow(/3 channels/);
  });
});
