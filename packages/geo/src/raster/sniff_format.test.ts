import { describe, expect, it } from "vitest";
import { isTiffStart } from "./open_tiff.js";
import { describeStart } from "./sniff_format.js";

const bytesOf = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
const textOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("describeStart", () => {
  it("names what people hand in by mistake", () => {
    expect(describeStart(bytesOf(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10))).toContain("PNG");
    expect(describeStart(bytesOf(0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10))).toContain("HDF5");
    expect(describeStart(bytesOf(0xff, 0xd8, 0xff, 0xe0))).toContain("JPEG");
    expect(describeStart(bytesOf(0x50, 0x4b, 3, 4))).toContain("zip");
    expect(describeStart(textOf("RIFF1234WEBPVP8 "))).toContain("WebP");
    expect(describeStart(textOf("SQLite format 3\0"))).toContain("GeoPackage");
    expect(describeStart(textOf('<?xml version="1.0"?>'))).toContain("XML");
    expect(describeStart(textOf('{"type": "FeatureCollection"}'))).toContain("JSON");
    expect(describeStart(textOf("ncols 5\nnrows 5"))).toContain("text");
  });

  it("shows the bytes of the rest", () => {
    expect(describeStart(bytesOf(1, 2, 0xab))).toBe("a file that begins with 01 02 ab");
    expect(describeStart(bytesOf())).toBe("an empty file");
  });
});

describe("isTiffStart", () => {
  it("knows both byte orders and sizes", () => {
    for (const start of [
      [0x49, 0x49, 42, 0],
      [0x49, 0x49, 43, 0],
      [0x4d, 0x4d, 0, 42],
      [0x4d, 0x4d, 0, 43],
    ]) {
      expect(isTiffStart(bytesOf(...start))).toBe(true);
    }
    expect(isTiffStart(bytesOf(0x49, 0x49, 0, 42))).toBe(false);
    expect(isTiffStart(bytesOf(0x49, 0x4d, 42, 0))).toBe(false);
    expect(isTiffStart(bytesOf())).toBe(false);
  });
});
