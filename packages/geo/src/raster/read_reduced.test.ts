import { GlofError } from "@glof/core";
import { beforeAll, describe, expect, it } from "vitest";
import { beginCog } from "../cog/begin_cog.js";
import { crsFromEpsg } from "../crs/crs.js";
import { useTemporaryFolder } from "../test_support/temporary_folder.js";
import type { RasterSource } from "../types.js";
import { openRaster } from "./open_raster.js";
import { readReduced } from "./read_reduced.js";

const folder = useTemporaryFolder();
const [width, height] = [130, 70];
const ramp = Float32Array.from(
  { length: width * height },
  (_, at) => (at % width) + 1000 * Math.floor(at / width),
);
const holes = ramp.map((value, at) => (at % 7 === 0 ? -1 : value));

async function write(name: string, pixels: Float32Array, overviews: "average" | "nearest"): Promise<string> {
  const path = folder.at(name);
  const writer = await beginCog(path, {
    grid: { width, height, geoTransform: [5e5, 10, 0, 3e6, 0, -10], crs: crsFromEpsg(32645) },
    dtype: "float32",
    bandNames: ["x"],
    nodata: -1,
    blockSize: 16,
    overviews,
  });
  await writer.writeRows([pixels], height);
  await writer.close();
  return path;
}

/** A source that remembers which level was read. */
function spied(source: RasterSource, read: string[]): RasterSource {
  const wrap = (level: RasterSource): RasterSource => ({
    ...level,
    overviews: (level.overviews ?? []).map(wrap),
    readWindow(window, options) {
      read.push(`${level.grid.width}`);
      return level.readWindow(window, options);
    },
  });
  return wrap(source);
}

let path = "";
beforeAll(async () => {
  path = await write("ramp.tif", ramp, "average");
});

describe("overviews of a COG", () => {
  it("are listed, finest first, over the same outline", async () => {
    const raster = await openRaster(path);
    const sizes = raster.overviews!.map(({ grid }) => [grid.width, grid.height]);
    expect(sizes).toEqual([
      [65, 35],
      [33, 18],
      [17, 9],
      [9, 5],
    ]);
    for (const { grid, bands, blockSize } of raster.overviews!) {
      expect(grid.crs).toEqual(raster.grid.crs);
      expect(bands).toEqual(raster.bands);
      expect(blockSize).toEqual([16, 16]);
      expect(grid.geoTransform[0] + grid.width * grid.geoTransform[1]).toBeCloseTo(5e5 + 1300, 6);
      expect(grid.geoTransform[3] + grid.height * grid.geoTransform[5]).toBeCloseTo(3e6 - 700, 6);
    }
    const [pixels] = await raster.overviews![0]!.readWindow({ x: 3, y: 5, width: 1, height: 1 });
    expect(pixels![0]).toBe((10_006 + 10_007 + 11_006 + 11_007) / 4);
    await raster.close();
  });
});

describe("readReduced", () => {
  it("reads the coarsest level that is fine enough", async () => {
    const raster = await openRaster(path);
    const whole = { x: 0, y: 0, width, height };
    const read: string[] = [];
    const source = spied(raster, read);
    for (const size of [
      [70, 130],
      [140, 260],
      [35, 65],
      [34, 64],
      [18, 33],
      [5, 9],
      [1, 1],
    ] as const) {
      await readReduced(source, whole, size);
    }
    await readReduced(source, { x: 10, y: 10, width: 20, height: 20 }, [10, 10]);
    expect(read).toEqual(["130", "130", "65", "65", "33", "9", "9", "65"]);
    await raster.close();
  });

  it("averages by covered area and leaves no-data out", async () => {
    const raster = { ...(await openRaster(await write("holes.tif", holes, "nearest"))), overviews: [] };
    const window = { x: 3, y: 2, width: 41, height: 29 };
    const [rows, cols] = [6, 7];
    const [got] = await readReduced(raster, window, [rows, cols]);
    for (let row = 0; row < rows; row++) {
      for (let col = 0; col < cols; col++) {
        const [left, right] = [3 + (col * 41) / cols, 3 + ((col + 1) * 41) / cols];
        const [top, bottom] = [2 + (row * 29) / rows, 2 + ((row + 1) * 29) / rows];
        let [sum, weight] = [0, 0];
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const part =
              Math.max(0, Math.min(right, x + 1) - Math.max(left, x)) *
              Math.max(0, Math.min(bottom, y + 1) - Math.max(top, y));
            if (holes[y * width + x] === -1) continue;
            sum += part * holes[y * width + x]!;
            weight += part;
          }
        }
        expect(got![row * cols + col]).toBeCloseTo(sum / weight, 2);
      }
    }
    await raster.close();
  });

  it("takes the pixel under the centre, enlarges, and keeps types", async () => {
    const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const source: RasterSource = {
      name: "eight",
      grid: { width: 4, height: 2, geoTransform: [0, 1, 0, 0, 0, -1], crs: undefined },
      bands: [{ name: undefined, dtype: "uint8", nodata: 1, scale: 1, offset: 0 }],
      blockSize: [2, 4],
      readWindow: async (window) => [
        Uint8Array.from(
          { length: window.width * window.height },
          (_, at) => pixels[(window.y + Math.floor(at / window.width)) * 4 + window.x + (at % window.width)]!,
        ),
      ],
      close: async () => {},
    };
    const whole = { x: 0, y: 0, width: 4, height: 2 };
    expect(await readReduced(source, whole, [1, 2], { resampling: "nearest" })).toEqual([
      Uint8Array.of(6, 8),
    ]);
    expect(await readReduced(source, whole, [1, 2])).toEqual([Uint8Array.of(4, 6)]);
    const top = { x: 0, y: 0, width: 1, height: 1 };
    expect(await readReduced(source, top, [2, 2])).toEqual([Uint8Array.of(1, 1, 1, 1)]);
    expect(await readReduced(source, { ...whole, height: 1 }, [1, 8], { resampling: "nearest" })).toEqual([
      Uint8Array.of(1, 1, 2, 2, 3, 3, 4, 4),
    ]);
  });

  it("refuses impossible requests", async () => {
    const raster = await openRaster(path);
    const whole = { x: 0, y: 0, width, height };
    const refusal = expect.toSatisfy((error) => error instanceof GlofError && error.code === "bad-argument");
    await expect(readReduced(raster, whole, [0, 5])).rejects.toEqual(refusal);
    await expect(readReduced(raster, { ...whole, width: 131 }, [5, 5])).rejects.toEqual(refusal);
    await expect(readReduced(raster, whole, [5, 5], { bands: [1] })).rejects.toEqual(refusal);
    await expect(readReduced(raster, whole, [5, 5], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "aborted",
    });
    await raster.close();
  });
});
