import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WasmHeap } from "./heap.js";
import type { WasmKernel } from "./override.js";

/** Where the heads of one problem lie: addresses of their first floats, and the distances of rows in floats. */
interface Head {
  readonly q: number;
  readonly k: number;
  readonly v: number;
  readonly out: number;
}

/** `GlofAttention`: q [B, T, d], k and v [B, S, d] -> softmax(q k^T scale) v [B, T, d]. */
export const attention: WasmKernel = {
  name: "GlofAttention",
  compute: ({ heap, inputs, attrs }) => {
    const { q, k, v } = inputs as Record<"q" | "k" | "v", TensorInfo>;
    const [batch, queries, width] = q.shape as [number, number, number];
    const keys = k.shape[1]!;
    const out = heap.output(q.shape, "float32");
    if (isEmpty(out)) return out;
    const scratch = heap.scratch(heap.kernels.attentionScratchBytes(keys, width));
    const scale = attrs.scale as number;
    for (let i = 0; i < batch; i++) {
      heap.kernels.attention(
        heap.address(q) + 4 * i * queries * width,
        heap.address(k) + 4 * i * keys * width,
        heap.address(v) + 4 * i * keys * width,
        heap.address(out) + 4 * i * queries * width,
        queries,
        keys,
        width,
        width,
        width,
        scale,
        scratch,
      );
    }
    return out;
  },
};

/** `GlofAttentionGrad`: q, k, v as above, dy [B, T, d] -> dq, dk, dv. */
export const attentionGrad: WasmKernel = {
  name: "GlofAttentionGrad",
  compute: ({ heap, inputs, attrs }) => {
    const { q, k, v, dy } = inputs as Record<"q" | "k" | "v" | "dy", TensorInfo>;
    const [batch, queries, width] = q.shape as [number, number, number];
    const keys = k.shape[1]!;
    const gradients = [q, k, v].map(({ shape }) => heap.output(shape, "float32")) as [
      TensorInfo,
      TensorInfo,
      TensorInfo,
    ];
    if (gradients.some(isEmpty)) {
      for (const gradient of gradients) clear(heap, gradient);
      return gradients;
    }
    const scratch = heap.scratch(heap.kernels.attentionGradScratchBytes(keys, width));
    const [dq, dk, dv] = gradients;
    for (let i = 0; i < batch; i++) {
      const ofQueries = 4 * i * queries * width;
      const ofKeys = 4 * i * keys * width;
      heap.kernels.attentionGrad(
        heap.address(q) + ofQueries,
        heap.address(k) + ofKeys,
        heap.address(v) + ofKeys,
        heap.address(dy) + ofQueries,
        heap.address(dq) + ofQueries,
        heap.address(dk) + ofKeys,
        heap.address(dv) + ofKeys,
        queries,
        keys,
        width,
        width,
        width,
        attrs.scale as number,
        scratch,
      );
    }
    return gradients;
  },
};

/**
 * `GlofMultiHeadAttention`: qkv [N, T, 3 D], attrs heads and scale -> [N, T, D]. It reads the heads where they lie: no
 * split, no transpose.
 */
export const multiHeadAttention: WasmKernel = {
  name: "GlofMultiHeadAttention",
  compute: ({ heap, inputs, attrs }) => {
    const qkv = inputs.qkv!;
    const { batch, tokens, packed, width } = packing(qkv, attrs.heads as number);
    const out = heap.output([batch, tokens, packed / 3], "float32");
    if (isEmpty(out)) return out;
    const scratch = heap.scratch(heap.kernels.attentionScratchBytes(tokens, width));
    for (const { q, k, v, out: to } of heads(heap, qkv, out, attrs.heads as number)) {
      const scale = attrs.scale as number;
      heap.kernels.attention(q, k, v, to, tokens, tokens, width, packed, packed / 3, scale, scratch);
    }
    return out;
  },
};

/** `GlofMultiHeadAttentionGrad`: qkv [N, T, 3 D], dy [N, T, D], attrs heads and scale -> dqkv [N, T, 3 D]. */
export const multiHeadAttentionGrad: WasmKernel = {
  name: "GlofMultiHeadAttentionGrad",
  compute: ({ heap, inputs, attrs }) => {
    const qkv = inputs.qkv!;
    const { tokens, packed, width } = packing(qkv, attrs.heads as number);
    const dqkv = heap.output(qkv.shape, "float32");
    if (isEmpty(dqkv)) return dqkv;
    const scratch = heap.scratch(heap.kernels.attentionGradScratchBytes(tokens, width));
    // Gradients lie in dqkv as the values do in qkv.
    const shift = heap.address(dqkv) - heap.address(qkv);
    for (const { q, k, v, out: dy } of heads(heap, qkv, inputs.dy!, attrs.heads as number)) {
      heap.kernels.attentionGrad(
        q,
        k,
        v,
        dy,
        q + shift,
        k + shift,
        v + shift,
        tokens,
        tokens,
        width,
        packed,
        packed / 3,
        attrs.scale as number,
        scratch,
      );
    }
    return dqkv;
  },
};

function packing(qkv: TensorInfo, headCount: number) {
  const [batch, tokens, packed] = qkv.shape as [number, number, number];
  return { batch, tokens, packed, width: packed / 3 / headCount };
}

/** Every head of every image; qkv's last axis is [3][heads][width]. */
function heads(heap: WasmHeap, qkv: TensorInfo, out: TensorInfo, headCount: number): Head[] {
  const { batch, tokens, packed, width } = packing(qkv, headCount);
  return Array.from({ length: batch * headCount }, (_, i) => {
    const image = Math.floor(i / headCount);
    const offset = (i % headCount) * width;
    const q = heap.address(qkv) + 4 * (image * tokens * packed + offset);
    return {
      q,
      k: q + (4 * packed) / 3,
      v: q + (8 * packed) / 3,
      out: heap.address(out) + 4 * ((image * tokens * packed) / 3 + offset),
    };
  });
}

function isEmpty({ shape }: TensorInfo): boolean {
  return shape.includes(0);
}

function clear(heap: WasmHeap, tensor: TensorInfo): void {
  const from = heap.address(tensor);
  heap.bytes().fill(0, from, from + 4 * tensor.shape.reduce((a, b) => a * b, 1));
}
