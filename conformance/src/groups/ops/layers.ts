import {
  type Activation,
  activate,
  activationNames,
  adaptiveAvgPool2d,
  avgPool2d,
  conv2d,
  convTranspose2d,
  type ImageSize,
  layerNorm,
  leakyRelu,
  linear,
  logSoftmax,
  maxPool2d,
  multiHeadAttention,
  type Pair,
  pad2d,
  pixelShuffle,
  silu,
  softmax,
} from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { CaseContext, CaseRunner } from "../../case.js";
import { convFromPytorch, convToPytorch } from "../../layouts.js";
import { imageToFile, layerWithGradients } from "./objective.js";

/** A layer from one image to one image. */
function imageLayer(layer: (x: tf.Tensor4D, options: Record<string, unknown>) => tf.Tensor): CaseRunner {
  return (context) =>
    layerWithGradients(
      context,
      { x: context.image("in.x") },
      ({ x }) => layer(x as tf.Tensor4D, context.golden.options),
      imageToFile,
    );
}

interface ConvOptions {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
  readonly output_padding?: Pair;
}

function convolution(layer: typeof conv2d | typeof convTranspose2d): CaseRunner {
  return (context) => {
    const { output_padding: outputPadding, ...options } = context.golden.options as ConvOptions;
    const inputs = {
      x: context.image("in.x"),
      // OIHW and IOHW go to HWIO and HWOI by the same permutation.
      weight: convFromPytorch(context.tensor("p.weight")),
      ...(context.has("p.bias") ? { bias: context.tensor("p.bias") } : {}),
    };
    return layerWithGradients(
      context,
      inputs,
      (given) =>
        layer(given.x as tf.Tensor4D, given.weight as tf.Tensor4D, given.bias, {
          ...options,
          ...(outputPadding === undefined ? {} : { outputPadding }),
        }),
      (tensor, name) => (name === "weight" ? convToPytorch(tensor) : imageToFile(tensor, name)),
    );
  };
}

/** The fixtures' names that are not ours. */
const activationAliases: Readonly<Record<string, Activation>> = {
  gelu_exact: "gelu",
  gelu_tanh: "gelu-tanh",
  logsigmoid: "log-sigmoid",
};

function activationOf(name: string): (x: tf.Tensor) => tf.Tensor {
  const leaky = /^leaky_relu_(.+)$/.exec(name);
  if (leaky) return (x) => leakyRelu(x, Number(leaky[1]));
  const ours = activationAliases[name] ?? activationNames.find((known) => known === name);
  if (ours === undefined) throw new Error(`no activation ${name}`);
  return (x) => activate(x, ours);
}

const activation: CaseRunner = (context) => {
  const layer = activationOf(context.golden.options.activation as string);
  return layerWithGradients(context, { x: context.tensor("in.x") }, ({ x }) => layer(x!));
};

const layerNormCase: CaseRunner = (context) =>
  layerWithGradients(
    context,
    {
      x: context.tensor("in.x"),
      weight: context.tensor("p.weight"),
      bias: context.tensor("p.bias"),
    },
    ({ x, weight, bias }) => layerNorm(x!, weight!, bias!, { epsilon: context.golden.options.eps as number }),
  );

function softmaxCase(layer: (x: tf.Tensor, axis: number) => tf.Tensor): CaseRunner {
  return (context) =>
    layerWithGradients(context, { x: context.tensor("in.x") }, ({ x }) =>
      layer(x!, context.golden.options.dim as number),
    );
}

const attentionCase: CaseRunner = (context) =>
  layerWithGradients(context, { qkv: context.tensor("in.qkv") }, ({ qkv }) =>
    multiHeadAttention(qkv as tf.Tensor3D, context.golden.options.heads as number),
  );

const matrix = (context: CaseContext, name: string): tf.Tensor => tf.transpose(context.tensor(name));

const linearCase: CaseRunner = (context) =>
  layerWithGradients(
    context,
    { x: context.tensor("in.x"), weight: matrix(context, "p.weight"), bias: context.tensor("p.bias") },
    ({ x, weight, bias }) => linear(x!, weight!, bias),
    (tensor, name) => (name === "weight" ? tf.transpose(tensor) : tensor),
  );

/** The feed-forward layer of DINOv2 giant: w3(silu(gate) * value). */
const swiglu: CaseRunner = (context) =>
  layerWithGradients(
    context,
    {
      x: context.tensor("in.x"),
      w12: matrix(context, "p.w12"),
      b12: context.tensor("p.b12"),
      w3: matrix(context, "p.w3"),
      b3: context.tensor("p.b3"),
    },
    ({ x, w12, b12, w3, b3 }) => {
      const [gate, value] = tf.split(linear(x!, w12!, b12), 2, -1) as [tf.Tensor, tf.Tensor];
      return linear(tf.mul(silu(gate), value), w3!, b3);
    },
    (tensor, name) => (name === "w12" || name === "w3" ? tf.transpose(tensor) : tensor),
  );

type PoolFacts = { kernel: Pair; stride?: Pair; padding?: Pair; count_include_pad?: boolean };

/** Layers of group ops, by kind. */
export const layers: Readonly<Record<string, CaseRunner>> = {
  conv2d: convolution(conv2d),
  conv_transpose2d: convolution(convTranspose2d),
  activation,
  layer_norm: layerNormCase,
  softmax: softmaxCase(softmax),
  log_softmax: softmaxCase(logSoftmax),
  attention: attentionCase,
  linear: linearCase,
  swiglu,
  max_pool2d: imageLayer((x, options) => {
    const { kernel, stride, padding } = options as PoolFacts;
    return maxPool2d(x, kernel, { stride, padding });
  }),
  avg_pool2d: imageLayer((x, options) => {
    const { kernel, stride, padding, count_include_pad } = options as PoolFacts;
    return avgPool2d(x, kernel, { stride, padding, countIncludePad: count_include_pad });
  }),
  adaptive_avg_pool2d: imageLayer((x, { output_size }) => adaptiveAvgPool2d(x, output_size as ImageSize)),
  pixel_shuffle: imageLayer((x, { factor }) => pixelShuffle(x, factor as number)),
  pad: imageLayer((x, { pad_lrtb, mode }) => {
    const [left, right, top, bottom] = pad_lrtb as [number, number, number, number];
    return pad2d(x, [top, bottom, left, right], { mode: mode as "constant" | "reflect" | "replicate" });
  }),
};
