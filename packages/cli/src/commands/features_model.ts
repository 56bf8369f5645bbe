import { openCheckpoint } from "@glof/checkpoint";
import { GlofError, type Logger } from "@glof/core";
import { disposeParams, imagenetMean, imagenetStd, type Params, storeForPrediction } from "@glof/nn";
import { type Normalisation, openBundle } from "@glof/segmenter";
import {
  type BandInflation,
  buildDinov2,
  buildDinov2Variant,
  type Dinov2Config,
  type Dinov2Model,
  type Dinov2Variant,
  describeDinov2,
  dinov2Variants,
  rgbBands,
} from "@glof/vit-dinov2";

/** A backbone with weights, and what its images have to look like. */
export interface FeatureModel {
  readonly model: Dinov2Model;
  readonly params: Params;
  /** In reflectance, one number per band of `model.config.bands`. */
  readonly normalisation: Normalisation;
  dispose(): void;
}

/** How to open weights. */
export interface FeatureModelOptions {
  /** Name of an official model; default: what names and shapes tell. */
  readonly variant?: string | undefined;
  /** Attention heads, where neither variant nor width tells. */
  readonly heads?: number | undefined;
  /** Bands the model shall see; default: the bundle's, or red, green and blue. */
  readonly use?: readonly string[] | undefined;
  readonly inflation?: BandInflation | undefined;
  /** Reflectance that becomes the white of the pictures that DINOv2 was trained on. */
  readonly whiteRefl: number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Opens DINOv2 weights of any naming, or the backbone of a bundle.
 *
 * @throws GlofError what `openCheckpoint`, `openBundle` and `Dinov2Model.load` throw; `bad-argument` for options that a
 * bundle leaves no choice of
 */
export async function openFeatureModel(path: string, options: FeatureModelOptions): Promise<FeatureModel> {
  if (await isBundle(path, options.signal)) return fromBundle(path, options);
  const { signal, logger, use, inflation } = options;
  const checkpoint = await openCheckpoint(path, { signal });
  try {
    const choice = { ...(use && { bands: use }), ...(inflation && { inflation }) };
    const own = options.variant === undefined ? describedConfig(checkpoint, options) : undefined;
    const model = own
      ? buildDinov2({ ...own, ...choice })
      : buildDinov2Variant(requireVariant(options.variant!), choice);
    const params = await model.load(checkpoint, { signal, logger });
    return opened(
      model,
      await storeForPrediction(params),
      imagenetNormalisation(model.config.bands, options.whiteRefl),
    );
  } finally {
    await checkpoint.close();
  }
}

function describedConfig(
  checkpoint: Parameters<typeof describeDinov2>[0],
  { heads }: FeatureModelOptions,
): Dinov2Config {
  const { config } = describeDinov2(checkpoint);
  if (heads !== undefined) return { ...config, heads };
  if (config.embedDim % 64 === 0) return config;
  throw new GlofError(
    "bad-argument",
    `glof features: expected the number of attention heads of a model of width ${config.embedDim}, got none. Pass --heads.`,
  );
}

async function fromBundle(path: string, options: FeatureModelOptions): Promise<FeatureModel> {
  const { variant, heads, use, inflation, signal, logger } = options;
  if (variant !== undefined || heads !== undefined || use !== undefined || inflation !== undefined) {
    throw new GlofError(
      "bad-argument",
      `glof features: expected no --variant, --heads, --use or --inflation, because ${path} is a bundle that says all that, ` +
        "got one. Leave it out.",
    );
  }
  const { config, checkpoint } = await openBundle(path, { signal });
  try {
    const model = buildDinov2(config.backbone);
    const params = await model.load(checkpoint, { signal, logger, fileBands: config.bands });
    return opened(model, await storeForPrediction(params), config.normalisation);
  } finally {
    await checkpoint.close();
  }
}

function opened(model: Dinov2Model, params: Params, normalisation: Normalisation): FeatureModel {
  return { model, params, normalisation, dispose: () => disposeParams(params) };
}

/** A folder without an index of shards, or a file whose header says so. */
async function isBundle(path: string, signal: AbortSignal): Promise<boolean> {
  if (/\.(pth|pt|bin|json)$/i.test(path)) return false;
  if (!/\.safetensors$/i.test(path)) return true;
  const checkpoint = await openCheckpoint(path, { signal });
  await checkpoint.close();
  return checkpoint.metadata.format?.startsWith("glof") === true;
}

/** ImageNet's statistics as reflectance; a band that is not red, green or blue gets their mean. */
function imagenetNormalisation(bands: readonly string[], whiteRefl: number): Normalisation {
  const average = (values: readonly number[]): number =>
    values.reduce((sum, one) => sum + one, 0) / values.length;
  const of = (values: readonly number[]): number[] =>
    bands.map((band) => (values[rgbBands.indexOf(band)] ?? average(values)) * whiteRefl);
  return { mean: of(imagenetMean), std: of(imagenetStd), clip: [0, whiteRefl] };
}

function requireVariant(name: string): Dinov2Variant {
  const found = (Object.keys(dinov2Variants) as Dinov2Variant[]).find((one) => one === name);
  if (found) return found;
  throw new GlofError(
    "bad-argument",
    `glof features: expected --variant to be ${Object.keys(dinov2Variants).join(", ")}, got ${name}. Correct it or leave it out.`,
  );
}
