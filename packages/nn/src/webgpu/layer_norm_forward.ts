import type { TensorInfo } from "@tensorflow/tfjs-core";
import { dispatch } from "./dispatch.js";
import { groupsPerAxis } from "./groups_per_axis.js";
import { keepsHalves } from "./half_in_force.js";
import { elementOfBuffer, storeStatement } from "./half_storage.js";
import type { KernelCall } from "./kernel.js";
import { groupReductions, rowGroupSize } from "./shader.js";

/**
 * Layer norm's forward pass: a group of threads per row.
 *
 * Arithmetic: about 9 FLOP a number over 8 bytes (6 with a result of halves); the row is read from device memory once and from
 * the cache twice more, since the variance is taken of centred numbers. Bound by memory on every GPU.
 */

/** A result of halves is written four numbers at a time, and then everything is read so. */
function valueCode(groupSize: number, half: boolean): string {
  const of = (value: string): string => (half ? `dot(${value}, vec4<f32>(1.0))` : value);
  const step = half ? 4 : 1;
  const along = (body: string): string =>
    `for (var i = i32(thread); i < width; i += ${groupSize}) { ${body} }`;
  const normed = "(x[start + i] - mean) * inverseStd * gamma[i] + beta[i]";
  return `
var<private> localIndex : u32;
${groupReductions(groupSize)}
@compute @workgroup_size(${groupSize})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  localIndex = thread;
  let row = i32(group.y) * ${groupsPerAxis} + i32(group.x);
  let width = uniforms.cols / ${step};
  let start = min(row, uniforms.rows - 1) * width;
  var sum = 0.0;
  ${along(`sum += ${of("x[start + i]")};`)}
  let mean = groupSum(sum) / f32(uniforms.cols);
  var squares = 0.0;
  ${along(`let off = x[start + i] - mean; squares += ${of("off * off")};`)}
  let inverseStd = inverseSqrt(groupSum(squares) / f32(uniforms.cols) + uniforms.epsilon);
  if (row >= uniforms.rows) { return; }
  ${along(storeStatement("y", "start + i", normed, half))}
}
`;
}

/** `GlofLayerNorm` */
export function layerNorm({ backend, inputs, attributes }: KernelCall): TensorInfo {
  const { x } = inputs;
  const [rows, cols] = x!.shape as [number, number];
  const half = keepsHalves(attributes, x!.shape);
  const groupSize = rowGroupSize(half ? cols / 4 : cols);
  const element = elementOfBuffer(false, half);
  const [y] = dispatch(backend, {
    key: `layer_norm_${groupSize}_${half}`,
    outputs: [{ name: "y", element: half ? "vec2<u32>" : "f32", into: [rows, cols] }],
    inputs: ["x", "gamma", "beta"].map((name) => ({ name, element, tensor: inputs[name]! })),
    uniforms: [
      ["rows", "i32", rows],
      ["cols", "i32", cols],
      ["epsilon", "f32", attributes.epsilon as number],
    ],
    code: () => valueCode(groupSize, half),
    groups: [Math.min(rows, groupsPerAxis), Math.ceil(rows / groupsPerAxis), 1],
  });
  return y!;
}
