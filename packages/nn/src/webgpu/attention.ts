import { GlofError } from "@glof/core";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type AttentionGradient, attentionGradientCode, operandsOf } from "./attention_backward.js";
import { attentionCode, attentionStatisticsCode } from "./attention_forward.js";
import {
  type AttentionOperand,
  type AttentionProblem,
  packedProblem,
  separateProblem,
} from "./attention_problem.js";
import { elementOf, type HeadShape, poolBytes, type RowLayout, rowsPerGroup } from "./attention_shader.js";
import {
  dispatch,
  type ShaderInput,
  type ShaderOutput,
  type UniformValue,
  workgroupBytes,
} from "./dispatch.js";
import { keepsHalves } from "./half_in_force.js";
import { attentionUnitsInUse, isForwardOnly } from "./half_precision.js";
import { holdsHalves } from "./half_storage.js";
import type { WebgpuKernel } from "./kernel.js";
import { unitAttentionCode, unitAttentionKey } from "./matrix_unit_attention.js";
import { queriesOf, type UnitAttentionShape, unitAttentionShape } from "./matrix_unit_attention_shape.js";
import type { MatrixUnits } from "./matrix_units.js";

/** One pass over a problem. */
interface Pass {
  /** Unique for the code that `code` gives. */
  readonly key: string;
  readonly code: () => string;
  readonly extensions?: readonly string[];
  readonly operands: readonly string[];
  readonly statistics?: TensorInfo;
  readonly into: readonly number[] | TensorInfo;
  /** Where the rows of the result lie, where that is not one number per query. */
  readonly resultLayout?: RowLayout;
  readonly rows: number;
  /** Rows that a workgroup takes. Default `rowsPerGroup`. */
  readonly rowsPerGroup?: number;
  /** The operands' buffers are read as the halves that they hold. Default false. */
  readonly packed?: boolean;
  /** The result is kept as halves. Default false. */
  readonly halfY?: boolean;
}

/** A pass in single precision. */
function singlePass(
  problem: AttentionProblem,
  { name, code, ...rest }: { name: string; code: (shape: HeadShape) => string } & Omit<Pass, "key" | "code">,
): TensorInfo {
  checkMemory(problem);
  const { packed = false, halfY = false } = rest;
  const shape = { ...problem.shape, packed, halfY };
  const key = `${name}_${Object.values(shape).join("_")}`;
  const pass = { ...rest, key, code: () => code(shape) };
  return runPass(problem, pass);
}

function runPass(problem: AttentionProblem, pass: Pass): TensorInfo {
  const { shape, layouts, tensors } = problem;
  const element = elementOf(shape);
  const inputs = pass.operands.map(
    (name): ShaderInput => ({
      name,
      element: pass.packed ? "vec2<u32>" : element,
      tensor: tensors[name as AttentionOperand]!,
    }),
  );
  if (pass.statistics) inputs.push({ name: "statistics", element: "vec2<f32>", tensor: pass.statistics });
  const output: ShaderOutput = {
    name: "result",
    element: pass.halfY ? "vec2<u32>" : pass.resultLayout ? element : "f32",
    into: pass.into,
  };
  const places = pass.operands.map((name): [string, RowLayout] => [name, layouts[name as AttentionOperand]]);
  if (pass.resultLayout) places.push(["result", pass.resultLayout]);
  const uniforms = places.flatMap(([name, { offset, batch, row }]): UniformValue[] => [
    [`${name}Offset`, "i32", offset],
    [`${name}Batch`, "i32", batch],
    [`${name}Row`, "i32", row],
  ]);
  const [result] = dispatch(problem.backend, {
    key: pass.key,
    extensions: pass.extensions ?? [],
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
    code: pass.code,
    groups: [Math.ceil(pass.rows / (pass.rowsPerGroup ?? rowsPerGroup)), problem.images * problem.heads, 1],
  });
  return result!;
}

function checkMemory({ backend, shape }: AttentionProblem): void {
  const [needed, there] = [poolBytes(shape), workgroupBytes(backend)];
  if (needed <= there) return;
  throw new GlofError(
    "limit-exceeded",
    `attention: expected heads that fit into ${there} bytes of workgroup memory, got a width of ${shape.width}, which ` +
      `takes ${needed}. Use more heads, or withReferenceKernels.`,
  );
}

/** @param compact whether the result may be kept as halves */
function forward(problem: AttentionProblem, into: readonly number[], compact = false): TensorInfo {
  const { backend, layouts, queries, tensors } = problem;
  const { vector } = problem.shape;
  const operands = ["q", "k", "v"] as const;
  const what = {
    operands,
    into,
    resultLayout: layouts.dy,
    rows: queries,
    packed: vector && operands.every((name) => holdsHalves(backend, tensors[name]!)),
    halfY: vector && compact,
  };
  const units = isForwardOnly() ? attentionUnitsInUse() : undefined;
  const shape = units && unitShapeOf(problem, units);
  if (!shape) return singlePass(problem, { ...what, name: "attention", code: attentionCode });
  const form = { ...shape, packed: what.packed, halfY: what.halfY };
  return runPass(problem, {
    ...what,
    key: unitAttentionKey(form, units),
    code: () => unitAttentionCode(form, units),
    extensions: units.extensions,
    rowsPerGroup: queriesOf(shape),
  });
}

function unitShapeOf(
  { backend, shape, queries, images, heads }: AttentionProblem,
  units: MatrixUnits,
): UnitAttentionShape | undefined {
  const problem = { width: shape.width, queries, heads: images * heads };
  return unitAttentionShape(problem, units, workgroupBytes(backend));
}

/** The gradients, each into a tensor of its own or all into one. */
function backward(
  problem: AttentionProblem,
  target: (gradient: AttentionGradient, before: TensorInfo | undefined) => readonly number[] | TensorInfo,
): TensorInfo[] {
  const { queries, keys, images, heads } = problem;
  const statistics = singlePass(problem, {
    name: "attention_statistics",
    code: attentionStatisticsCode,
    operands: ["q", "k", "v", "dy"],
    into: [images * heads, queries, 2],
    rows: queries,
  });
  const gradients: TensorInfo[] = [];
  for (const gradient of ["dq", "dk", "dv"] as const) {
    gradients.push(
      singlePass(problem, {
        name: `attention_${gradient}`,
        code: (shape) => attentionGradientCode(gradient, shape),
        operands: operandsOf(gradient),
        statistics,
        into: target(gradient, gradients[0]),
        resultLayout: problem.layouts[gradient.slice(1) as AttentionOperand],
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
      const into = [images, tokens, packed / 3];
      return forward(packedProblem(call), into, keepsHalves(call.attributes, into));
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
