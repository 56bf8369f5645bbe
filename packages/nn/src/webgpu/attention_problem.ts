import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { HeadRows, HeadShape, RowLayout } from "./attention_shader.js";
import { isHardware } from "./dispatch.js";
import type { KernelCall } from "./kernel.js";
import type { ShaderBackend } from "./shader.js";

/** Tensors that attention reads. */
export type AttentionOperand = "q" | "k" | "v" | "dy";

/** Queries, keys and values of all heads, wherever they lie; `dy` lies as the result does. */
export interface AttentionProblem {
  readonly backend: ShaderBackend;
  readonly images: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly scale: number;
  readonly shape: HeadRows;
  readonly tensors: Readonly<Partial<Record<AttentionOperand, TensorInfo>>>;
  readonly layouts: Readonly<Record<AttentionOperand, RowLayout>>;
}

/** One pass over a problem. */
export interface AttentionPass {
  readonly name: string;
  /** WGSL in single precision. */
  readonly code: (shape: HeadShape) => string;
  readonly operands: readonly AttentionOperand[];
  readonly statistics?: TensorInfo;
  readonly into: readonly number[] | TensorInfo;
  /** Where the rows of the result lie, where that is not one number per query. */
  readonly resultLayout?: RowLayout;
  readonly rows: number;
  /** The operands' buffers are read as the halves that they hold. */
  readonly packed: boolean;
  /** The result is kept as halves. */
  readonly halfY: boolean;
  /** Operands may be rounded to half precision. */
  readonly half: boolean;
}

/** A pass and what it works on: all that its form is chosen by. */
export interface AttentionWork {
  readonly problem: AttentionProblem;
  readonly pass: AttentionPass;
}

/** Of packed qkv [N, T, 3D], the last axis being [3][heads][d]; dy is [N, T, D]. */
export function packedProblem({ backend, inputs, attributes }: KernelCall): AttentionProblem {
  const [images, tokens, packed] = inputs.qkv!.shape as [number, number, number];
  const heads = attributes.heads as number;
  const width = packed / 3;
  const operand = (part: number): RowLayout => ({
    offset: part * width,
    batch: tokens * packed,
    row: packed,
  });
  const { qkv: q, dy } = inputs;
  return {
    backend,
    images,
    heads,
    queries: tokens,
    keys: tokens,
    scale: attributes.scale as number,
    shape: { width: width / heads, vector: (width / heads) % 4 === 0, unroll: isHardware(backend) },
    tensors: { q: q!, k: q!, v: q!, ...(dy && { dy }) },
    layouts: {
      q: operand(0),
      k: operand(1),
      v: operand(2),
      dy: { offset: 0, batch: tokens * width, row: width },
    },
  };
}

/** Of q [B, T, d], k and v [B, S, d]; dy is [B, T, d]. Each of B is an image of one head. */
export function separateProblem({ backend, inputs, attributes }: KernelCall): AttentionProblem {
  const [images, queries, width] = inputs.q!.shape as [number, number, number];
  const keys = inputs.k!.shape[1]!;
  const rows = (count: number): RowLayout => ({ offset: 0, batch: count * width, row: width });
  return {
    backend,
    images,
    heads: 1,
    queries,
    keys,
    scale: attributes.scale as number,
    shape: { width, vector: width % 4 === 0, unroll: isHardware(backend) },
    tensors: inputs as AttentionProblem["tensors"],
    layouts: { q: rows(queries), k: rows(keys), v: rows(keys), dy: rows(queries) },
  };
}
