import { openCheckpoint } from "@glof/checkpoint";
import { conv2d, linear, type Params } from "@glof/nn";
import {
  adaptedBias,
  adaptedWeight,
  loadAdapter,
  mergeLora,
  openAdapter,
  weightLengths,
  weightUpdate,
} from "@glof/peft";
import { buildDinov2, type Dinov2Features, type Dinov2Model } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import type { CaseContext, CaseRunner, Got, GroupRunners } from "../case.js";
import { convFromPytorch, convToPytorch } from "../layouts.js";
import { readStatedModels, toStatedConfig } from "../stated_dinov2.js";
import { imageToFile, layerWithGradients } from "./ops/objective.js";

/** Names of the adapter's parameters in a case, as gradients are named, and whether they are weights of the layer kind. */
const adapterNames = [
  "lora_A.weight",
  "lora_B.weight",
  "lora_B.bias",
  "lora_magnitude_vector.weight",
] as const;

interface LayerKind {
  fromFile(weight: tf.Tensor): tf.Tensor;
  toFile(weight: tf.Tensor): tf.Tensor;
  layer(
    x: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor | undefined,
    outputShape: readonly number[],
  ): tf.Tensor;
}

const linearKind: LayerKind = {
  fromFile: (weight) => tf.transpose(weight),
  toFile: (weight) => tf.transpose(weight),
  layer: (x, weight, bias) => linear(x, weight as tf.Tensor2D, bias as tf.Tensor1D | undefined),
};

const convKind: LayerKind = {
  fromFile: convFromPytorch,
  toFile: convToPytorch,
  layer: (x, weight, bias, outputShape) =>
    conv2d(
      x as tf.Tensor4D,
      weight as tf.Tensor4D,
      bias as tf.Tensor1D | undefined,
      geometry(x.shape.slice(1, 3), weight.shape[0]!, outputShape.slice(2)),
    ),
};

/** Cases do not state stride and padding; the likeliest that give the output's size are taken. */
function geometry(
  input: readonly number[],
  kernel: number,
  output: readonly number[],
): { stride: number; padding: number } {
  const usual = [
    { stride: 2, padding: 1 },
    { stride: 1, padding: Math.floor(kernel / 2) },
    { stride: kernel, padding: 0 },
    { stride: 1, padding: 0 },
    { stride: 2, padding: 0 },
    { stride: 1, padding: 1 },
  ];
  const fits = usual.find(({ stride, padding }) =>
    input.every((size, axis) => Math.floor((size + 2 * padding - kernel) / stride) + 1 === output[axis]),
  );
  if (!fits)
    throw new Error(`no usual stride and padding leads from ${input} to ${output} with kernel ${kernel}`);
  return fits;
}

/** A layer with an adapter: value, gradients, update and merged weights. */
const layerRunner =
  (kind: LayerKind): CaseRunner =>
  (context) => {
    const scaling = context.golden.options.scaling as number;
    const isFactor = (name: string): boolean => name === "lora_A.weight" || name === "lora_B.weight";
    const base = kind.fromFile(context.tensor("p.base.weight"));
    const bias = context.has("p.base.bias") ? context.tensor("p.base.bias") : undefined;
    const given = adapterNames.filter((name) => context.has(`p.${name}`));
    const adapter: Params = Object.fromEntries(
      given.map((name) => {
        const tensor = context.tensor(`p.${name}`);
        return [name, isFactor(name) ? kind.fromFile(tensor) : tensor];
      }),
    );
    const weightOf = (params: Params): tf.Tensor => adaptedWeight(base, tensorsOf(params), scaling);
    const biasOf = (params: Params): tf.Tensor | undefined => {
      const own = params["lora_B.bias"];
      return own && bias ? adaptedBias(bias, own, scaling) : bias;
    };
    const isImage = context.shape("in.x").length === 4;
    const inputs = { x: isImage ? context.image("in.x") : context.tensor("in.x"), ...adapter };
    const results = layerWithGradients(
      context,
      inputs,
      (params) => kind.layer(params.x!, weightOf(params), biasOf(params), context.shape("in.r")),
      (tensor, name) => {
        if (isFactor(name)) return kind.toFile(tensor);
        return isImage ? imageToFile(tensor, name) : tensor;
      },
    );
    const merged = weightOf(adapter);
    const mergedBias = biasOf(adapter);
    const lengths = weightLengths(base);
    return {
      ...results,
      "out.delta_weight": kind.toFile(weightUpdate(tensorsOf(adapter), base.shape, scaling)),
      "out.merged.weight": kind.toFile(merged),
      ...(mergedBias ? { "out.merged.bias": mergedBias } : {}),
      "out.init.lora_magnitude_vector.weight": isImage ? tf.reshape(lengths, [1, -1, 1, 1]) : lengths,
    };
  };

const tensorsOf = (params: Params) => ({
  a: params["lora_A.weight"]!,
  b: params["lora_B.weight"]!,
  magnitude: params["lora_magnitude_vector.weight"],
});

/** A folder as peft writes it, on a DINOv2 model: features with the adapter, without it, and merged. */
const adapterFolder: CaseRunner = async (context) => {
  const options = context.golden.options as { model: string; adapter_dir: string };
  const { model, params: base } = await loadBase(context, options.model);
  const files = await openAdapter(`${context.groupFolder}/${options.adapter_dir}`);
  const { lora, params } = await loadAdapter(model, base, files);
  await files.checkpoint.close();
  const images = tf.div(tf.sub(context.image("in.image_u8"), 128), 64) as tf.Tensor4D;
  const adapted = lora.forward(params, images) as Dinov2Features;
  const merged = mergeLora(lora, params);
  const mergedFeatures = model.forward(merged, images);
  await requireClose(adapted.patchTokens, mergedFeatures.patchTokens);
  const results: Record<string, Got> = {
    "out.x_norm_clstoken": adapted.clsToken,
    "out.x_norm_patchtokens": adapted.patchTokens,
    "out.base.x_norm_patchtokens": model.forward(base, images).patchTokens,
  };
  for (const name of Object.keys(context.golden.expected)) {
    if (!name.startsWith("out.merged.")) continue;
    const weight = merged[name.slice("out.merged.".length)]!;
    results[name] = (weight.rank === 4 ? convKind : linearKind).toFile(weight);
  }
  return results;
};

async function requireClose(a: tf.Tensor, b: tf.Tensor): Promise<void> {
  const gap = await tf.max(tf.abs(tf.sub(a, b))).data();
  if (gap[0]! > 1e-4) throw new Error(`merged features differ from adapted ones by ${gap[0]}`);
}

async function loadBase(context: CaseContext, file: string): Promise<{ model: Dinov2Model; params: Params }> {
  const models = await readStatedModels(context.fixturesFolder);
  const stated = Object.entries(models).find(([, one]) => file.endsWith(one.file));
  if (!stated) throw new Error(`no model of group dinov2 has the file ${file}`);
  const model = buildDinov2(toStatedConfig(stated[0], stated[1].config));
  const checkpoint = await openCheckpoint(`${context.fixturesFolder}/${file}`);
  try {
    return { model, params: await model.load(checkpoint) };
  } finally {
    await checkpoint.close();
  }
}

/** Golden cases of adapters. */
export const group: GroupRunners = {
  runners: {
    lora_linear: layerRunner(linearKind),
    lora_conv2d: layerRunner(convKind),
    peft_adapter_dinov2: adapterFolder,
  },
};
