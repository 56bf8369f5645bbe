import { openCheckpoint } from "@glof/checkpoint";
import type * as tf from "@tensorflow/tfjs-core";
import { type ModelSize, modelSizes } from "../suites/model_sizes.js";
import type { PrepareWork } from "./serve.js";
import { stockAttention, stockGelu, stockLayerNorm } from "./stock_ops.js";
import { numberOf, tensorOf, textOf } from "./tf_tools.js";

/** Tensors by their official names, linear weights transposed to [in, out]. */
export type Weights = Readonly<Record<string, tf.Tensor>>;

/** DINOv2 as a user of TensorFlow.js writes it: public functions, weights transposed once when they are loaded. */
export function stockModel(engine: typeof tf): PrepareWork {
  return async (args) => {
    const { heads } = modelSizes[textOf(args, "size") as ModelSize];
    const depth = numberOf(args, "depth");
    const weights = await loadWeights(engine, textOf(args, "path"));
    const image = tensorOf(engine, [1, 518, 518, 3], 1) as tf.Tensor4D;
    const forward = (): tf.Tensor3D => engine.tidy(() => forwardTokens(engine, weights, image, depth, heads));
    return {
      run: () => forward().dispose(),
      async output() {
        const tokens = forward();
        const [, count, width] = tokens.shape;
        const patches = engine.slice(tokens, [0, 1, 0], [1, count - 1, width]);
        const values = await patches.data<"float32">();
        engine.dispose([tokens, patches]);
        return values;
      },
      dispose: () => engine.dispose([image, ...Object.values(weights)]),
    };
  };
}

async function loadWeights(engine: typeof tf, path: string): Promise<Weights> {
  const checkpoint = await openCheckpoint(path);
  const weights: Record<string, tf.Tensor> = {};
  for (const [name, { shape }] of checkpoint.entries) {
    const values = await checkpoint.readFloat32(name);
    weights[name] = engine.tidy(() => {
      const tensor = engine.tensor(values, [...shape]);
      if (name === "patch_embed.proj.weight") return engine.transpose(tensor, [2, 3, 1, 0]);
      return /\.(qkv|proj|fc1|fc2)\.weight$/.test(name) ? engine.transpose(tensor) : tensor;
    });
  }
  await checkpoint.close();
  return weights;
}

/** Image to normalised tokens. */
export function forwardTokens(
  engine: typeof tf,
  weights: Weights,
  image: tf.Tensor4D,
  depth: number,
  heads: number,
): tf.Tensor3D {
  const w = (name: string): tf.Tensor => weights[name]!;
  let x = embedTokens(engine, w, image);
  for (let layer = 0; layer < depth; layer++) {
    const before = x;
    x = engine.tidy(() => stockBlock(engine, (name) => w(`blocks.${layer}.${name}`), before, heads));
    before.dispose();
  }
  return stockLayerNorm(engine, x, w("norm.weight"), w("norm.bias")) as tf.Tensor3D;
}

/** Image to class token and patches, with their positions. */
export function embedTokens(
  engine: typeof tf,
  w: (name: string) => tf.Tensor,
  image: tf.Tensor4D,
): tf.Tensor3D {
  const map = engine.conv2d(image, w("patch_embed.proj.weight") as tf.Tensor4D, 14, "valid");
  const [, rows, cols, width] = map.shape;
  const patches = engine.add(engine.reshape(map, [1, rows * cols, width]), w("patch_embed.proj.bias"));
  const tokens = engine.concat([w("cls_token") as tf.Tensor3D, patches as tf.Tensor3D], 1);
  return engine.add(tokens, w("pos_embed"));
}

/** A block of a transformer on one image's tokens. */
export function stockBlock(
  engine: typeof tf,
  w: (name: string) => tf.Tensor,
  x: tf.Tensor3D,
  heads: number,
): tf.Tensor3D {
  const [, tokens, width] = x.shape;
  const norm = (y: tf.Tensor, name: string) =>
    stockLayerNorm(engine, y, w(`${name}.weight`), w(`${name}.bias`));
  const dense = (y: tf.Tensor, name: string) =>
    engine.add(engine.matMul(engine.reshape(y, [tokens, -1]), w(`${name}.weight`)), w(`${name}.bias`));
  const qkv = engine.reshape<tf.Rank.R3>(dense(norm(x, "norm1"), "attn.qkv"), [1, tokens, 3 * width]);
  const attended = dense(stockAttention(engine, qkv, heads), "attn.proj");
  const middle = engine.add(x, engine.mul(attended, w("ls1.gamma")));
  const hidden = stockGelu(engine, dense(norm(middle, "norm2"), "mlp.fc1"));
  return engine.add(middle, engine.mul(dense(hidden, "mlp.fc2"), w("ls2.gamma")));
}
