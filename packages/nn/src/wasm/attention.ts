import type { NamedAttrMap, TensorInfo } from "@tensorflow/tfjs-core";
import type { WasmHeap } from "./heap.js";
import type { WasmKernel } from "./override.js";
import type { KernelTask } from "./threads/pool.js";
import { splitForThreads } from "./threads/split.js";

/** Addresses of the first floats of one head. */
interface Head {
  readonly q: number;
  readonly k: number;
  readonly v: number;
  readonly out: number;
}

/** Sizes of every head, and the distances of its rows in floats. */
interface HeadSizes {
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  readonly rowStride: number;
  readonly outRowStride: number;
  readonly scale: number;
}

/** Query rows per task: each packs the keys and values for itself, which must stay a small part of the work. */
const QUERY_GRAIN = 192;

/** Attention of all heads, shared out by heads, and by queries where there are too few of them. */
function attendAll(heap: WasmHeap, all: readonly Head[], sizes: HeadSizes): void {
  const { queries, keys, width, rowStride, outRowStride, scale } = sizes;
  const isEnough = all.length % heap.threads === 0 || all.length >= 8 * heap.threads;
  const ranges = splitForThreads(queries, QUERY_GRAIN, isEnough ? 1 : heap.threads);
  const tasks = all.flatMap(({ q, k, v, out }) =>
    ranges.map(
      ({ from, count }): KernelTask => [
        "attention",
        q + 4 * from * rowStride,
        k,
        v,
        out + 4 * from * outRowStride,
        count,
        keys,
        width,
        rowStride,
        outRowStride,
        scale,
      ],
    ),
  );
  heap.run(tasks, { scratchBytes: heap.kernels.attentionScratchBytes(keys, width) });
}

/** The gradients of one head: addresses of its values and of where their gradients go. */
interface HeadGradient extends Head {
  readonly dq: number;
  readonly dk: number;
  readonly dv: number;
}

/** `out` of a head is the gradient of its result here. Gradients of keys sum over all queries, so a head is one task. */
function differentiateAll(heap: WasmHeap, all: readonly HeadGradient[], sizes: HeadSizes): void {
  const { queries, keys, width, rowStride, outRowStride, scale } = sizes;
  const tasks = all.map(
    ({ q, k, v, out, dq, dk, dv }): KernelTask => [
      "attentionGrad",
      q,
      k,
      v,
      out,
      dq,
      dk,
      dv,
      queries,
      keys,
      width,
      rowStride,
      outRowStride,
      scale,
    ],
  );
  heap.run(tasks, { scratchBytes: heap.kernels.attentionGradScratchBytes(keys, width) });
}

/** `GlofAttention`: q [B, T, d], k and v [B, S, d] -> softmax(q k^T scale) v [B, T, d]. */
export const attention: WasmKernel = {
  name: "GlofAttention",
  compute: ({ heap, inputs, attrs }) => {
    const { q, k, v } = inputs as Record<"q" | "k" | "v", TensorInfo>;
    const out = heap.output(q.shape, "float32");
    if (isEmpty(out)) return out;
    const sizes = plainSizes(q, k, attrs.scale as number);
    const [qAt, kAt, vAt, outAt] = [q, k, v, out].map((one) => heap.address(one));
    const all = Array.from({ length: q.shape[0]! }, (_, i): Head => {
      const [ofQueries, ofKeys] = plainOffsets(i, sizes);
      return { q: qAt! + ofQueries, k: kAt! + ofKeys, v: vAt! + ofKeys, out: outAt! + ofQueries };
    });
    attendAll(heap, all, sizes);
    return out;
  },
};

function plainSizes(q: TensorInfo, k: TensorInfo, scale: number): HeadSizes {
  const [, queries, width] = q.shape as [number, number, number];
  return { queries, keys: k.shape[1]!, width, rowStride: width, outRowStride: width, scale };
}

/** Bytes before problem `i`, in q and in k. */
function plainOffsets(i: number, { queries, keys, width }: HeadSizes): [number, number] {
  return [4 * i * queries * width, 4 * i * keys * width];
}

/** `GlofAttentionGrad`: q, k, v as above, dy [B, T, d] -> dq, dk, dv. */
export const attentionGrad: WasmKernel = {
  name: "GlofAttentionGrad",
  compute: ({ heap, inputs, attrs }) => {
    const { q, k, v, dy } = inputs as Record<"q" | "k" | "v" | "dy", TensorInfo>;
    const gradients = [q, k, v].map(({ shape }) => heap.output(shape, "float32")) as [
      TensorInfo,
      TensorInfo,
      TensorInfo,
    ];
    if (gradients.some(isEmpty)) {
      for (const gradient of gradients) clear(heap, gradient);
      return gradients;
    }
    const sizes = plainSizes(q, k, attrs.scale as number);
    const addresses = [q, k, v, dy, ...gradients].map((one) => heap.address(one));
    const all = Array.from({ length: q.shape[0]! }, (_, i): HeadGradient => {
      const [ofQueries, ofKeys] = plainOffsets(i, sizes);
      const steps = [ofQueries, ofKeys, ofKeys, ofQueries, ofQueries, ofKeys, ofKeys];
      const moved = addresses.map((address, at) => address + steps[at]!);
      const [qAt, kAt, vAt, out, dq, dk, dv] = moved as [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      return { q: qAt, k: kAt, v: vAt, out, dq, dk, dv };
    });
    differentiateAll(heap, all, sizes);
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
    const [batch, tokens, packed] = qkv.shape as [number, number, number];
    const out = heap.output([batch, tokens, packed / 3], "float32");
    if (isEmpty(out)) return out;
    attendAll(heap, heads(heap, qkv, out, attrs.heads as number), packedSizes(qkv, attrs));
    return out;
  },
};

/** `GlofMultiHeadAttentionGrad`: qkv [N, T, 3 D], dy [N, T, D], attrs heads and scale -> dqkv [N, T, 3 D]. */
export const multiHeadAttentionGrad: WasmKernel = {
  name: "GlofMultiHeadAttentionGrad",
  compute: ({ heap, inputs, attrs }) => {
    const qkv = inputs.qkv!;
    const dqkv = heap.output(qkv.shape, "float32");
    if (isEmpty(dqkv)) return dqkv;
    // Gradients lie in dqkv as the values do in qkv.
    const shift = heap.address(dqkv) - heap.address(qkv);
    const all = heads(heap, qkv, inputs.dy!, attrs.heads as number).map(
      (head): HeadGradient => ({ ...head, dq: head.q + shift, dk: head.k + shift, dv: head.v + shift }),
    );
    differentiateAll(heap, all, packedSizes(qkv, attrs));
    return dqkv;
  },
};

function packedSizes({ shape }: TensorInfo, attrs: NamedAttrMap): HeadSizes {
  const [, tokens, packed] = shape as [number, number, number];
  return {
    queries: tokens,
    keys: tokens,
    width: packed / 3 / (attrs.heads as number),
    rowStride: packed,
    outRowStride: packed / 3,
    scale: attrs.scale as number,
  };
}

/** Every head of every image; qkv's last axis is [3][heads][width]. */
function heads(heap: WasmHeap, qkv: TensorInfo, out: TensorInfo, headCount: number): Head[] {
  const [batch, tokens, packed] = qkv.shape as [number, number, number];
  const width = packed / 3 / headCount;
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
