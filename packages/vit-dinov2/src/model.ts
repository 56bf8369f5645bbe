import { GlofError } from "@glof/core";
import { type ForwardMode, initParams, layerNorm, type ParamSpec, type Params } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { runBlocks } from "./block.js";
import { type Dinov2Config, type Dinov2Options, toDinov2Config } from "./config.js";
import { embedTokens, patchGrid } from "./embed.js";
import { loadDinov2 } from "./load.js";
import { dinov2Specs } from "./specs.js";
import type {
  Dinov2Features,
  Dinov2ForwardOptions,
  Dinov2Model,
  IntermediateFeatures,
  IntermediatesOptions,
} from "./types.js";

const inference: ForwardMode = { training: false, seed: 0 };

/**
 * Defines a DINOv2 vision transformer of any size. It makes no tensor.
 *
 * @throws GlofError `bad-config`
 */
export function buildDinov2(options: Dinov2Options): Dinov2Model {
  const config = toDinov2Config(options);
  const specs = dinov2Specs(config);
  return {
    config,
    specs,
    init: (seed) => initParams(specs, seed),
    load: (checkpoint, loadOptions) => loadDinov2(config, specs, checkpoint, loadOptions),
    forward: (params, images, mode = inference, forwardOptions = {}) => {
      requireParams(config, specs, params);
      return forwardFeatures(config, params, images, mode, forwardOptions);
    },
    intermediates: (params, images, layers, intermediatesOptions = {}) => {
      requireParams(config, specs, params);
      return intermediates(config, params, images, wantedLayers(config, layers), intermediatesOptions);
    },
  };
}

function forwardFeatures(
  config: Dinov2Config,
  params: Params,
  images: tf.Tensor4D,
  mode: ForwardMode,
  { masks }: Dinov2ForwardOptions,
): Dinov2Features {
  return tf.tidy(() => {
    const tokens = embedTokens(config, params, images, masks);
    const prenorm = runBlocks(config, params, tokens, mode, { to: config.depth - 1 });
    const normed = finalNorm(params, prenorm);
    const registerTokens = sliceTokens(normed, 1, config.registers);
    return {
      clsToken: clsOf(normed),
      registerTokens,
      patchTokens: patchesOf(config, normed),
      prenorm,
    } satisfies Dinov2Features as Dinov2Features & tf.TensorContainerObject;
  });
}

function intermediates(
  config: Dinov2Config,
  params: Params,
  images: tf.Tensor4D,
  wanted: readonly number[],
  { norm = true, reshape = true, registers = false, mode = inference, masks }: IntermediatesOptions,
): IntermediateFeatures[] {
  const [rows, cols] = patchGrid(config, images);
  const taken: IntermediateFeatures[] = [];
  tf.tidy(() => {
    const tokens = embedTokens(config, params, images, masks);
    runBlocks(config, params, tokens, mode, { to: Math.max(...wanted) }, (layer, current) => {
      if (!wanted.includes(layer)) return;
      const tensors = tf.tidy(() => {
        const normed = norm ? finalNorm(params, current) : current;
        const list = patchesOf(config, normed);
        const map = (): tf.Tensor4D => tf.reshape(list, [list.shape[0], rows, cols, config.embedDim]);
        return {
          clsToken: clsOf(normed),
          patches: reshape ? map() : list,
          ...(registers && { registerTokens: sliceTokens(normed, 1, config.registers) }),
        };
      });
      taken.push({ layer, ...tensors });
    });
    return taken.map(({ layer: _layer, ...tensors }) => tensors as tf.TensorContainerObject);
  });
  return taken;
}

/** The last n blocks, or the named ones, ascending. */
function wantedLayers({ depth, name }: Dinov2Config, layers: number | readonly number[]): number[] {
  const wanted =
    typeof layers === "number"
      ? Array.from({ length: layers }, (_, index) => depth - layers + index)
      : [...new Set(layers)].sort((a, b) => a - b);
  if (wanted.length > 0 && wanted.every((layer) => Number.isInteger(layer) && layer >= 0 && layer < depth)) {
    return wanted;
  }
  throw new GlofError(
    "bad-argument",
    `${name}.intermediates: expected 1 to ${depth} last blocks or block numbers from 0 to ${depth - 1}, ` +
      `got ${JSON.stringify(layers)}. Name blocks that exist.`,
    { layers },
  );
}

function requireParams({ name }: Dinov2Config, specs: readonly ParamSpec[], params: Params): void {
  const absent = specs.find((spec) => !params[spec.name]);
  if (!absent) return;
  throw new GlofError(
    "parameter-mismatch",
    `${name}: expected a parameter "${absent.name}", got none. Pass what init or load of this model gave.`,
    { name: absent.name },
  );
}

const finalNorm = (params: Params, tokens: tf.Tensor3D): tf.Tensor3D =>
  layerNorm(tokens, params["norm.weight"]!, params["norm.bias"]!, { epsilon: 1e-6 });

function clsOf(tokens: tf.Tensor3D): tf.Tensor2D {
  return tf.tidy(() => tf.reshape(sliceTokens(tokens, 0, 1), [tokens.shape[0], tokens.shape[2]]));
}

function patchesOf({ registers }: Dinov2Config, tokens: tf.Tensor3D): tf.Tensor3D {
  return sliceTokens(tokens, 1 + registers, tokens.shape[1] - 1 - registers);
}

function sliceTokens(tokens: tf.Tensor3D, start: number, count: number): tf.Tensor3D {
  const [batch, , width] = tokens.shape;
  // GPU backends cannot slice nothing.
  if (count === 0) return tf.tensor3d([], [batch, 0, width]);
  return tf.slice(tokens, [0, start, 0], [batch, count, width]);
}
