import { describe, expect, it } from "vitest";
import { downsample } from "./downsample.js";

describe("downsample", () => {
  it("rounds sizes up, and lets odd edges count alone", () => {
    const out = downsample(
      Float32Array.of(0, 2, 8, 2, 4, 16, 1, 3, 7),
      3,
      3,
      "float32",
      "average",
      undefined,
    );
    expect([...out]).toEqual([2, 12, 2, 7]);
  });

  it("averages what is valid", () => {
    expect([...downsample(Uint8Array.of(255, 1, 255, 2), 2, 2, "uint8", "average", 255)]).toEqual([2]);
    expect([...downsample(Uint8Array.of(9, 9, 9, 9), 2, 2, "uint8", "average", 9)]).toEqual([9]);
    expect([...downsample(Float64Array.of(Number.NaN, 1, 4, -1), 2, 2, "float64", "average", -1)]).toEqual([
      2.5,
    ]);
    expect([...downsample(new Float32Array(4).fill(Number.NaN), 2, 2, "float32", "average", -1)]).toEqual([
      -1,
    ]);
    // A mean of 5 would read as no data.
    expect([...downsample(Uint8Array.of(4, 6, 4, 6), 2, 2, "uint8", "average", 5)]).toEqual([6]);
  });

  it("rounds integer means half up, negative ones too", () => {
    expect([...downsample(Int16Array.of(-1, -2, -1, -2), 2, 2, "int16", "average", undefined)]).toEqual([-1]);
  });

  it("takes the commonest class, never no-data where there is another", () => {
    expect([...downsample(Uint8Array.of(255, 255, 255, 1), 2, 2, "uint8", "mode", 255)]).toEqual([1]);
    expect([...downsample(Uint8Array.of(0, 1, 1, 0), 2, 2, "uint8", "mode", 255)]).toEqual([1]);
    expect([...downsample(new Uint8Array(4).fill(255), 2, 2, "uint8", "mode", 255)]).toEqual([255]);
  });

  it("takes the upper left pixel for nearest", () => {
    expect([...downsample(Int32Array.of(1, 2, 3, 4, 5, 6), 3, 2, "int32", "nearest", undefined)]).toEqual([
      1, 3,
    ]);
  });
});

describe("downsample of probabilities", () => {
  it.each([
    [4, 2],
    [5, 3],
    [1, 1],
    [3, 1],
    [1, 4],
  ])("means what is there of %i x %i pixels", (width, height) => {
    const pixels = Float32Array.from({ length: width * height }, (_, index) =>
      index % 7 === 3 ? Number.NaN : (index * index) / 8,
    );
    const expected: number[] = [];
    for (let row = 0; row < height; row += 2) {
      for (let col = 0; col < width; col += 2) {
        const rows = [row, Math.min(row + 1, height - 1)];
        const cols = [col, Math.min(col + 1, width - 1)];
        const there = rows
          .flatMap((y) => cols.map((x) => pixels[y * width + x]!))
          .filter((value) => !Number.isNaN(value));
        expected.push(there.reduce((sum, value) => sum + value, 0) / there.length);
      }
    }
    expect([...downsample(pixels, width, height, "float32", "average", Number.NaN)]).toEqual(
      expected.map(Math.fround),
    );
  });
});
