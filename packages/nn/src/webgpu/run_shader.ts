import type { TensorInfo } from "@tensorflow/tfjs-core";
import { dispatch } from "./dispatch.js";
import { groupsPerAxis } from "./groups_per_axis.js";
import { defaultGroupSize, type ShaderBackend } from "./shader.js";

/** A compute shader with one float32 result, called `result` in its code. */
export interface Shader {
  /** Unique: one compiled shader is kept per name and group size. */
  readonly name: string;
  /** Buffers of the code by name, in order. */
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly outShape: readonly number[];
  /** `uniforms.<name>` in the code; whole numbers in `ints`. */
  readonly floats?: Readonly<Record<string, number>>;
  readonly ints?: Readonly<Record<string, number>>;
  /** WGSL with `fn main(index : i32)`; index counts threads over all groups, and may run past the last wanted one. */
  readonly code: string;
  readonly groups: number;
  /** Threads of a group. Default 256. */
  readonly groupSize?: number;
}

/** Queues a shader; its result belongs to the caller. */
export function runShader(backend: ShaderBackend, shader: Shader): TensorInfo {
  const { name, inputs, outShape, floats = {}, ints = {}, groups } = shader;
  const { groupSize = defaultGroupSize } = shader;
  const [result] = dispatch(backend, {
    key: `${name}_${groupSize}`,
    outputs: [{ name: "result", element: "f32", into: outShape }],
    inputs: Object.entries(inputs).map(([input, tensor]) => ({ name: input, element: "f32", tensor })),
    uniforms: [
      ...Object.entries(floats).map(([uniform, value]) => [uniform, "f32", value] as const),
      ...Object.entries(ints).map(([uniform, value]) => [uniform, "i32", value] as const),
    ],
    code: () => wholeCode(shader.code, groupSize),
    entry: "start",
    groups: [Math.min(groups, groupsPerAxis), Math.ceil(groups / groupsPerAxis), 1],
  });
  return result!;
}

const wholeCode = (code: string, groupSize: number): string => `
var<private> localIndex : u32;
${code}
@compute @workgroup_size(${groupSize})
fn start(
  @builtin(workgroup_id) group : vec3<u32>,
  @builtin(num_workgroups) groups : vec3<u32>,
  @builtin(local_invocation_index) thread : u32,
) {
  localIndex = thread;
  main(i32((group.y * groups.x + group.x) * ${groupSize}u + thread));
}
`;
