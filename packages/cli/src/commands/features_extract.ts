import { GlofError } from "@glof/core";
import type { PixelWindow } from "@glof/geo";
import { normaliseReflectance } from "@glof/segmenter";
import type { ReflectanceWindow } from "@glof/sentinel2";
import { type FeaturePool, type IntermediateFeatures, poolFeatures, rgbBands } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import type { FeatureVector, PatchMap } from "./features_files.js";
import type { FeatureImage } from "./features_image.js";
import type { FeatureModel } from "./features_model.js";
import { modelSize, requireWindow } from "./features_request.js";

/** What part of an image a model sees, and how large. */
export interface LookOptions {
  readonly window?: PixelWindow | undefined;
  readonly size?: number | readonly [rows: number, cols: number] | undefined;
}

/** An image as a model sees it. */
export interface SeenImage {
  readonly window: PixelWindow;
  /** Whole patches. */
  readonly size: readonly [rows: number, cols: number];
  /** Of `pixels`: the model's in its order, then those of true colour that it does not use. */
  readonly bands: readonly string[];
  readonly pixels: ReflectanceWindow;
  /** Normalised. [rows, cols, C] */
  readonly input: Float32Array;
}

/** Features of several layers, from shallow to deep. */
export interface ExtractedFeatures {
  readonly vectors: readonly FeatureVector[];
  /** One per layer. */
  readonly maps: readonly PatchMap[];
}

/**
 * Reads an image at the size that the model gets.
 *
 * @throws GlofError `missing-band`; `no-valid-pixels`; `bad-argument` for a window outside
 */
export async function lookAt(
  image: FeatureImage,
  { model, normalisation }: FeatureModel,
  options: LookOptions,
  signal: AbortSignal,
): Promise<SeenImage> {
  const { bands: own, patchSizePx } = model.config;
  const window = requireWindow(options.window, image);
  const size = modelSize(window, options.size, patchSizePx);
  const extra = rgbBands.filter((band) => !own.includes(band) && image.bands.includes(band));
  const bands = [...own, ...extra];
  const pixels = await image.read(window, size, bands, signal);
  if (!pixels.validMask.includes(1)) {
    throw new GlofError(
      "no-valid-pixels",
      `glof features ${image.id}: expected pixels with data in ${window.width} x ${window.height}, got none. Choose another --window.`,
      { window },
    );
  }
  const forModel = { ...pixels, bandsRefl: pixels.bandsRefl.slice(0, own.length) };
  return { window, size, bands, pixels, input: normaliseReflectance(forModel, normalisation).pixels };
}

/** Runs the backbone once and pools each layer. */
export async function extractFeatures(
  { model, params }: FeatureModel,
  { size: [rows, cols], input }: Pick<SeenImage, "size" | "input">,
  options: {
    readonly layers: number | readonly number[];
    readonly pool: readonly (FeaturePool | "patches")[];
  },
): Promise<ExtractedFeatures> {
  const image = tf.tensor4d(input, [1, rows, cols, model.config.bands.length]);
  const layers = runOnce(() => model.intermediates(params, image, options.layers), image);
  const pools = options.pool.filter((pool): pool is FeaturePool => pool !== "patches");
  const vectors: FeatureVector[] = [];
  const maps: PatchMap[] = [];
  try {
    for (const layer of layers) {
      for (const pool of pools) vectors.push({ layer: layer.layer, pool, values: await pooled(layer, pool) });
      const [, high, wide, dim] = layer.patches.shape as [number, number, number, number];
      const values = await layer.patches.data<"float32">();
      maps.push({ layer: layer.layer, shape: [high, wide, dim], values: Float32Array.from(values) });
    }
  } finally {
    for (const { clsToken, patches } of layers) tf.dispose([clsToken, patches]);
  }
  return { vectors, maps };
}

async function pooled(layer: IntermediateFeatures, pool: FeaturePool): Promise<Float32Array> {
  const vector = poolFeatures(layer, pool);
  try {
    return Float32Array.from(await vector.data<"float32">());
  } finally {
    vector.dispose();
  }
}

/** The result of `run`; the image is given back even where the run throws. */
function runOnce<T>(run: () => T, image: tf.Tensor): T {
  try {
    return run();
  } finally {
    image.dispose();
  }
}
