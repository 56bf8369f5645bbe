import type * as tf from "@tensorflow/tfjs-core";
import { type ModelSize, modelSizes } from "../suites/model_sizes.js";
import { hostWork } from "./null_gpu.js";
import type { PrepareWork } from "./serve.js";
import { forwardTokens, type Weights } from "./stock_model.js";
import { textOf } from "./tf_tools.js";

/** What it hands over depends on the depth alone, and at 518 its results exceed what the null backend lends. */
const imagePx = 252;

/** A forward pass of DINOv2 in public functions of TensorFlow.js, of zeros. */
export function stockHost(engine: typeof tf): PrepareWork {
  return (args) => {
    const size = modelSizes[textOf(args, "model") as ModelSize];
    if (size === undefined) throw new Error("only the backbones are written for it");
    const weights = zeroWeights(engine, size.embedDim, size.depth);
    const image = engine.zeros<tf.Rank.R4>([1, imagePx, imagePx, 3]);
    const forward = () =>
      engine.tidy(() => forwardTokens(engine, weights, image, size.depth, size.heads)).dispose();
    return hostWork(engine, forward);
  };
}

/** Blocks share theirs: the null backend lends no more than half a gigabyte. */
function zeroWeights(engine: typeof tf, width: number, depth: number): Weights {
  const zeros = (...shape: number[]): tf.Tensor => engine.zeros(shape);
  const vectors = ["norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma", "ls2.gamma"];
  const layers: [name: string, inputs: number, outputs: number][] = [
    ["attn.qkv", width, 3 * width],
    ["attn.proj", width, width],
    ["mlp.fc1", width, 4 * width],
    ["mlp.fc2", 4 * width, width],
  ];
  const block: [name: string, tensor: tf.Tensor][] = [
    ...vectors.map((name): [string, tf.Tensor] => [name, zeros(width)]),
    ...layers.flatMap(([name, inputs, outputs]): [string, tf.Tensor][] => [
      [`${name}.weight`, zeros(inputs, outputs)],
      [`${name}.bias`, zeros(outputs)],
    ]),
  ];
  const blocks = Array.from({ length: depth }, (_, index) =>
    block.map(([name, tensor]) => [`blocks.${index}.${name}`, tensor] as const),
  );
  return Object.fromEntries([
    ["patch_embed.proj.weight", zeros(14, 14, 3, width)],
    ["patch_embed.proj.bias", zeros(width)],
    ["cls_token", zeros(1, 1, width)],
    ["pos_embed", zeros(1, (imagePx / 14) ** 2 + 1, width)],
    ["norm.weight", zeros(width)],
    ["norm.bias", zeros(width)],
    ...blocks.flat(),
  ]);
}
