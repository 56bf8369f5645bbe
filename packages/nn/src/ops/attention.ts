import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { useGradientKernel, useKernel } from "../kernels/door.js";
import { withGradient } from "../with_gradient.js";
import { matMul } from "./mat_mul.js";
import { softmaxPullback, softmaxValue } from "./softmax.js";

/** Options of `attention` and `multiHeadAttention`. */
export interface AttentionOptions {
  /** Factor of q k^T. Default 1 / sqrt(d). */
  readonly scale?: number;
  /** As of `linear`; `multiHeadAttention` only. Default false. */
  readonly compact?: boolean;
}

/**
 * Scaled dot-product attention (Vaswani et al. 2017): softmax(q k^T * scale) v.
 *
 * The [T, T] weights are not kept for the backward pass but computed again.
 *
 * @param q [N, A, T, d]
 * @param k [N, A, S, d]
 * @param v [N, A, S, d]
 * @returns [N, A, T, d]
 * @throws GlofError `shape-mismatch`
 */
export function attention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  options: AttentionOptions = {},
): tf.Tensor4D {
  checkShapes(q, k, v);
  const scale = options.scale ?? 1 / Math.sqrt(q.shape[3]);
  return withGradient<tf.Tensor4D, "q" | "k" | "v", "q" | "k" | "v">({
    inputs: { q, k, v },
    forward: () => ({ value: attentionValue(q, k, v, scale), saved: { q, k, v } }),
    backward: (dy, saved) => attentionPullback(dy, saved.q, saved.k, saved.v, scale),
  });
}

/**
 * Self-attention of packed queries, keys and values, as DINOv2 packs them.
 *
 * @param qkv [N, T, 3D], the last axis being [3][heads][d]
 * @returns [N, T, D], heads side by side
 * @throws GlofError `shape-mismatch`
 */
export function multiHeadAttention(
  qkv: tf.Tensor3D,
  heads: number,
  options: AttentionOptions = {},
): tf.Tensor3D {
  const [batch, tokens, packed] = qkv.shape;
  const width = packed / 3 / heads;
  if (!Number.isInteger(width) || width < 1) {
    throw new GlofError(
      "shape-mismatch",
      `multiHeadAttention: expected qkv [N, T, 3 * ${heads} * d], got [${qkv.shape}]. Check the number of heads.`,
    );
  }
  const scale = options.scale ?? 1 / Math.sqrt(width);
  const split: Heads = { batch, tokens, heads, width };
  return withGradient<tf.Tensor3D, "qkv", "qkv">({
    inputs: { qkv },
    forward: () => {
      const kernel = useKernel("GlofMultiHeadAttention");
      if (kernel !== undefined)
        return { value: kernel({ qkv }, { heads, scale, compact: options.compact }), saved: { qkv } };
      const [q, k, v] = unpackHeads(qkv, split);
      return { value: joinHeads(attentionValue(q, k, v, scale), split), saved: { qkv } };
    },
    backward: (dy, saved) => {
      const kernel = useGradientKernel("GlofMultiHeadAttentionGrad");
      if (kernel !== undefined) return { qkv: kernel({ qkv: saved.qkv, dy }, { heads, scale })[0] };
      const [q, k, v] = unpackHeads(saved.qkv, split);
      const [dyHeads] = splitHeads([dy], split) as [tf.Tensor4D];
      const gradients = attentionPullback(dyHeads, q, k, v, scale);
      const joined = [gradients.q, gradients.k, gradients.v].map((gradient) => joinHeads(gradient, split));
      return { qkv: tf.concat(joined, 2) };
    },
  });
}

interface Heads {
  readonly batch: number;
  readonly tokens: number;
  readonly heads: number;
  readonly width: number;
}

/** [N, T, 3D] -> three of [N, A, T, d]. */
function unpackHeads(qkv: tf.Tensor, split: Heads): [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D] {
  return splitHeads(tf.split(qkv, 3, 2), split) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
}

/** [N, T, D] -> [N, A, T, d], each. */
function splitHeads(parts: tf.Tensor[], { batch, tokens, heads, width }: Heads): tf.Tensor4D[] {
  return parts.map((part) => tf.transpose(tf.reshape(part, [batch, tokens, heads, width]), [0, 2, 1, 3]));
}

/** [N, A, T, d] -> [N, T, D]. */
function joinHeads(x: tf.Tensor, { batch, tokens, heads, width }: Heads): tf.Tensor3D {
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, tokens, heads * width]);
}

function attentionWeights(q: tf.Tensor, k: tf.Tensor, scale: number): tf.Tensor {
  // The factor goes to the smaller operand: T * d multiplications and not T * T.
  return softmaxValue(matMul(tf.mul(q, scale), k, false, true), 3);
}

function attentionValue(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, scale: number): tf.Tensor {
  const kernel = useKernel("GlofAttention");
  if (kernel === undefined) return matMul(attentionWeights(q, k, scale), v);
  return tf.reshape(kernel({ q: joinBatch(q), k: joinBatch(k), v: joinBatch(v) }, { scale }), q.shape);
}

/** [N, A, T, d] -> [N A, T, d]. */
function joinBatch(x: tf.Tensor): tf.Tensor {
  const [batch, heads, tokens, width] = x.shape as [number, number, number, number];
  return tf.reshape(x, [batch * heads, tokens, width]);
}

function attentionPullback(
  dy: tf.Tensor,
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  scale: number,
): { q: tf.Tensor; k: tf.Tensor; v: tf.Tensor } {
  const kernel = useGradientKernel("GlofAttentionGrad");
  if (kernel !== undefined) {
    const given = { q: joinBatch(q), k: joinBatch(k), v: joinBatch(v), dy: joinBatch(dy) };
    const [dq, dk, dv] = kernel(given, { scale }) as [tf.Tensor, tf.Tensor, tf.Tensor];
    return { q: tf.reshape(dq, q.shape), k: tf.reshape(dk, k.shape), v: tf.reshape(dv, v.shape) };
  }
  const weights = attentionWeights(q, k, scale);
  const dScores = softmaxPullback(matMul(dy, v, false, true), weights, 3);
  return {
    q: tf.mul(matMul(dScores, k), scale),
    k: tf.mul(matMul(dScores, q, true, false), scale),
    v: matMul(weights, dy, true, false),
  };
}

function checkShapes(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D): void {
  const same = (axes: readonly number[], other: tf.Tensor4D): boolean =>
    other.rank === 4 && axes.every((axis) => other.shape[axis] === q.shape[axis]);
  if (q.rank === 4 && same([0, 1, 3], k) && same([0, 1, 3], v) && k.shape[2] === v.shape[2]) return;
  throw new GlofError(
    "shape-mismatch",
    `attention: expected q [N, A, T, d] and k, v [N, A, S, d], got q [${q.shape}], k [${k.shape}], v [${v.shape}]. ` +
      "Split the width into heads first, or use multiHeadAttention.",
  );
}
