import { openCheckpoint } from "@glof/checkpoint";
import { loadParams, type Params, toFileLayout, valueAndGrad } from "@glof/nn";
import { buildLinearClassifier } from "@glof/unet-decoder";
import {
  buildDinov2,
  centerPad,
  classifierFeatures,
  type Dinov2Config,
  type Dinov2Features,
  type Dinov2Model,
  embedPatches,
  interpolatePosition,
} from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import type { CaseContext, CaseRunner, Got, GroupRunners } from "../case.js";
import { toNchw } from "../layouts.js";
import { type StatedModel, toStatedConfig } from "../stated_dinov2.js";
import { architectureChecks } from "./dinov2/architectures.js";
import { checkpointChecks } from "./dinov2/checkpoints.js";

type Options = Readonly<Record<string, unknown>>;

function statedModel({ golden, facts }: CaseContext): StatedModel {
  const models = facts.models as Readonly<Record<string, StatedModel>>;
  return models[golden.options.model as string]!;
}

/** Options of a case may override how positions are interpolated. */
function buildStated(context: CaseContext, more: Partial<Dinov2Config> = {}): Dinov2Model {
  const { config } = statedModel(context);
  const options = context.golden.options;
  const stated = toStatedConfig(String(options.model), config);
  return buildDinov2({
    ...stated,
    positionOffset: (options.interpolate_offset as number | undefined) ?? stated.positionOffset,
    positionAntialias: (options.interpolate_antialias as boolean | undefined) ?? stated.positionAntialias,
    ...more,
  });
}

async function loadStated(context: CaseContext, model: Dinov2Model, file?: string): Promise<Params> {
  const checkpoint = await openCheckpoint(`${context.groupFolder}/${file ?? statedModel(context).file}`);
  try {
    return await model.load(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

/** Images are stored as bytes: x = (u8 - 128) / 64. */
const decodeImages = (context: CaseContext): tf.Tensor4D =>
  tf.tidy(() => tf.div(tf.sub(context.image("in.image_u8"), 128), 64));

const masksOf = (context: CaseContext): { masks?: tf.Tensor2D } =>
  context.has("in.masks") ? { masks: context.tensor("in.masks") as tf.Tensor2D } : {};

/** Some outputs are stored in part: each nth token, or the first ones. The stored shape tells. */
function thinned(tokens: tf.Tensor, context: CaseContext, name: string): tf.Tensor {
  const want = context.golden.expected[name]?.shape;
  const [batch, count, width] = tokens.shape as [number, number, number];
  if (!want || want[1] === count) return tokens;
  if (name === "out.patch_embed") {
    const every = Array.from({ length: Math.ceil(count / 37) }, (_, index) => index * 37);
    return tf.gather(tokens, tf.tensor1d(every, "int32"), 1);
  }
  return tf.slice(tokens, [0, 0, 0], [batch, want[1]!, width]);
}

function featureResults(features: Dinov2Features, context: CaseContext): Record<string, Got> {
  return {
    "out.x_norm_clstoken": features.clsToken,
    "out.x_norm_patchtokens": features.patchTokens,
    "out.x_norm_regtokens": features.registerTokens,
    "out.x_prenorm": thinned(features.prenorm, context, "out.x_prenorm"),
    "out.last_hidden_state": allTokens(features),
  };
}

const allTokens = ({ clsToken, registerTokens, patchTokens }: Dinov2Features): tf.Tensor3D => {
  const cls = tf.expandDims(clsToken, 1);
  const parts = registerTokens.shape[1] === 0 ? [cls, patchTokens] : [cls, registerTokens, patchTokens];
  return tf.concat(parts, 1) as tf.Tensor3D;
};

const forwardFeatures: CaseRunner = async (context) => {
  const model = buildStated(context);
  const params = await loadStated(context, model);
  const images = decodeImages(context);
  const results = featureResults(model.forward(params, images, undefined, masksOf(context)), context);
  const layers = context.golden.options.intermediate_layers as number[] | undefined;
  for (const { layer, patches, clsToken } of layers ? model.intermediates(params, images, layers) : []) {
    const map = toNchw(patches);
    results[`out.intermediate.${layer}.patch_map`] = map;
    results[`out.intermediate.${layer}.cls`] = clsToken;
    for (const name of Object.keys(context.golden.expected)) {
      const rows = new RegExp(`^out\\.intermediate\\.${layer}\\.patch_map_rows0_(\\d+)$`).exec(name);
      if (rows) results[name] = tf.slice(map, [0, 0, 0, 0], [-1, -1, Number(rows[1]), -1]);
    }
  }
  const grid = [
    images.shape[1] / model.config.patchSizePx,
    images.shape[2] / model.config.patchSizePx,
  ] as const;
  const positions = interpolatePosition(params.pos_embed as tf.Tensor3D, grid, model.config);
  results["out.pos_embed_interpolated"] = thinned(positions, context, "out.pos_embed_interpolated");
  results["out.patch_embed"] = thinned(
    embedPatches(model.config, params, images),
    context,
    "out.patch_embed",
  );
  return results;
};

const intermediateLayers: CaseRunner = async (context) => {
  const model = buildStated(context);
  const params = await loadStated(context, model);
  const images = decodeImages(context);
  const { n, reshape, norm } = context.golden.options as {
    n: number | number[];
    reshape: boolean;
    norm: boolean[];
  };
  const results: Record<string, Got> = {};
  for (const one of [norm].flat()) {
    const word = one ? "True" : "False";
    model.intermediates(params, images, n, { norm: one, reshape }).forEach(({ patches, clsToken }, index) => {
      results[`out.norm_${word}.${index}.patches`] = reshape ? toNchw(patches) : patches;
      results[`out.norm_${word}.${index}.cls`] = clsToken;
    });
  }
  return results;
};

const positions: CaseRunner = (context) => {
  const options: Options = context.golden.options;
  const patch = (options.patch_size as number | undefined) ?? 14;
  const rule = {
    positionOffset: options.interpolate_offset as number,
    positionAntialias: options.interpolate_antialias as boolean,
  };
  const results: Record<string, Got> = {};
  for (const name of Object.keys(context.golden.expected)) {
    const [rows, cols] = /_(\d+)x(\d+)$/.exec(name)!.slice(1).map(Number) as [number, number];
    const embedding = context.tensor("p.pos_embed") as tf.Tensor3D;
    results[name] = interpolatePosition(
      embedding,
      [Math.floor(rows / patch), Math.floor(cols / patch)],
      rule,
    );
  }
  return results;
};

/** timm always interpolates by size with antialias; the same weights under the original's rule are the second output. */
const timmFeatures: CaseRunner = async (context) => {
  const file = context.golden.options.weights as string;
  const original = buildStated(context);
  const timm = buildStated(context, { positionOffset: 0, positionAntialias: true });
  const params = await loadStated(context, original, file);
  const images = decodeImages(context);
  return {
    "out.tokens": allTokens(timm.forward(params, images)),
    "out.dinov2_tokens": allTokens(original.forward(params, images)),
  };
};

/** sum(cls * r_cls) + sum(patches * r_patch) */
function objective(model: Dinov2Model, params: Params, images: tf.Tensor4D, context: CaseContext): tf.Scalar {
  const features = model.forward(params, images, undefined, masksOf(context));
  const byCls = tf.sum(tf.mul(features.clsToken, context.tensor("in.r_cls")));
  const byPatch = tf.sum(tf.mul(features.patchTokens, context.tensor("in.r_patch")));
  return tf.add(byCls, byPatch);
}

async function gradientResults(grads: Params, model: Dinov2Model): Promise<Record<string, Got>> {
  const results: Record<string, Got> = {};
  for (const spec of model.specs) {
    const gradient = grads[spec.name];
    if (gradient) {
      const values = (await gradient.data()) as Float32Array;
      results[`grad.${spec.name}`] = toFileLayout(values, spec.shape, spec.layout);
    }
  }
  return results;
}

const gradients: CaseRunner = async (context) => {
  const model = buildStated(context);
  const params = await loadStated(context, model);
  const { value, grads } = valueAndGrad(
    ({ input, ...weights }) => objective(model, weights, input as tf.Tensor4D, context),
    { ...params, input: decodeImages(context) },
  );
  const { input, ...ofParams } = grads;
  return {
    ...(await gradientResults(ofParams, model)),
    "out.objective": value,
    "grad.input": toNchw(input!),
  };
};

/** The added block's weights come with the case; only their gradients are compared. */
const depthExtension: CaseRunner = async (context) => {
  const { base_depth: baseDepth, extended_depth: depth } = context.golden.options as {
    base_depth: number;
    extended_depth: number;
  };
  const model = buildStated(context, { depth, baseDepth });
  const loaded = await loadStated(context, model);
  const isAdded = (name: string): boolean => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? -1) >= baseDepth;
  const added = await loadParams(
    model.specs.filter(({ name }) => isAdded(name)),
    withoutPrefix(context, "p."),
    { allowUnused: [/.*/] },
  );
  const params = { ...loaded, ...added };
  const images = decodeImages(context);
  const { value, grads } = valueAndGrad(
    (trainable) => objective(model, { ...params, ...trainable }, images, context),
    added,
  );
  return {
    ...featureResults(model.forward(params, images), context),
    ...(await gradientResults(grads, model)),
    "out.objective": value,
  };
};

/** The case's own file with its parameters under their plain names. */
function withoutPrefix(context: CaseContext, prefix: string): CaseContext["file"] {
  const { file } = context;
  const entries = [...file.entries.values()].filter(({ name }) => name.startsWith(prefix));
  return {
    ...file,
    entries: new Map(entries.map((entry) => [entry.name.slice(prefix.length), entry])),
    readFloat32: (name) => file.readFloat32(prefix + name),
    readBytes: (name) => file.readBytes(prefix + name),
  };
}

const linearClassifier: CaseRunner = async (context) => {
  const model = buildStated(context);
  const params = await loadStated(context, model);
  const features = classifierFeatures(
    model,
    params,
    decodeImages(context),
    context.golden.options.layers as 1 | 4,
  );
  const [classes, featureDim] = context.shape("p.head.weight") as [number, number];
  const head = buildLinearClassifier({ featureDim, classes });
  const headParams = await head.load(withoutPrefix(context, "p.head."));
  return { "out.features": features, "out.logits": head.forward(headParams, features) };
};

const centerPadding: CaseRunner = (context) => ({
  "out.y": toNchw(centerPad(context.image("in.x"), context.golden.options.multiple as number)),
});

/** Runners of the group `dinov2`. */
export const group: GroupRunners = {
  runners: {
    forward_features: forwardFeatures,
    forward_features_masked: forwardFeatures,
    get_intermediate_layers: intermediateLayers,
    interpolate_pos_encoding: positions,
    timm_forward_features: timmFeatures,
    gradients,
    depth_extension: depthExtension,
    hub_linear_classifier: linearClassifier,
    center_padding: centerPadding,
  },
  sideChecks: async (folder) => [...(await checkpointChecks(folder)), ...(await architectureChecks(folder))],
};
