import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebgpuKernel } from "./kernel.js";
import { runShader } from "./run_shader.js";
import { groupReductions, rowGroupSize, type ShaderBackend } from "./shader.js";

/** One group of threads per row. */
const valueCode = (groupSize: number): string => `
${groupReductions(groupSize)}
fn main(index : i32) {
  let row = index / ${groupSize};
  let start = min(row, uniforms.rows - 1) * uniforms.cols;
  let first = i32(localIndex);
  var best = -3.4e38;
  for (var col = first; col < uniforms.cols; col += ${groupSize}) { best = max(best, x[start + col]); }
  let top = groupMax(best);
  var sum = 0.0;
  for (var col = first; col < uniforms.cols; col += ${groupSize}) { sum += exp(x[start + col] - top); }
  let total = groupSum(sum);
  if (row >= uniforms.rows) { return; }
  for (var col = first; col < uniforms.cols; col += ${groupSize}) {
    result[start + col] = exp(x[start + col] - top) / total;
  }
}
`;

const gradientCode = (groupSize: number): string => `
${groupReductions(groupSize)}
fn main(index : i32) {
  let row = index / ${groupSize};
  let start = min(row, uniforms.rows - 1) * uniforms.cols;
  let first = i32(localIndex);
  var sum = 0.0;
  for (var col = first; col < uniforms.cols; col += ${groupSize}) { sum += y[start + col] * dy[start + col]; }
  let total = groupSum(sum);
  if (row >= uniforms.rows) { return; }
  for (var col = first; col < uniforms.cols; col += ${groupSize}) {
    result[start + col] = y[start + col] * (dy[start + col] - total);
  }
}
`;

function perRow(
  backend: ShaderBackend,
  name: string,
  code: (groupSize: number) => string,
  inputs: Record<string, TensorInfo>,
): TensorInfo {
  const { shape } = Object.values(inputs)[0]!;
  const [rows, cols] = shape as [number, number];
  const groupSize = rowGroupSize(cols);
  return runShader(backend, {
    name,
    code: code(groupSize),
    inputs,
    outShape: shape,
    ints: { rows, cols },
    groups: rows,
    groupSize,
  });
}

/** `GlofSoftmax` and `GlofSoftmaxGrad`: one pass each, where tfjs's operations take five and four. */
export const softmaxKernels: readonly WebgpuKernel[] = [
  {
    name: "GlofSoftmax",
    compute: ({ backend, inputs }) => perRow(backend, "softmax", valueCode, { x: inputs.x! }),
  },
  {
    name: "GlofSoftmaxGrad",
    compute: ({ backend, inputs }) =>
      perRow(backend, "softmax_grad", gradientCode, { y: inputs.y!, dy: inputs.dy! }),
  },
];
