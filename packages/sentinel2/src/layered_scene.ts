import { GlofError, throwIfAborted } from "@glof/core";
import { type PixelWindow, type RasterGrid, type RasterSource, readReduced } from "@glof/geo";
import { type BandLayer, type LayerPixels, RAW_ZERO, toReflectance } from "./band_layer.js";
import { requireBands } from "./band_names.js";
import { byRaster } from "./by_raster.js";
import { type ClassLayer, layerWindow, readClasses, sceneLayer } from "./class_layer.js";
import { resampleLayer, sourceWindow } from "./resample.js";
import { setScaledReader } from "./scaled/read_scaled.js";
import { scaledReader } from "./scaled/scaled_reader.js";
import { checkWindow } from "./scene_grid.js";
import type { BandName, ReadReflectanceOptions, ReflectanceWindow, Resampling, Scene } from "./types.js";
import { addClassReasons, addEdgeReasons, padWindow } from "./validity/apply_policy.js";
import type { ValidityPolicy } from "./validity/policy.js";
import { INVALID_REASONS } from "./validity/reasons.js";
import { forSetBytes, validWhere, wordsOf } from "./validity/set_bytes.js";
import { withNodata } from "./with_nodata.js";

/** What every door knows of its scene beside the layers. */
export type SceneFacts = Pick<Scene, "id" | "level" | "acquiredAt" | "inputs" | "product" | "sensor">;

/** What else a scene may have and want. */
export interface SceneExtras {
  readonly classification?: ClassLayer | undefined;
  readonly cloudProbability?: ClassLayer | undefined;
  /** Default: numbers alone decide. */
  readonly policy?: ValidityPolicy | undefined;
  /** Default: bilinear to finer pixels, area to coarser ones. */
  readonly resampling?: Resampling | undefined;
  /** Whatever else is to be closed with the scene. */
  readonly close?: () => Promise<void>;
}

/** A scene over band layers on one grid. It owns the rasters: `close` closes them. */
export function layeredScene(
  grid: RasterGrid,
  layers: readonly BandLayer[],
  facts: SceneFacts,
  extras: SceneExtras = {},
): Scene {
  const bands = layers.map((layer) => layer.band);
  const { classification, cloudProbability, policy } = extras;
  const beside = [classification, cloudProbability].flatMap((layer) => (layer ? [layer] : []));
  const rasters = [...new Set([...layers, ...beside].map((layer) => layer.raster))];
  const where = `readReflectance(${facts.id})`;
  const check = (window: PixelWindow, asked: readonly BandName[], options: ReadReflectanceOptions): void => {
    requireBands({ id: facts.id, bands }, asked, where);
    checkWindow(window, grid, where);
    checkSize(options.outputSize, where);
    throwIfAborted(options.signal, where);
  };
  const scene: Scene = {
    ...facts,
    grid,
    bands,
    radiometry: Object.fromEntries(layers.map((layer) => [layer.band, layer.radiometry])),
    blockRows: Math.max(1, ...layers.map((layer) => Math.round(layer.raster.blockSize[0] * layer.ratio))),
    ...(policy && { validityPolicy: policy }),
    ...(classification && { classification: sceneLayer(classification, grid, where) }),
    ...(cloudProbability && { cloudProbability: sceneLayer(cloudProbability, grid, where) }),
    readReflectance: async (window, asked, options = {}) => {
      check(window, asked, options);
      const wanted = asked.map((band) => layers[bands.indexOf(band)]!);
      return readScene(grid, wanted, extras, window, options);
    },
    close: async () => {
      await Promise.all(rasters.map((raster) => raster.close()));
      await extras.close?.();
    },
  };
  const readFast = scaledReader(layers, extras);
  setScaledReader(scene, async (window, asked, scaling, into, signal) => {
    check(window, asked, { signal });
    return readFast(window, asked, scaling, into, signal);
  });
  return scene;
}

function checkSize(size: readonly [number, number] | undefined, where: string): void {
  if (!size || (size.length === 2 && size.every((length) => Number.isSafeInteger(length) && length >= 1)))
    return;
  throw new GlofError(
    "bad-argument",
    `${where}: expected an outputSize [rows, cols] of at least 1 x 1, got ${size.join(" x ")}. Correct the call.`,
    { outputSize: size },
  );
}

async function readScene(
  grid: RasterGrid,
  layers: readonly BandLayer[],
  extras: SceneExtras,
  asked: PixelWindow,
  options: ReadReflectanceOptions,
): Promise<ReflectanceWindow> {
  const policy = options.ignoreClassification ? undefined : extras.policy;
  const margin = options.outputSize ? 0 : (policy?.erodeEdgePx ?? 0);
  const window = padWindow(asked, margin, grid);
  const [rows, cols] = options.outputSize ?? [window.height, window.width];
  const seesClouds = policy?.maxCloudProbability !== undefined;
  const [pixels, classes, cloudPercent] = await Promise.all([
    readLayers(layers, window, extras.resampling, options),
    policy && extras.classification && readClasses(extras.classification, window, options),
    seesClouds && extras.cloudProbability ? readClasses(extras.cloudProbability, window, options) : undefined,
  ]);
  const reasons = combine(pixels, rows * cols);
  if (policy) addClassReasons(reasons, policy, classes, cloudPercent);
  if (margin > 0) addEdgeReasons(reasons, cols, margin);
  const inner = { x: asked.x - window.x, y: asked.y - window.y, width: asked.width, height: asked.height };
  const crop = <T extends Float32Array | Uint8Array>(values: T): T =>
    margin === 0 ? values : cropRows(values, window.width, inner);
  const invalidReasons = crop(reasons);
  return {
    bandsRefl: pixels.map((layer) => crop(layer.refl)),
    validMask: validWhere(invalidReasons),
    ...(options.reasons && { invalidReasons }),
  };
}

function readLayers(
  layers: readonly BandLayer[],
  window: PixelWindow,
  method: Resampling | undefined,
  options: ReadReflectanceOptions,
): Promise<LayerPixels[]> {
  return byRaster(layers, (raster, group) =>
    options.outputSize
      ? readSmaller(raster, group, window, method, options.outputSize, options.signal)
      : readGroup(raster, group, window, method, options.signal),
  );
}

async function readGroup(
  raster: RasterSource,
  group: readonly BandLayer[],
  window: PixelWindow,
  method: Resampling | undefined,
  signal: AbortSignal | undefined,
): Promise<LayerPixels[]> {
  const { ratio } = group[0]!;
  const from = ratio === 1 ? window : sourceWindow(window, ratio, raster.grid);
  const raw = await raster.readWindow(from, {
    bands: group.map((layer) => layer.index),
    ...(signal && { signal }),
  });
  const chosen = method ?? (ratio > 1 ? "bilinear" : "area");
  return group.map((layer, index) =>
    resampleLayer(toReflectance(raw[index]!, layer), from, window, ratio, chosen),
  );
}

/** The window at another size, by the files' overviews. */
async function readSmaller(
  raster: RasterSource,
  group: readonly BandLayer[],
  window: PixelWindow,
  method: Resampling | undefined,
  size: readonly [rows: number, cols: number],
  signal: AbortSignal | undefined,
): Promise<LayerPixels[]> {
  const { ratio } = group[0]!;
  const nearest = method === "nearest";
  // A mean must not take in the zeros that stand for no data, declared or not.
  const source = nearest ? raster : withNodata(raster, 0);
  const raw = await readReduced(source, layerWindow(window, ratio, raster.grid), size, {
    resampling: nearest ? "nearest" : "average",
    bands: group.map((layer) => layer.index),
    ...(signal && { signal }),
  });
  return group.map((layer, index) => toReflectance(raw[index]!, layer));
}

/** The numbers' own reasons; reflectance becomes 0 in all bands where one of them is without a number. */
function combine(layers: readonly LayerPixels[], pixelCount: number): Uint8Array {
  const [first, ...others] = layers.map(({ flags }) => flags);
  const reasons = first?.slice() ?? new Uint8Array(pixelCount).fill(RAW_ZERO);
  const inAll = reasons.slice();
  for (const flags of others) mergeFlags(reasons, inAll, flags);
  forSetBytes(reasons, (pixel) => {
    let found = reasons[pixel]! & ~RAW_ZERO;
    if ((inAll[pixel]! & RAW_ZERO) !== 0) found |= INVALID_REASONS.noData;
    reasons[pixel] = found;
    if (found !== 0) for (const { refl } of layers) refl[pixel] = 0;
  });
  return reasons;
}

/** Where flags of one more band come in: what any band says, and what all say. Four pixels at a time. */
function mergeFlags(inAny: Uint8Array, inAll: Uint8Array, flags: Uint8Array): void {
  const [any, all, added] = [wordsOf(inAny), wordsOf(inAll), wordsOf(flags)];
  for (let word = 0; word < added.length; word++) {
    any[word]! |= added[word]!;
    all[word]! &= added[word]!;
  }
  for (let pixel = 4 * added.length; pixel < inAny.length; pixel++) {
    inAny[pixel]! |= flags[pixel]!;
    inAll[pixel]! &= flags[pixel]!;
  }
}

function cropRows<T extends Float32Array | Uint8Array>(values: T, width: number, inner: PixelWindow): T {
  const out = values.slice(0, inner.width * inner.height) as T;
  for (let row = 0; row < inner.height; row++) {
    const start = (inner.y + row) * width + inner.x;
    out.set(values.subarray(start, start + inner.width), row * inner.width);
  }
  return out;
}
