import type { TensorInfo } from "@tensorflow/tfjs-core";
import { dispatch, type ShaderInput, type UniformValue } from "./dispatch.js";
import type { KernelCall, WebgpuKernel } from "./kernel.js";
import { groupReductions } from "./shader.js";

/**
 * Sums of squares of up to seven tensors in one dispatch, `groups` numbers a tensor, to be added up by the reader in double
 * precision. (tfjs sums a tensor to a number in one group of threads, which leaves all but one unit of a GPU idle.)
 *
 * Arithmetic: 2 FLOP a number over 4 bytes: bound by device memory. A thread adds n / 16384 squares one after the other, so
 * that rounding stays far below that of one long sum.
 */

const [threads, groups] = [256, 64];

/** Code can tell its buffers apart by their names alone: the rows of groups take one tensor each. */
function code(count: number): string {
  const sums = Array.from(
    { length: count },
    (_, at) => `
  if (group.y == ${at}u) {
    for (var i = start; i < uniforms.n${at}; i += ${threads * groups}) { let value = x${at}[i]; sum += value * value; }
  }`,
  );
  return `
var<private> localIndex : u32;
${groupReductions(threads)}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  localIndex = thread;
  let start = i32(group.x * ${threads}u + thread);
  var sum = 0.0;
${sums.join("")}
  let whole = groupSum(sum);
  if (thread == 0u) { sums[group.y * ${groups}u + group.x] = whole; }
}
`;
}

function squareSums({ backend, inputs }: KernelCall): TensorInfo {
  const tensors = Object.values(inputs);
  const size = ({ shape }: TensorInfo): number => shape.reduce((product, along) => product * along, 1);
  const [sums] = dispatch(backend, {
    key: `square_sums_${tensors.length}`,
    outputs: [{ name: "sums", element: "f32", into: [groups * tensors.length] }],
    inputs: tensors.map((tensor, at): ShaderInput => ({ name: `x${at}`, element: "f32", tensor })),
    uniforms: tensors.map((tensor, at): UniformValue => [`n${at}`, "i32", size(tensor)]),
    code: () => code(tensors.length),
    groups: [groups, tensors.length, 1],
  });
  return sums!;
}

/** `GlofSquareSums`: numbers that add up to the sum of squares of up to seven tensors. */
export const squareSumsKernel: WebgpuKernel = { name: "GlofSquareSums", compute: squareSums };
