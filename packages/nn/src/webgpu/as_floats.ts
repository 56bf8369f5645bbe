import type { TensorInfo } from "@tensorflow/tfjs-core";
import { internalsOf } from "./backend_internals.js";
import { queuePass, type ShaderInput } from "./compute_pass.js";
import { groupsPerAxis } from "./groups_per_axis.js";
import { holdsHalves, loadExpression } from "./half_storage.js";
import type { ShaderBackend } from "./shader.js";

/** Threads of a group. */
const threads = 256;

/**
 * The tensor, or a copy of it, which the caller disposes, where its buffer does not hold single numbers: whole numbers of a
 * cast that changed nothing, or halves.
 */
export function asFloats(backend: ShaderBackend, tensor: TensorInfo): TensorInfo {
  if (holdsHalves(backend, tensor)) return convert(backend, tensor, "from_halves");
  const { dtype } = internalsOf(backend).tensorMap.get(tensor.dataId);
  return dtype === "float32" ? tensor : convert(backend, tensor, "to_floats");
}

/** Whether code that sees such elements reads the buffer as it is. */
export function readsAsIs({ element }: ShaderInput): boolean {
  return element === "i32" || element === "u32" || element === "vec2<u32>";
}

/** One pass: 6 bytes a number from halves, 8 from whole numbers. */
function convert(backend: ShaderBackend, tensor: TensorInfo, kind: "from_halves" | "to_floats"): TensorInfo {
  const isHalf = kind === "from_halves";
  const size = tensor.shape.reduce((product, along) => product * along, 1);
  const count = isHalf ? size / 4 : size;
  const groups = Math.ceil(count / threads);
  const value = isHalf ? loadExpression("x", "at", true, true) : "f32(x[at])";
  const [floats] = queuePass(backend, {
    key: kind,
    outputs: [{ name: "y", element: isHalf ? "vec4<f32>" : "f32", into: tensor.shape }],
    inputs: [{ name: "x", element: isHalf ? "vec2<u32>" : "i32", tensor }],
    uniforms: [["count", "i32", count]],
    code: () => `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let at = i32((group.y * ${groupsPerAxis}u + group.x) * ${threads}u + thread);
  if (at < uniforms.count) { y[at] = ${value}; }
}
`,
    groups: [Math.min(groups, groupsPerAxis), Math.ceil(groups / groupsPerAxis), 1],
  });
  return floats!;
}
