import type { TensorInfo } from "@tensorflow/tfjs-core";
import { dispatch, type ShaderInput, type UniformValue } from "./dispatch.js";
import { groupsPerAxis } from "./groups_per_axis.js";
import type { KernelCall, WebgpuKernel } from "./kernel.js";

/**
 * Adam in one pass per parameter, where tfjs's operations take fourteen. (`adamUpdateAll` brings many small parameters in one.)
 *
 * Arithmetic: about 15 FLOP a number over 28 bytes (four numbers read, three written): bound by
 * device memory.
 */

const threads = 256;

/** Uniforms by the names of `AdamNumbers`. */
const numberNames = ["beta1", "beta2", "epsilon", "shrink", "l2", "stepSize", "spreadScale"] as const;

function code(known: ReadonlySet<string>): string {
  const before = (name: string): string => (known.has(name) ? `${name}[at]` : "0.0");
  return `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let at = i32((group.y * ${groupsPerAxis}u + group.x) * ${threads}u + thread);
  if (at >= uniforms.count) { return; }
  let value = param[at];
  let slope = grad[at] + uniforms.l2 * value;
  let mean1 = uniforms.beta1 * ${before("mean")} + uniforms.rest1 * slope;
  let square1 = uniforms.beta2 * ${before("square")} + uniforms.rest2 * slope * slope;
  nextMean[at] = mean1;
  nextSquare[at] = square1;
  next[at] = uniforms.shrink * value - uniforms.stepSize * mean1 / (sqrt(square1) * uniforms.spreadScale + uniforms.epsilon);
}
`;
}

function adam({ backend, inputs, attributes }: KernelCall): TensorInfo[] {
  const { shape } = inputs.param!;
  const given = Object.entries(inputs).map(
    ([name, tensor]): ShaderInput => ({ name, element: "f32", tensor }),
  );
  const known = new Set(given.map(({ name }) => name));
  const count = shape.reduce((product, size) => product * size, 1);
  const groups = Math.ceil(count / threads);
  return dispatch(backend, {
    key: `adam_${given.map(({ name }) => name).join("_")}`,
    outputs: ["next", "nextMean", "nextSquare"].map((name) => ({ name, element: "f32", into: shape })),
    inputs: given,
    uniforms: [
      ["count", "i32", count],
      ...numberNames.map((name): UniformValue => [name, "f32", attributes[name] as number]),
      // 1 - 0.999 in single precision would be off by 1.3e-5 of itself.
      ["rest1", "f32", 1 - (attributes.beta1 as number)],
      ["rest2", "f32", 1 - (attributes.beta2 as number)],
    ],
    code: () => code(known),
    groups: [Math.min(groups, groupsPerAxis), Math.ceil(groups / groupsPerAxis), 1],
  });
}

/** `GlofAdam`: param, grad and what there is of mean and square -> param, mean and square after the update. */
export const adamKernel: WebgpuKernel = { name: "GlofAdam", compute: adam };
