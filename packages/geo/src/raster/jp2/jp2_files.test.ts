import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { isGlofError, seededRng } from "@glof/core";
import { hasShared, sharedPath } from "@glof/test-kit";
import { describe, expect, it } from "vitest";
import type { RasterArray, RasterSource } from "../../types.js";
import { openRaster } from "../open_raster.js";

/** Made by test_files/make_test_files.py with GDAL 3.6.2. */
const fileAt = (name: string): string => fileURLToPath(new URL(`./test_files/${name}`, import.meta.url));
const [width, height] = [90, 70];

/** The formula of make_test_files.py. */
function pixelAt(band: number, x: number, y: number, dtype: string): number {
  const value = 50 * band + (Math.floor((x * x + 3 * y * y + 7 * x * y) / 8) % 151);
  return dtype === "uint8" ? value % 256 : value * 20 - (dtype === "int16" ? 2000 : 0);
}

const utm = { geoTransform: [500000, 10, 0, 3000000, 0, -20], epsg: 32645 };
const files: readonly [name: string, bands: number, dtype: string, place: typeof utm | undefined][] = [
  ["lrcp.jp2", 1, "uint16", utm],
  ["rlcp.jp2", 1, "uint16", utm],
  ["rpcl.jp2", 1, "uint16", utm],
  ["pcrl.jp2", 1, "uint16", utm],
  ["cprl.jp2", 1, "uint16", utm],
  ["rgb_parts.jp2", 3, "uint8", utm],
  ["components.jp2", 3, "uint16", utm],
  ["layers.jp2", 1, "uint16", utm],
  ["signed.jp2", 1, "int16", utm],
  ["twelve_bits.jp2", 1, "uint16", { ...utm, epsg: 32733 }],
  ["palette.jp2", 1, "uint8", utm],
  ["bare.j2k", 1, "uint16", undefined],
  ["gml_3035.jp2", 1, "uint16", { ...utm, epsg: 3035 }],
  ["gml2_4326.jp2", 1, "uint16", { geoTransform: [86, 0.25, 0, 28, 0, -0.5], epsg: 4326 }],
];

const whole = ({ grid }: RasterSource) => ({ x: 0, y: 0, width: grid.width, height: grid.height });

const sha256 = (bands: readonly RasterArray[]): string => {
  const hash = createHash("sha256");
  for (const band of bands) hash.update(new Uint8Array(band.buffer, band.byteOffset, band.byteLength));
  return hash.digest("hex");
};

describe("files by GDAL", () => {
  it.each(files)("reads any window of %s", async (name, bandCount, dtype, place) => {
    const raster = await openRaster(fileAt(name));
    expect(raster.bands.map((band) => band.dtype)).toEqual(Array(bandCount).fill(dtype));
    expect(raster.bands.every((band) => band.nodata === undefined)).toBe(true);
    expect([raster.grid.width, raster.grid.height]).toEqual([width, height]);
    expect(raster.grid.geoTransform).toEqual(place?.geoTransform ?? [0, 1, 0, 0, 0, 1]);
    expect(raster.grid.crs?.epsg).toBe(place?.epsg);
    const rng = seededRng(name);
    for (let trial = 0; trial < 12; trial++) {
      const [x, y] = trial === 0 ? [0, 0] : [rng.int(width), rng.int(height)];
      const [w, h] = trial === 0 ? [width, height] : [1 + rng.int(width - x), 1 + rng.int(height - y)];
      const wanted = rng.int(2) === 0 ? undefined : [rng.int(bandCount)];
      const read = await raster.readWindow(
        { x, y, width: w, height: h },
        wanted === undefined ? {} : { bands: wanted },
      );
      const expected = (wanted ?? raster.bands.map((_, band) => band)).map((band) =>
        Array.from({ length: w * h }, (_, index) =>
          pixelAt(band, x + (index % w), y + Math.floor(index / w), dtype),
        ),
      );
      expect(read.map((pixels) => [...pixels])).toEqual(expected);
    }
    await raster.close();
  });

  it("reads lossy pixels as GDAL does", async () => {
    const raster = await openRaster(fileAt("lossy.jp2"));
    expect(sha256(await raster.readWindow(whole(raster)))).toBe(
      "65394c88867b45e2ccd0d0a44b9b72296a3a565cbf768399795e48a88079a39c",
    );
    await raster.close();
  });

  it("keeps colours: a palette, red, green and blue", async () => {
    const palette = await openRaster(fileAt("palette.jp2"));
    expect(palette.bands[0]!.interpretation).toBe("palette");
    expect(palette.bands[0]!.colorTable).toHaveLength(256);
    expect(palette.bands[0]!.colorTable![100]).toEqual([100, 155, 50, 255]);
    await palette.close();
    const picture = await openRaster(fileAt("rgb_parts.jp2"));
    expect(picture.bands.map((band) => band.interpretation)).toEqual(["red", "green", "blue"]);
    await picture.close();
  });

  it("names the feature it cannot read", async () => {
    const error = await openRaster(fileAt("four_components.jp2")).catch((thrown: unknown) => thrown);
    expect(isGlofError(error, "unsupported-feature")).toBe(true);
    expect(String(error)).toContain("4 components");
  });

  it("reads from a Blob and from bytes", async () => {
    const bytes = new Uint8Array(readFileSync(fileAt("lrcp.jp2")));
    for (const source of [new Blob([bytes]), bytes.buffer]) {
      const raster = await openRaster(source);
      const [pixels] = await raster.readWindow({ x: 36, y: 32, width: 2, height: 2 });
      expect([...pixels!]).toEqual(
        [36, 37, 36, 37].map((x, at) => pixelAt(0, x, at < 2 ? 32 : 33, "uint16")),
      );
      await raster.close();
    }
  });

  it("refuses windows and bands that are not there, and stops when told to", async () => {
    const raster = await openRaster(fileAt("lrcp.jp2"));
    const code = (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => "no error",
        (error: unknown) => (isGlofError(error) ? error.code : error),
      );
    expect(await code(raster.readWindow({ x: 0, y: 0, width: width + 1, height: 1 }))).toBe("bad-argument");
    expect(await code(raster.readWindow(whole(raster), { bands: [1] }))).toBe("bad-argument");
    expect(await code(raster.readWindow(whole(raster), { signal: AbortSignal.abort() }))).toBe("aborted");
    await raster.close();
  });
});

/** SHA-256 of all pixels as GDAL 3.6.2 reads them: the image, then its overviews, where GDAL has some. */
const sentinel: Readonly<Record<string, readonly string[]>> = {
  "geotiff_zoo/sentinel-jp2/B02.jp2": ["b81ced7c5a0d21faacc1de99a94d12b03065c6a61ae1141c4b0d1b7d7592b392"],
  "geotiff_zoo/sentinel-jp2/SCL_T01CDM_60m.jp2": [
    "1b7ea0ea5a2c4c8f86381521acf50efd95b7d42bd66e4b5a0e99f76d733ec9e2",
    "057bad76380db99f4bfe3cf514ef50f216c90288558e854a3ad08c23321b3734",
    "09c9618af0abf53cfc082c8c146455e1aa66037d93f874c2bbafc049589bf92d",
    "45d9b24e4808776322dedc0e1467f0e12f1d38e9ee2e31fed1919ccf16c1401f",
    "278a0b3ba47b9f45faf4be4ba1307c54e5e3ba87ea2a581a7fa693561ede6f0b",
  ],
  "t11upt_l2a_60m_jp2/T11UPT_20200804T183919_B02_60m.jp2": [
    "724a6dfa089dd901f855dae7ca50d7772398c8f13f5af58332338ee29bf4377d",
    "b37e503d4c8c2afb318af8fe4412b6688fc8ddb59ccf293752072d7e3ab98106",
    "019d3a40974253268c9d13b330b39a341491533aa45196cec284835dc7478a1b",
    "9712cf0df9b90216466381a7e85b53d0dc40ce6aa997409e1d1855958a6628ee",
    "1ba4e996578357669d33762497fb63647ac423b71c072ecb01f8b1663003b784",
  ],
  "t11upt_l2a_60m_jp2/T11UPT_20200804T183919_SCL_60m.jp2": [
    "f3d8a4fd729d5e23a6a4e07172943f5be59bcc4869749954f4917806b5dc5d8a",
    "6d5df01b39a095958a5d9149752a5809b440ff5ee0246d8061b10a7b532769ce",
    "3e2356ff07880bae424bfc20e167436f5f1c22a95161f961a48635bf48f5a38c",
    "9c637a217a320eb6fac374a4d2a888ba4011b7f172322e064cfc4de6ec198148",
    "2b871a6bcf06e51ab600f7027e23c5fb6a20b13eb9f49c12f30e8b5cb289271b",
  ],
};

describe.skipIf(!hasShared("data"))("Sentinel-2", () => {
  it.each(Object.entries(sentinel))("reads %s as GDAL does, overviews too", async (name, hashes) => {
    const raster = await openRaster(sharedPath(`data/${name}`));
    expect(raster.overviews!.length).toBeGreaterThanOrEqual(hashes.length - 1);
    for (const [index, hash] of hashes.entries()) {
      const level = index === 0 ? raster : raster.overviews![index - 1]!;
      expect(sha256(await level.readWindow(whole(level))), `level ${index}`).toBe(hash);
    }
    await raster.close();
  });

  it("reads a window over HTTP by few ranges", async () => {
    const bytes = readFileSync(sharedPath("data/t11upt_l2a_60m_jp2/T11UPT_20200804T183919_B02_60m.jp2"));
    let sent = 0;
    const server = createServer((request, response) => {
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "")!.map(Number);
      const part = bytes.subarray(from!, to! + 1);
      sent += part.length;
      response.writeHead(206, {
        "content-range": `bytes ${from}-${from! + part.length - 1}/${bytes.length}`,
      });
      response.end(part);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    try {
      const raster = await openRaster(`http://127.0.0.1:${(server.address() as AddressInfo).port}/B02.jp2`);
      const [pixels] = await raster.readWindow({ x: 1000, y: 500, width: 5, height: 1 });
      // By GDAL.
      expect([...pixels!]).toEqual([353, 475, 312, 313, 305]);
      await raster.close();
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    // Headers on the way to the tile, in pieces of 64 KiB, and the tile: a part of the 3.7 MB.
    expect(sent).toBeLessThan(bytes.length / 2);
  });

  it("places GMLJP2 rasters as GDAL does", async () => {
    const raster = await openRaster(sharedPath("data/t11upt_l2a_60m_jp2/T11UPT_20200804T183919_B02_60m.jp2"));
    expect(raster.grid.geoTransform).toEqual([600000, 60, 0, 5800020, 0, -60]);
    expect(raster.grid.crs?.epsg).toBe(32611);
    expect(raster.blockSize).toEqual([192, 192]);
    expect(raster.overviews!.map((level) => level.grid.width)).toEqual([915, 458, 229, 115]);
    expect(raster.overviews![0]!.grid.geoTransform[1]).toBe(120);
    await raster.close();
  });
});
