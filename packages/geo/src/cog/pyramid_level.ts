import { createRasterArray } from "../raster/array_types.js";
import type { RasterArray } from "../types.js";
import type { ResolvedCogOptions } from "./cog_options.js";
import { downsample } from "./downsample.js";
import { cutTile, type TileEncoder } from "./tile_encoder.js";
import type { TileStore } from "./tile_store.js";

/** One level of the pyramid while its rows arrive: level 0 is the raster itself. */
export interface PyramidLevel {
  readonly width: number;
  readonly height: number;
  readonly store: TileStore;
  /** Takes `count` rows of each band; full rows of tiles are compressed and passed on to the next level at once. */
  addRows(bands: readonly RasterArray[], count: number): Promise<void>;
}

/** Tiles being compressed at one time: zlib works on other threads. */
const tilesInFlight = 6;

/** Sizes of the levels: halved, rounding up, until both sides fit one block (512 at most, as GDAL does). */
export function levelSizes(width: number, height: number, blockSize: number): (readonly [number, number])[] {
  const sizes: (readonly [number, number])[] = [[width, height]];
  const enough = Math.min(blockSize, 512);
  for (let [w, h] = [width, height]; w > enough || h > enough; ) {
    [w, h] = [Math.ceil(w / 2), Math.ceil(h / 2)];
    sizes.push([w, h]);
  }
  return sizes;
}

/** Starts a level that holds one row of tiles at a time and feeds `next`, the level half its size. */
export function createPyramidLevel(
  [width, height]: readonly [number, number],
  store: TileStore,
  next: PyramidLevel | undefined,
  encoder: TileEncoder,
  options: ResolvedCogOptions,
): PyramidLevel {
  const { blockSize, dtype, overviews, nodata } = options;
  const capacity = Math.min(blockSize, height);
  const strip = options.bandNames.map(() => createRasterArray(dtype, capacity * width));
  let held = 0;
  let taken = 0;

  const flush = async (): Promise<void> => {
    const pending: Promise<Uint8Array>[] = [];
    for (let tile = 0; tile * blockSize < width; tile++) {
      if (pending.length >= tilesInFlight) await store.append(await pending.shift()!);
      const encoded = encoder.encode(cutTile(encoder.nextTile(), strip, width, held, tile, options));
      // Awaited in order below; a failure must not count as unhandled while it waits for its turn.
      encoded.catch(() => {});
      pending.push(encoded);
    }
    for (const encoded of pending) await store.append(await encoded);
    if (next !== undefined) {
      const halves = strip.map((band) => downsample(band, width, held, dtype, overviews, nodata));
      await next.addRows(halves, Math.ceil(held / 2));
    }
    held = 0;
  };

  return {
    width,
    height,
    store,
    async addRows(bands, count) {
      for (let done = 0; done < count; ) {
        const rows = Math.min(count - done, capacity - held);
        bands.forEach((band, index) => {
          strip[index]!.set(band.subarray(done * width, (done + rows) * width), held * width);
        });
        held += rows;
        done += rows;
        taken += rows;
        if (held === capacity || taken === height) await flush();
      }
    },
  };
}
