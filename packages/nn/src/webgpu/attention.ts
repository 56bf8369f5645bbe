import { GlofError } from "@glof/core";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type AttentionGradient, attentionGradientCode, operandsOf } from "./attention_backward.js";
import { attentionCode, attentionStatisticsCode } from "./attention_forward.js";
import { elementOf, type HeadShape, poolBytes, type RowLayout, rowsPerGroup } from "./attention_shader.js";
import {
  dispatch,
  isHardware,
  type ShaderInput,
  type ShaderOutput,
  type UniformValue,
  workgroupBytes,
} from "./dispatch.js";
import type { KernelCall, WebgpuKernel } from "./kernel.js";
import type { ShaderBackend } from "./shader.js";

type Operand = "q" | "k" | "v" | "dy";

/** Queries, keys and values of all heads, wherever they lie; `dy` lies as the result does. */
interface Problem {
  readonly backend: ShaderBackend;
  readonly images: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly scale: number;
  readonly shape: HeadShape;
  readonly tensors: Readonly<Partial<Record<Operand, TensorInfo>>>;
  readonly layouts: Readonly<Record<Operand, RowLayout>>;
}

/** Of packed qkv [N, T, 3D], the last axis being [3][heads][d]; dy is [N, T, D]. */
function packedProblem({ backend, inputs, attributes }: KernelCall): Problem {
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
function separateProblem({ backend, inputs, attributes }: KernelCall): Problem {
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
    tensors: inputs as Problem["tensors"],
    layouts: { q: rows(queries), k: rows(keys), v: rows(keys), dy: rows(queries) },
  };
}

/** One pass over a problem. */
interface Pass {
  readonly name: string;
  readonly code: (shape: HeadShape) => string;
  readonly operands: readonly string[];
  readonly statistics?: TensorInfo;
  readonly into: readonly number[] | TensorInfo;
  /** Where the rows of the result lie, where that is not one number per query. */
  readonly resultLayout?: RowLayout;
  readonly rows: number;
}

function runPass(problem: Problem, pass: Pass): TensorInfo {
  const { shape, layouts, tensors } = problem;
  checkMemory(problem);
  const element = elementOf(shape);
  const inputs = pass.operands.map(
    (name): ShaderInput => ({ name, element, tensor: tensors[name as Operand]! }),
  );
  if (pass.statistics) inputs.push({ name: "statistics", element: "vec2<f32>", tensor: pass.statistics });
  const output: ShaderOutput = {
    name: "result",
    element: pass.resultLayout ? element : "f32",
    into: pass.into,
  };
  const places = pass.operands.map((name): [string, RowLayout] => [name, layouts[name as Operand]]);
  if (pass.resultLayout) places.push(["result", pass.resultLayout]);
  const uniforms = places.flatMap(([name, { offset, batch, row }]): UniformValue[] => [
    [`${name}Offset`, "i32", offset],
    [`${name}Batch`, "i32", batch],
    [`${name}Row`, "i32", row],
  ]);
  const [result] = dispatch(problem.backend, {
    key: `${pass.name}_${shape.width}_${shape.vector}_${shape.unroll}`,
    outputs: [output],
    inputs,
    uniforms: [
      ...uniforms,
      ["queries", "i32", problem.queries],
      ["keys", "i32", problem.keys],
      ["heads", "i32", problem.heads],
      ["headStep", "i32", shape.width],
      ["scale", "f32", problem.scale],
      ["scale2", "f32", problem.scale * Math.LOG2E],
    ],
    code: () => pass.code(shape),
    groups: [Math.ceil(pass.rows / rowsPerGroup), problem.images * problem.heads, 1],
  });
  return result!;
}

function checkMemory({ backend, shape }: Problem): void {
  const [needed, there] = [poolBytes(shape), workgroupBytes(backend)];
  if (needed <= there) return;
  throw new GlofError(
    "limit-exceeded",
    `attention: expected heads that fit into ${there} bytes of workgroup memory, got a width of ${shape.width}, which ` +
      `takes ${needed}. Use more heads, or withReferenceKernels.`,
  );
}

function forward(problem: Problem, into: readonly number[]): TensorInfo {
  return runPass(problem, {
    name: "attention",
    code: attentionCode,
    operands: ["q", "k", "v"],
    into,
    resultLayout: problem.layouts.dy,
    rows: problem.queries,
  });
}

/** The gradients, each into a tensor of its own or all into one. */
function backward(
  problem: Problem,
  target: (gradient: AttentionGradient, before: TensorInfo | undefined) => readonly number[] | TensorInfo,
): TensorInfo[] {
  const { queries, keys, images, heads } = problem;
  const statistics = runPass(problem, {
    name: "attention_statistics",
    code: attentionStatisticsCode,
    operands: ["q", "k", "v", "dy"],
    into: [images * heads, queries, 2],
    rows: queries,
  });
  const gradients: TensorInfo[] = [];
  for (const gradient of ["dq", "dk", "dv"] as const) {
    gradients.push(
      runPass(problem, {
        name: `attention_${gradient}`,
        code: (shape) => attentionGradientCode(gradient, shape),
        operands: operandsOf(gradient),
        statistics,
        into: target(gradient, gradients[0]),
        resultLayout: problem.layouts[gradient.slice(1) as Operand],
        rows: gradient === "dq" ? queries : keys,
      }),
    );
  }
  problem.backend.disposeData(statistics.dataId);
  return gradients;
}

/** `GlofAttention`, `GlofMultiHeadAttention` and their gradients: one pass forwards, four backwards. */
export const attentionKernels: readonly WebgpuKernel[] = [
  { name: "GlofAttention", compute: (call) => forward(separateProblem(call), call.inputs.q!.shape) },
  {
    name: "GlofMultiHeadAttention",
    compute: (call) => {
      const [images, tokens, packed] = call.inputs.qkv!.shape as [number, number, number];
      return forward(packedProblem(call), [images, tokens, packed / 3]);
    },
  },
  {
    name: "GlofAttentionGrad",
    compute: (call) => backward(separateProblem(call), (name) => call.inputs[name.slice(1)]!.shape),
  },
  {
    name: "GlofMultiHeadAttentionGrad",
    compute: (call) => backward(packedProblem(call), (_, before) => before ?? call.inputs.qkv!.shape)[0]!,
  },
];
