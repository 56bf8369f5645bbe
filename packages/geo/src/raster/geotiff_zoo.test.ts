import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { isGlofError } from "@glof/core";
import { hasShared, sharedPath } from "@glof/test-kit";
import { describe, expect, it } from "vitest";
import type { RasterArray } from "../types.js";
import { openRaster } from "./open_raster.js";

/** What GDAL 3.6.2 read of each file (upper left 1024 x 1024), and how this package compared: `scripts/zoo_table.ts`. */
interface ZooFact {
  readonly verdict: string;
  readonly width: number;
  readonly height: number;
  readonly overviews: number;
  readonly bands: readonly {
    readonly dtype: string;
    readonly sum: number;
    readonly min: number;
    readonly max: number;
    readonly crc32: number;
  }[];
}

const facts = JSON.parse(
  readFileSync(new URL("../test_support/zoo_facts.json", import.meta.url), "utf8"),
) as Readonly<Record<string, ZooFact>>;

async function readUpperLeft(file: string): Promise<{ pixels: RasterArray[]; overviews: number }> {
  const raster = await openRaster(sharedPath(`data/geotiff_zoo/${file}`));
  try {
    const { width, height } = raster.grid;
    const window = { x: 0, y: 0, width: Math.min(width, 1024), height: Math.min(height, 1024) };
    expect([width, height]).toEqual([facts[file]!.width, facts[file]!.height]);
    return { pixels: await raster.readWindow(window), overviews: raster.overviews!.length };
  } finally {
    await raster.close();
  }
}

const bytesOf = (pixels: RasterArray): Uint8Array =>
  new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);

describe.skipIf(!hasShared("data/geotiff_zoo"))("GeoTIFFs of other programs hold GDAL's values", () => {
  const named = (verdict: RegExp): string[] =>
    Object.keys(facts).filter((file) => verdict.test(facts[file]!.verdict));

  it("bit by bit", async () => {
    const equal = named(/^equal$/);
    expect(equal.length).toBe(124);
    for (const file of equal) {
      const { pixels, overviews } = await readUpperLeft(file);
      expect(
        pixels.map((band) => crc32(bytesOf(band))),
        file,
      ).toEqual(facts[file]!.bands.map((band) => band.crc32));
      if (!file.endsWith(".jp2")) expect(overviews, file).toBe(facts[file]!.overviews);
    }
  }, 60_000);

  it("but for 8-bit CMYK, whose four inks come as stored where GDAL makes RGBA", async () => {
    expect(named(/^differs/)).toEqual(["image-tiff-seq/seq-4c-8b-cmyk-352ac1da.tiff"]);
    const raster = await openRaster(sharedPath(`data/geotiff_zoo/${named(/^differs/)[0]}`));
    await raster.close();
    expect(raster.bands.map(({ interpretation }) => interpretation)).toEqual([
      "cyan",
      "magenta",
      "yellow",
      "black",
    ]);
  });

  it("or are refused by name", async () => {
    const refused: Record<string, string> = {};
    for (const file of named(/^refused/)) {
      await readUpperLeft(file).catch((error: unknown) => {
        refused[file] = isGlofError(error)
          ? `${error.code}: ${error.details.feature ?? "cut off"}`
          : String(error);
      });
    }
    expect(refused).toEqual({
      "cogeotiff-js/rgba8_strip.tiff": "unsupported-feature: compression WebP",
      "cogeotiff-js/rgba8_tiled.tiff": "unsupported-feature: compression WebP",
      "cogeotiff-js/sparse.tiff": "unsupported-feature: compression WebP",
      "image-tiff-seq/seq-1c-1b-fax3-71f6a21a.tiff": "unsupported-feature: compression CCITT group 3",
      "image-tiff-seq/seq-1c-1b-fax3-fillbits-71f6a21a.tiff":
        "unsupported-feature: compression CCITT group 3",
      "image-tiff-seq/seq-1c-1b-fax3-lsb-71f6a21a.tiff": "unsupported-feature: compression CCITT group 3",
      "rasterio/corrupt.tif": "corrupt-file: cut off",
    });
  });
});
