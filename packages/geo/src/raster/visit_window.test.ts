import { describe, expect, it } from "vitest";
import { beginCog } from "../cog/begin_cog.js";
import { crsFromEpsg } from "../crs/crs.js";
import { hasGdal, runGdal } from "../test_support/gdal.js";
import { useTemporaryFolder } from "../test_support/temporary_folder.js";
import type { PixelWindow, RasterSource } from "../types.js";
import { openRaster } from "./open_raster.js";
import { visitWindow } from "./visit_window.js";

const folder = useTemporaryFolder();
const [width, height] = [70, 41];
const window = { x: 5, y: 9, width: 60, height: 30 };

async function writeStack(path: string): Promise<void> {
  const geoTransform = [483_000, 10, 0, 3_095_000, 0, -10] as const;
  const grid = { width, height, geoTransform, crs: await crsFromEpsg(32645) };
  const bandNames = ["B02", "B03", "B08"];
  const cog = await beginCog(path, {
    ...{ grid, dtype: "uint16", bandNames, overviews: "nearest", blockSize: 16 },
  });
  const numbers = bandNames.map((_, band) =>
    Uint16Array.from({ length: width * height }, (_, pixel) => 3 * pixel + 1000 * band),
  );
  await cog.writeRows(numbers, height);
  await cog.close();
}

/** What the pieces say, put together; every number comes once. */
async function gathered(raster: RasterSource, asked: PixelWindow, bands: readonly number[]) {
  const out = bands.map(() => new Array<number>(asked.width * asked.height).fill(-1));
  let pieces = 0;
  const visit: Parameters<typeof visitWindow>[2] = (piece) => {
    pieces++;
    for (const { place, start } of piece.bands) {
      for (let row = 0; row < piece.height; row++) {
        for (let col = 0; col < piece.width; col++) {
          const at = (piece.y + row) * asked.width + piece.x + col;
          expect(out[place]![at]).toBe(-1);
          out[place]![at] = piece.pixels[start + row * piece.rowStep + col * piece.pixelStep]!;
        }
      }
    }
  };
  await visitWindow(raster, asked, visit, { bands });
  return { out, pieces };
}

describe("visitWindow", () => {
  const bands = [2, 0, 2];

  it("shows blocks of pixels whose bands lie side by side", async () => {
    await writeStack(folder.at("stack.tif"));
    const raster = await openRaster(folder.at("stack.tif"));
    const { out, pieces } = await gathered(raster, window, bands);
    const read = await raster.readWindow(window, { bands });
    expect(out).toEqual(read.map((band) => [...band]));
    expect(pieces).toBe(15);
    const outside = visitWindow(raster, { ...window, x: 20 }, () => {});
    await expect(outside).rejects.toMatchObject({ code: "bad-argument" });
    await expect(visitWindow(raster, window, () => {}, { bands: [3] })).rejects.toThrow(/bands 0 to 2/);
    await raster.close();
  });

  it.runIf(hasGdal("blocks of single bands"))(
    "shows blocks of bands that lie one after the other",
    async () => {
      await writeStack(folder.at("stack.tif"));
      const options = ["INTERLEAVE=BAND", "TILED=YES", "BLOCKXSIZE=32", "BLOCKYSIZE=16", "COMPRESS=DEFLATE"];
      const paths = [folder.at("planes.tif"), folder.at("stack.tif")];
      const script = "gdal.Translate(*args[0], creationOptions=args[1])\nprint(1)";
      runGdal(script, [paths, options]);
      const raster = await openRaster(folder.at("planes.tif"));
      const { out, pieces } = await gathered(raster, window, bands);
      expect(out).toEqual((await raster.readWindow(window, { bands })).map((band) => [...band]));
      // Three columns and three rows of blocks in each of two planes.
      expect(pieces).toBe(18);
      await raster.close();
    },
  );

  it("keeps to what a raster around another reads", async () => {
    await writeStack(folder.at("stack.tif"));
    const raster = await openRaster(folder.at("stack.tif"));
    const doubled: RasterSource = {
      ...raster,
      readWindow: async (...asked) =>
        (await raster.readWindow(...asked)).map((band) => band.map((n) => 2 * n)),
    };
    const { out, pieces } = await gathered(doubled, window, bands);
    expect(out).toEqual((await doubled.readWindow(window, { bands })).map((band) => [...band]));
    expect(pieces).toBe(3);
    await raster.close();
  });
});
