import { GlofError } from "@glof/core";
import type { PixelWindow } from "@glof/geo";
import { warmUpWebgpu } from "@glof/nn";
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
 * The part of an image that a model sees, and the size it sees it at.
 *
 * @throws GlofError `bad-argument` for a window outside
 */
export function viewOf(
  image: FeatureImage,
  { config }: FeatureModel["model"],
  options: LookOptions,
): Pick<SeenImage, "window" | "size"> {
  const window = requireWindow(options.window, image);
  return { window, size: modelSize(window, options.size, config.patchSizePx) };
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
  const { bands: own } = model.config;
  const { window, size } = viewOf(image, model, options);
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

/** What is taken of a run. */
export interface ExtractOptions {
  readonly layers: number | readonly number[];
  readonly pool: readonly (FeaturePool | "patches")[];
}

/**
 * Has WebGPU's shaders for a run compiled, beside what reads its image. A failure is left to the run, which compiles what is missing
 * and says what is wrong with it.
 */
export async function warmUpFeatures(
  { model, params }: FeatureModel,
  [rows, cols]: SeenImage["size"],
  options: ExtractOptions,
): Promise<void> {
  const run = (): void => {
    const image = tf.zeros<tf.Rank.R4>([1, rows, cols, model.config.bands.length]);
    for (const layer of model.intermediates(params, image, options.layers)) {
      for (const pool of poolsOf(options)) poolFeatures(layer, pool);
    }
  };
  await warmUpWebgpu(run).catch(() => undefined);
}

function poolsOf({ pool }: ExtractOptions): FeaturePool[] {
  return pool.filter((one): one is FeaturePool => one !== "patches");
}

/** Runs the backbone once and pools each layer. */
export async function extractFeatures(
  { model, params }: FeatureModel,
  { size: [rows, cols], input }: Pick<SeenImage, "size" | "input">,
  options: ExtractOptions,
): Promise<ExtractedFeatures> {
  const image = tf.tensor4d(input, [1, rows, cols, model.config.bands.length]);
  const layers = runOnce(() => model.intermediates(params, image, options.layers), image);
  const pools = poolsOf(options);
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
