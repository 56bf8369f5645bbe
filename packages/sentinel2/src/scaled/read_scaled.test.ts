import type { RasterArray, RasterSource } from "@glof/geo";
import { describe, expect, it } from "vitest";
import type { BandLayer } from "../band_layer.js";
import { layeredScene, type SceneExtras } from "../layered_scene.js";
import type { BandName, Scene } from "../types.js";
import { DEFAULT_VALIDITY } from "../validity/policy.js";
import { readScaled } from "./read_scaled.js";
import { scaleBands } from "./scale_bands.js";

const [width, height] = [19, 11];
const grid = { width, height, geoTransform: [0, 10, 0, 0, 0, -10] as const, crs: undefined };
const bands: readonly BandName[] = ["B02", "B03", "B08"];
const scaling = [
  { mean: 0.1, std: 0.05 },
  { mean: 0.12, std: 0.07, clip: [0, 0.4] as const },
  { mean: 0.3, std: 0.2 },
];
const radiometry = { quantification: 10_000, offsetDn: -1000, saturatedDn: 65_535 };

/** Numbers of all kinds: common ones, 0 in one band and in all, saturated ones, and the declared no-data. */
const numbers = bands.map((_, band) =>
  Uint16Array.from({ length: width * height }, (_, pixel) => {
    if (pixel % 41 === 0 || (pixel % 13 === band && pixel % 2 === 0)) return 0;
    if (pixel % 17 === 5 * band) return 65_535;
    if (pixel % 23 === 7 * band + 1) return 9;
    return 900 + ((pixel * 7919 + band * 104_729) % 9000);
  }),
);

function raster(dtype: "uint8" | "uint16" | "float32", values: RasterArray, nodata?: number): RasterSource {
  return {
    name: "made up",
    grid,
    bands: [{ name: undefined, dtype, nodata, scale: 1, offset: 0 }],
    blockSize: [4, 4],
    readWindow: async ({ x, y, ...size }) => {
      const out = values.slice(0, size.width * size.height);
      for (let row = 0; row < size.height; row++) {
        const from = (y + row) * width + x;
        out.set(values.subarray(from, from + size.width), row * size.width);
      }
      return [out];
    },
    close: async () => {},
  };
}

function sceneOf(extras: SceneExtras, dtype: "uint16" | "float32" = "uint16", nodata?: number): Scene {
  const layers = bands.map((band, index): BandLayer => {
    const values = dtype === "uint16" ? numbers[index]! : Float32Array.from(numbers[index]!);
    return { band, raster: raster(dtype, values, nodata), index: 0, radiometry, ratio: 1 };
  });
  const facts = { id: "made-up", level: "L2A" as const, acquiredAt: undefined, inputs: [] };
  return layeredScene(grid, layers, facts, extras);
}

const classes = Uint8Array.from({ length: width * height }, (_, pixel) => pixel % 12);
const clouds = Uint8Array.from({ length: width * height }, (_, pixel) => pixel % 101);
const layerOf = (values: Uint8Array) => ({ raster: raster("uint8", values), index: 0, ratio: 1 });
const cloudy: SceneExtras = {
  classification: layerOf(classes),
  cloudProbability: layerOf(clouds),
  policy: { ...DEFAULT_VALIDITY, maxCloudProbability: 60 },
};

async function expectSame(scene: Scene): Promise<void> {
  const window = { x: 2, y: 1, width: 15, height: 9 };
  const asked: readonly BandName[] = ["B08", "B02", "B03"];
  const asScaled = asked.map((band) => scaling[bands.indexOf(band)]!);
  const read = await scene.readReflectance(window, asked);
  const pixels = new Float32Array(15 * 9 * 3);
  scaleBands(pixels, read, asScaled);
  // What is there before must not show through.
  const into = { pixels: new Float32Array(15 * 9 * 3).fill(7), validMask: new Uint8Array(15 * 9).fill(7) };
  expect(await readScaled(scene, window, asked, asScaled, { into })).toBe(into);
  expect(into.validMask).toEqual(read.validMask);
  expect(into.pixels).toEqual(pixels);
  expect(new Set(read.validMask)).toEqual(new Set([0, 1]));
}

describe("readScaled", () => {
  it.each<[string, Scene]>([
    ["numbers of 16 bits", sceneOf({})],
    ["numbers of 16 bits with declared no-data", sceneOf({}, "uint16", 9)],
    ["no-data 0", sceneOf({}, "uint16", 0)],
    ["classes and clouds", sceneOf(cloudy)],
    [
      "a margin around missing pixels",
      sceneOf({ ...cloudy, policy: { ...DEFAULT_VALIDITY, erodeEdgePx: 1 } }),
    ],
    ["floats", sceneOf({}, "float32", 9)],
  ])("gives what reflectance gives: %s", (_, scene) => expectSame(scene));

  it("keeps to what a scene around another does to the pixels", async () => {
    const inner = sceneOf({});
    const scene: Scene = {
      ...inner,
      readReflectance: async (...args) => {
        const read = await inner.readReflectance(...args);
        return { ...read, validMask: read.validMask.fill(0) };
      },
    };
    const { pixels, validMask } = await readScaled(
      scene,
      { x: 0, y: 0, width: 4, height: 4 },
      bands,
      scaling,
    );
    expect(new Set(pixels)).toEqual(new Set([0]));
    expect(new Set(validMask)).toEqual(new Set([0]));
  });

  it("refuses what readReflectance refuses, in the same words", async () => {
    const scene = sceneOf({});
    const outside = { x: 10, y: 0, width: 10, height: 4 };
    const expected = await scene.readReflectance(outside, bands).catch((error: Error) => error.message);
    await expect(readScaled(scene, outside, bands, scaling)).rejects.toThrow(expected as string);
    const window = { ...outside, x: 0 };
    await expect(readScaled(scene, window, ["B11"], [scaling[0]!])).rejects.toMatchObject({
      code: "missing-band",
    });
    await expect(
      readScaled(scene, window, bands, scaling, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: "aborted" });
  });
});
