import { GlofError } from "@glof/core";
import { initParams, loadParams, type ParamSpec, type Params } from "@glof/nn";
import type * as tf from "@tensorflow/tfjs-core";
import type { Decoder, DecoderInput, DecoderMode } from "./types.js";

const inference: DecoderMode = { training: false, seed: 0 };

/** Makes a decoder of its table and its computation. */
export function decoderFrom<Config>(
  config: Config,
  specs: readonly ParamSpec[],
  run: (params: Params, input: DecoderInput, mode: DecoderMode) => tf.Tensor4D,
): Decoder<Config> {
  return {
    config,
    specs,
    init: (seed) => initParams(specs, seed),
    load: (checkpoint, options) => loadParams(specs, checkpoint, options),
    forward: (params, input, mode = inference) => {
      const absent = specs.find(({ name }) => !params[name]);
      if (!absent) return run(params, input, mode);
      throw new GlofError(
        "parameter-mismatch",
        `decoder.forward: expected a parameter "${absent.name}", got none. Pass what init or load of this model gave.`,
        { name: absent.name },
      );
    },
  };
}

/** Options over defaults; a field that is present but undefined takes its default too. */
export function overDefaults<Defaults extends object, Options extends object>(
  defaults: Defaults,
  options: Options,
): Defaults & Options {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...defaults, ...given } as Defaults & Options;
}

/** Refuses widths, counts and the like that are no whole numbers above 0. */
export function requireSizes(
  where: string,
  sizes: Readonly<Record<string, number | readonly number[]>>,
): void {
  for (const [field, value] of Object.entries(sizes)) {
    const list = typeof value === "number" ? [value] : value;
    // Configs come from files too: there, a field may be anything.
    if (
      Array.isArray(list) &&
      list.length > 0 &&
      list.every((size) => Number.isSafeInteger(size) && size > 0)
    )
      continue;
    throw new GlofError(
      "bad-config",
      `${where}: expected ${field} to be whole numbers above 0, got ${JSON.stringify(value)}. Correct the config.`,
      { field, value },
    );
  }
}

/** Refuses an input whose maps or image have other channels than the config says. */
export function requireInput(
  where: string,
  { features, image }: DecoderInput,
  featureChannels: readonly number[],
  imageChannels?: number,
): void {
  const got = features.map(({ map }) => map.shape[3]);
  const fits =
    got.length === featureChannels.length && got.every((width, index) => width === featureChannels[index]);
  if (fits && (imageChannels === undefined || image.shape[3] === imageChannels)) return;
  const expected = `${featureChannels.length} maps of ${featureChannels.join(", ")} channels`;
  const picture = imageChannels === undefined ? "" : ` and an image of ${imageChannels}`;
  throw new GlofError(
    "shape-mismatch",
    `${where}: expected ${expected}${picture}, got maps of ${got.join(", ") || "none"} and an image of ${image.shape[3]}. ` +
      "Match the backbone's layers and bands with the decoder's config.",
    { got, image: image.shape },
  );
}
