import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type AttentionGradient, attentionGradientCode, operandsOf } from "./attention_backward.js";
import { attentionCode, attentionStatisticsCode } from "./attention_forward.js";
import { runAttentionPass } from "./attention_pass.js";
import {
  type AttentionOperand,
  type AttentionProblem,
  packedProblem,
  separateProblem,
} from "./attention_problem.js";
import { keepsHalves } from "./half_in_force.js";
import { isForwardOnly } from "./half_precision.js";
import { holdsHalves } from "./half_storage.js";
import type { WebgpuKernel } from "./kernel.js";

/** What passes of a backward pass have in common: nothing of them is halves. */
const inFloats = { packed: false, halfY: false, half: false } as const;

/** @param compact whether the result may be kept as halves */
function forward(problem: AttentionProblem, into: readonly number[], compact = false): TensorInfo {
  const { backend, layouts, queries, tensors } = problem;
  const { vector } = problem.shape;
  const operands = ["q", "k", "v"] as const;
  return runAttentionPass(problem, {
    name: "attention",
    code: attentionCode,
    operands,
    into,
    resultLayout: layouts.dy,
    rows: queries,
    packed: vector && operands.every((name) => holdsHalves(backend, tensors[name]!)),
    halfY: vector && compact,
    half: isForwardOnly(),
  });
}

/** The gradients, each into a tensor of its own or all into one. */
function backward(
  problem: AttentionProblem,
  target: (gradient: AttentionGradient, before: TensorInfo | undefined) => readonly number[] | TensorInfo,
): TensorInfo[] {
  const { queries, keys, images, heads } = problem;
  const statistics = runAttentionPass(problem, {
    ...inFloats,
    name: "attention_statistics",
    code: attentionStatisticsCode,
    operands: ["q", "k", "v", "dy"],
    into: [images * heads, queries, 2],
    rows: queries,
  });
  const gradients: TensorInfo[] = [];
  for (const gradient of ["dq", "dk", "dv"] as const) {
    gradients.push(
      runAttentionPass(problem, {
        ...inFloats,
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
