import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebgpuKernel } from "./kernel.js";
import { runShader } from "./run_shader.js";
import { defaultGroupSize, type ShaderBackend, withShape } from "./shader.js";

/**
 * WGSL: the normal distribution function of an `f32` or a vector, by erfc, Abramowitz and Stegun 7.1.26 (absolute error below
 * 1.5e-7); the lower tail is not a difference, so it keeps its digits.
 */
export function normalCdf(type: string): string {
  return `
fn normalCdf(x : ${type}) -> ${type} {
  let z = abs(x) * ${Math.SQRT1_2};
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  let tail = 0.5 * series * exp(-z * z);
  return select(1.0 - tail, tail, x < ${type}());
}
`;
}

const valueCode = `
${normalCdf("f32")}
fn main(index : i32) {
  if (index >= uniforms.count) { return; }
  result[index] = x[index] * normalCdf(x[index]);
}
`;

const gradientCode = `
${normalCdf("f32")}
fn main(index : i32) {
  if (index >= uniforms.count) { return; }
  let at = x[index];
  let density = ${1 / Math.sqrt(2 * Math.PI)} * exp(-0.5 * at * at);
  result[index] = dy[index] * (normalCdf(at) + at * density);
}
`;

/** y or x of a ReLU: both are positive where its slope is 1. */
const reluGradientCode = `
fn main(index : i32) {
  if (index >= uniforms.count) { return; }
  result[index] = select(0.0, dy[index], x[index] > 0.0);
}
`;

function elementwise(
  backend: ShaderBackend,
  name: string,
  code: string,
  inputs: Record<string, TensorInfo>,
): TensorInfo {
  const { shape } = inputs.x!;
  const count = shape.reduce((a, b) => a * b, 1);
  const flat = Object.fromEntries(
    Object.entries(inputs).map(([key, tensor]) => [key, withShape(tensor, [count])]),
  );
  const groups = Math.ceil(count / defaultGroupSize);
  const outcome = runShader(backend, {
    name,
    code,
    inputs: flat,
    outShape: [count],
    ints: { count },
    groups,
  });
  return withShape(outcome, shape);
}

/** Exact GELU in one pass; tfjs's operations take five. */
export function geluOf(backend: ShaderBackend, x: TensorInfo): TensorInfo {
  return elementwise(backend, "gelu", valueCode, { x });
}

/** `GlofGelu`, `GlofGeluGrad` and `GlofReluGrad`. */
export const geluKernels: readonly WebgpuKernel[] = [
  { name: "GlofGelu", compute: ({ backend, inputs }) => geluOf(backend, inputs.x!) },
  {
    name: "GlofGeluGrad",
    compute: ({ backend, inputs }) =>
      elementwise(backend, "gelu_grad", gradientCode, { x: inputs.x!, dy: inputs.dy! }),
  },
  {
    name: "GlofReluGrad",
    compute: ({ backend, inputs }) =>
      elementwise(backend, "relu_grad", reluGradientCode, { x: inputs.x!, dy: inputs.dy! }),
  },
];
