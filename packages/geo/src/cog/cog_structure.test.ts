import { readdir, readFile } from "node:fs/promises";
import { isGlofError, seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import { crsFromEpsg } from "../crs/crs.js";
import { createRasterArray, dtypeRange, isFloatDtype } from "../raster/array_types.js";
import { openRaster } from "../raster/open_raster.js";
import { hasGdal, runGdal } from "../test_support/gdal.js";
import { useTemporaryFolder } from "../test_support/temporary_folder.js";
import type { Color, RasterArray, RasterGrid } from "../types.js";
import { beginCog } from "./begin_cog.js";
import type { CogDtype, CogOptions } from "./cog_options.js";

const folder = useTemporaryFolder();
const dtypes: CogDtype[] = ["uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"];
const hasZstd = "zstdCompress" in (await import("node:zlib"));

const gridOf = (width: number, height: number): RasterGrid => ({
  ...{ width, height, crs: crsFromEpsg(32645) },
  geoTransform: [483_000, 10, 0, 3_095_000, 0, -10],
});

function noise(dtype: CogDtype, length: number): RasterArray {
  const rng = seededRng(dtype);
  const [lowest, highest] = isFloatDtype(dtype) ? [-1e6, 1e6] : dtypeRange(dtype);
  const pixels = createRasterArray(dtype, length);
  for (let at = 0; at < length; at++) {
    const value = rng.uniform(lowest, highest);
    pixels[at] = at % 7 < 4 ? 3 : isFloatDtype(dtype) ? value : Math.floor(value);
  }
  return pixels;
}

async function write(path: string, options: CogOptions, pixels: RasterArray): Promise<void> {
  const writer = await beginCog(path, options);
  await writer.writeRows(
    options.bandNames.map(() => pixels),
    options.grid.height,
  );
  await writer.close();
}

interface Directory {
  readonly at: number;
  readonly tags: ReadonlyMap<number, readonly number[]>;
}

/** A reader of TIFF directories made for this test alone: it shares nothing with the writer or the package's reader. */
function readDirectories(view: DataView): { isBig: boolean; directories: Directory[] } {
  expect(view.getUint16(0, true)).toBe(0x4949);
  const isBig = view.getUint16(2, true) === 43;
  if (isBig) expect([view.getUint16(4, true), view.getUint16(6, true)]).toEqual([8, 0]);
  else expect(view.getUint16(2, true)).toBe(42);
  const word = (at: number): number =>
    isBig ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
  const sizes: Record<number, number> = { 1: 1, 2: 1, 3: 2, 4: 4, 12: 8, 16: 8 };
  const valueAt = (at: number, type: number): number => {
    if (type === 3) return view.getUint16(at, true);
    if (type === 4) return view.getUint32(at, true);
    if (type === 12) return view.getFloat64(at, true);
    return type === 16 ? Number(view.getBigUint64(at, true)) : view.getUint8(at);
  };
  const directories: Directory[] = [];
  for (let at = word(isBig ? 8 : 4); at !== 0; ) {
    const tags = new Map<number, number[]>();
    const count = isBig ? Number(view.getBigUint64(at, true)) : view.getUint16(at, true);
    let entry = at + (isBig ? 8 : 2);
    let before = 0;
    for (let index = 0; index < count; index++, entry += isBig ? 20 : 12) {
      const [tag, type] = [view.getUint16(entry, true), view.getUint16(entry + 2, true)];
      expect(tag).toBeGreaterThan(before);
      before = tag;
      const values = word(entry + 4);
      const place = entry + (isBig ? 12 : 8);
      const from = values * sizes[type]! <= (isBig ? 8 : 4) ? place : word(place);
      if (from !== place) expect(from % 2, `tag ${tag} on an even place`).toBe(0);
      tags.set(
        tag,
        Array.from({ length: values }, (_, index) => valueAt(from + index * sizes[type]!, type)),
      );
    }
    directories.push({ at, tags });
    at = word(entry);
  }
  return { isBig, directories };
}

/** The rules of a COG: OGC 21-026, and what GDAL's driver documents of its layout. */
function checkCog(bytes: Uint8Array, width: number, height: number): { isBig: boolean; levels: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { isBig, directories } = readDirectories(view);
  const one = ({ tags }: Directory, tag: number): number => tags.get(tag)?.[0] ?? Number.NaN;
  let lastIndexByte = 0;
  let [before, firstData] = [[Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY], Number.POSITIVE_INFINITY];
  directories.forEach((directory, level) => {
    const size = [one(directory, 256), one(directory, 257)];
    if (level === 0) expect(size).toEqual([width, height]);
    else {
      expect(one(directory, 254)).toBe(1);
      expect(size).toEqual([Math.ceil(before[0]! / 2), Math.ceil(before[1]! / 2)]);
    }
    before = size;
    const [tileWidth, tileHeight] = [one(directory, 322), one(directory, 323)];
    expect(tileWidth % 16).toBe(0);
    const tiles = Math.ceil(size[0]! / tileWidth) * Math.ceil(size[1]! / tileHeight);
    const [offsets, counts] = [directory.tags.get(324)!, directory.tags.get(325)!];
    expect([offsets.length, counts.length]).toEqual([tiles, tiles]);
    offsets.forEach((offset, tile) => {
      const count = counts[tile]!;
      expect(view.getUint32(offset - 4, true), "leader").toBe(count);
      expect(bytes.subarray(offset + count, offset + count + 4)).toEqual(
        bytes.subarray(offset + count - 4, offset + count),
      );
      if (tile > 0) expect(offset, "row-major").toBeGreaterThan(offsets[tile - 1]!);
    });
    // Finer levels stand behind coarser ones, so that the head of the file shows the whole picture.
    expect(Math.max(...offsets)).toBeLessThan(firstData);
    firstData = Math.min(...offsets);
    expect(directory.at).toBeGreaterThan(lastIndexByte);
    lastIndexByte = directory.at;
  });
  expect(lastIndexByte).toBeLessThan(firstData);
  const last = directories.at(-1)!;
  expect(Math.max(one(last, 256), one(last, 257))).toBeLessThanOrEqual(512);
  return { isBig, levels: directories.length };
}

const compressions = (["deflate", "none", "zstd"] as const).filter((name) => name !== "zstd" || hasZstd);

describe("structure", () => {
  it.each(dtypes)("is a COG for %s at any size, block and compression, and reads back", async (dtype) => {
    const sizes = [
      [1, 1, 512],
      [16, 16, 16],
      [17, 1, 16],
      [1, 40, 16],
      [33, 70, 32],
      [100, 30, 48],
    ] as const;
    for (const [width, height, blockSize] of sizes) {
      for (const compression of compressions) {
        for (const bigTiff of compression === "none" ? (["auto", "always"] as const) : (["auto"] as const)) {
          const path = folder.at(`${dtype}_${width}_${blockSize}_${compression}_${bigTiff}.tif`);
          const pixels = noise(dtype, width * height);
          await write(
            path,
            {
              ...{ grid: gridOf(width, height), dtype, blockSize, compression, bigTiff },
              ...{ bandNames: ["a", "b"], overviews: "mode" as const },
            },
            pixels,
          );
          const { isBig } = checkCog(new Uint8Array(await readFile(path)), width, height);
          expect(isBig).toBe(bigTiff === "always");
          const raster = await openRaster(path);
          expect(await raster.readWindow({ x: 0, y: 0, width, height })).toEqual([pixels, pixels]);
          await raster.close();
        }
      }
    }
  });
});

describe("colour table", () => {
  const colors: Color[] = [
    [0, 0, 0, 255],
    [10, 128, 255, 255],
    [255, 255, 255, 255],
  ];
  const options: CogOptions = {
    ...{ grid: gridOf(4, 4), dtype: "uint8", bandNames: ["class"] },
    ...{ overviews: "mode", nodata: 255, colorTable: colors },
  };

  it("comes back", async () => {
    await write(folder.at("colors.tif"), options, new Uint8Array(16).fill(1));
    const raster = await openRaster(folder.at("colors.tif"));
    await raster.close();
    expect(raster.bands[0]!.interpretation).toBe("palette");
    expect(raster.bands[0]!.colorTable!.slice(0, 3)).toEqual(colors);
    expect(raster.bands[0]!.colorTable).toHaveLength(256);
  });

  it("is refused where it cannot be", async () => {
    const refused = async (change: Partial<CogOptions>): Promise<boolean> =>
      beginCog(folder.at("no.tif"), { ...options, ...change }).then(
        async (writer) => {
          await writer.abandon();
          return false;
        },
        (error: unknown) => isGlofError(error, "bad-argument"),
      );
    expect(await refused({ bandNames: ["a", "b"] })).toBe(true);
    expect(await refused({ dtype: "float32" })).toBe(true);
    expect(await refused({ colorTable: [[0, 0, 256, 0]] })).toBe(true);
    expect(await refused({ compressionLevel: 10 })).toBe(true);
    expect(await refused({ bigTiff: "never" as "auto" })).toBe(true);
    expect(await refused({})).toBe(false);
  });
});

describe("ZSTD", () => {
  it.skipIf(hasZstd)("is refused by name where Node does not have it, and leaves nothing", async () => {
    const before = await readdir(folder.at("."));
    const options: CogOptions = {
      ...{ grid: gridOf(4, 4), dtype: "uint8", bandNames: ["a"], overviews: "mode", compression: "zstd" },
    };
    await expect(beginCog(folder.at("zstd.tif"), options)).rejects.toMatchObject({
      code: "unsupported-feature",
    });
    expect(await readdir(folder.at("."))).toEqual(before);
  });
});

describe.skipIf(!hasGdal("COG options against GDAL"))("GDAL", () => {
  it("accepts every option and reads the same pixels", async () => {
    const paths: string[] = [];
    const sums: number[] = [];
    for (const compression of compressions) {
      for (const dtype of dtypes) {
        const path = folder.at(`gdal_${compression}_${dtype}.tif`);
        const [width, height] = [70, 41];
        const pixels = noise(dtype, width * height);
        const options: CogOptions = {
          ...{ grid: gridOf(width, height), dtype, blockSize: 32, compression, bandNames: ["a"] },
          ...{ overviews: "nearest", bigTiff: dtype === "int16" ? "always" : "auto", statistics: true },
          ...(dtype === "uint8" && { colorTable: [[1, 2, 3, 255]] as const }),
        };
        await write(path, options, pixels);
        paths.push(path);
        sums.push(Array.from(pixels).reduce((total, value) => total + value, 0));
      }
    }
    const reports = runGdal<[string[], string[], number, number[] | null][]>(
      `
from osgeo_utils.samples import validate_cloud_optimized_geotiff as v
out = []
for path in args:
    ds = gdal.Open(path)
    warnings, errors, details = v.validate(ds, full_check=True)
    b = ds.GetRasterBand(1)
    t = b.GetColorTable()
    out.append([errors, warnings, float(b.ReadAsArray().astype('f8').sum()), list(t.GetColorEntry(0)) if t else None])
print(json.dumps(out))
`,
      paths,
    );
    reports.forEach(([errors, warnings, sum, color], index) => {
      expect([errors, warnings], paths[index]).toEqual([[], []]);
      expect(sum).toBeCloseTo(sums[index]!, 3);
      expect(color).toEqual(paths[index]!.includes("uint8") ? [1, 2, 3, 255] : null);
    });
  }, 60_000);
});
