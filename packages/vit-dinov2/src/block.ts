import {
  checkpoint,
  dropPath,
  type ForwardMode,
  layerNorm,
  linear,
  linearResidual,
  multiHeadAttention,
  type Params,
  subParams,
  swiglu,
} from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { Dinov2Config } from "./config.js";

const epsilon = 1e-6;

/** What only the next operation reads may be halves; the residual stream, whose numbers grow large, may not. */
const compact = true;

/**
 * Runs blocks `from` to `to` (both included) and disposes each block's input once the next is there, so that no more than
 * one block's activations live at a time outside a gradient.
 *
 * @param tokens [N, T, D]; taken over when `from` > `to` is false: do not use it afterwards
 * @param onBlock sees each result; keep a clone, not the tensor
 */
export function runBlocks(
  config: Dinov2Config,
  params: Params,
  tokens: tf.Tensor3D,
  mode: ForwardMode,
  { from = 0, to }: { readonly from?: number; readonly to: number },
  onBlock?: (layer: number, tokens: tf.Tensor3D) => void,
): tf.Tensor3D {
  let current = tokens;
  for (let layer = from; layer <= to; layer++) {
    const site = siteMode(config, mode, layer);
    const block = (given: Params, x: tf.Tensor3D): tf.Tensor3D => transformerBlock(config, given, x, site);
    const run = mode.checkpointBlocks ? checkpoint(block) : block;
    const next = run(subParams(params, `blocks.${layer}.`), current);
    current.dispose();
    current = next;
    onBlock?.(layer, current);
  }
  return current;
}

/** Rate and randomness of stochastic depth at one block. */
interface BlockMode {
  readonly rate: number;
  readonly attention: ForwardMode;
  readonly ffn: ForwardMode;
}

/** The rate grows linearly over the depth unless uniform; each branch has a seed of its own. */
function siteMode(config: Dinov2Config, mode: ForwardMode, layer: number): BlockMode {
  const { dropPathRate, dropPathUniform, depth } = config;
  const seedAt = (site: number): ForwardMode => ({
    ...mode,
    seed: Math.imul(mode.seed, 1_000_003) + 2 * layer + site,
  });
  return {
    rate: dropPathUniform ? dropPathRate : depth > 1 ? (dropPathRate * layer) / (depth - 1) : 0,
    attention: seedAt(0),
    ffn: seedAt(1),
  };
}

/**
 * One pre-norm block: x + gamma1 · attention(norm(x)), then x + gamma2 · ffn(norm(x)).
 * Source: dinov2/layers/block.py.
 *
 * @param params of this block, such as `attn.qkv.weight`
 * @param x [N, T, D]
 */
function transformerBlock(
  config: Dinov2Config,
  params: Params,
  x: tf.Tensor3D,
  mode: BlockMode,
): tf.Tensor3D {
  return tf.tidy(() => {
    const attended = tf.tidy(() => {
      const normed = layerNorm(x, params["norm1.weight"]!, params["norm1.bias"]!, { epsilon, compact });
      return residual(
        x,
        selfAttention(config, params, normed),
        params["ls1.gamma"],
        mode.rate,
        mode.attention,
      );
    });
    const normed = layerNorm(attended, params["norm2.weight"]!, params["norm2.bias"]!, { epsilon, compact });
    return residual(attended, feedForward(config, params, normed), params["ls2.gamma"], mode.rate, mode.ffn);
  });
}

/** The last projection of a branch: what goes in, and its weights. */
interface Projection {
  readonly input: tf.Tensor3D;
  readonly w: tf.Tensor;
  readonly b: tf.Tensor | undefined;
}

/** x + gamma · (input w + b), the branch left out at random in training where `rate` says so. */
function residual(
  x: tf.Tensor3D,
  { input, w, b }: Projection,
  gamma: tf.Tensor | undefined,
  rate: number,
  mode: ForwardMode,
): tf.Tensor3D {
  if (rate === 0 || !mode.training) return linearResidual(x, input, { w, b, gamma });
  const branch = linear(input, w, b);
  const scaled: tf.Tensor3D = gamma ? tf.mul(branch, gamma) : branch;
  return tf.add(x, dropPath(scaled, rate, mode));
}

function selfAttention({ heads }: Dinov2Config, params: Params, x: tf.Tensor3D): Projection {
  const qkv = linear(x, params["attn.qkv.weight"]!, params["attn.qkv.bias"], { compact }); // [N, T, 3D]
  const input = multiHeadAttention(qkv, heads, { compact });
  return { input, w: params["attn.proj.weight"]!, b: params["attn.proj.bias"] };
}

function feedForward(config: Dinov2Config, params: Params, x: tf.Tensor3D): Projection {
  if (config.ffn === "mlp") {
    const input = linear(x, params["mlp.fc1.weight"]!, params["mlp.fc1.bias"], {
      activation: "gelu",
      compact,
    });
    return { input, w: params["mlp.fc2.weight"]!, b: params["mlp.fc2.bias"] };
  }
  const input = swiglu(x, params["mlp.w12.weight"]!, params["mlp.w12.bias"], { compact }); // [N, T, hidden]
  return { input, w: params["mlp.w3.weight"]!, b: params["mlp.w3.bias"] };
}
