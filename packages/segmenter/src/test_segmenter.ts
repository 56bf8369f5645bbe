import { seededRng } from "@glof/core";
import type { PixelWindow } from "@glof/geo";
import type { BandName, ReflectanceWindow, Scene } from "@glof/sentinel2";
import { buildSmallLakeSegmenterConfig, type SmallLakeSegmenterOptions } from "./default_config.js";
import type { SegmenterConfig } from "./segmenter_config.js";

/** A segmenter small enough for tests on every backend. */
export function tinyConfig(options: SmallLakeSegmenterOptions = {}): SegmenterConfig {
  return buildSmallLakeSegmenterConfig({
    name: "tiny",
    embedDim: 24,
    depth: 2,
    heads: 2,
    decoder: { widths: { patch: 8, half: 8, full: 4 } },
    trainPx: 28,
    tilePx: 28,
    overlapPx: 7,
    ...options,
  });
}

/** Reflectance of a made-up place: a dark round lake on bright, noisy ground. */
export function madeUpWindow(width: number, height: number, bandCount = 4): ReflectanceWindow {
  const rng = seededRng(`lake ${width} x ${height}`);
  const bandsRefl = Array.from({ length: bandCount }, (_, band) =>
    Float32Array.from({ length: width * height }, (_, pixel) => {
      const lake = isLake(pixel, width, height);
      return (lake ? 0.12 - 0.03 * band : 0.2 + 0.05 * band) + 0.02 * rng.normal();
    }),
  );
  return { bandsRefl, validMask: new Uint8Array(width * height).fill(1) };
}

/** Whether a pixel of `madeUpWindow` is lake. */
export function isLake(pixel: number, width: number, height: number): boolean {
  const distance = Math.hypot((pixel % width) - width / 2, Math.floor(pixel / width) - height / 2);
  return distance < Math.min(width, height) / 3;
}

/** A scene in memory over `madeUpWindow`. */
export function madeUpScene(
  width: number,
  height: number,
  bands: readonly BandName[] = ["B02", "B03", "B04", "B08"],
): Scene {
  const { bandsRefl, validMask } = madeUpWindow(width, height, bands.length);
  return {
    id: "made-up",
    grid: { width, height, geoTransform: [0, 10, 0, 0, 0, -10], crs: undefined },
    bands,
    level: "L2A",
    radiometry: {},
    acquiredAt: undefined,
    inputs: [],
    blockRows: 1,
    readReflectance: async (window, asked) => ({
      bandsRefl: asked.map((band) => cut(bandsRefl[bands.indexOf(band)]!, window, width)),
      validMask: cut(validMask, window, width),
    }),
    close: async () => {},
  };
}

function cut<T extends Float32Array | Uint8Array>(values: T, window: PixelWindow, width: number): T {
  const rows = Array.from({ length: window.height }, (_, row) => {
    const start = (window.y + row) * width + window.x;
    return values.slice(start, start + window.width);
  });
  const joined = values.slice(0, window.width * window.height) as T;
  for (const [index, row] of rows.entries()) joined.set(row, index * window.width);
  return joined;
}
