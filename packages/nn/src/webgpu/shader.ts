import type { TensorInfo } from "@tensorflow/tfjs-core";

/** One uniform, `f32` or `i32`. */
interface Uniform {
  readonly type: "float32" | "int32";
  readonly data: number[];
}

/** What tfjs's WebGPU backend takes as a program (its type `WebGPUProgram`, which only the backend's package exports). */
interface Program {
  readonly variableNames: string[];
  readonly outputShape: number[];
  readonly dispatchLayout: { readonly x: number[] };
  readonly dispatch: [number, number, number];
  readonly workgroupSize: [number, number, number];
  readonly uniforms: string;
  readonly shaderKey: string;
  getUserCode(): string;
}

/** The parts of tfjs's WebGPU backend that kernels use. */
export interface ShaderBackend {
  runWebGPUProgram(
    program: Program,
    inputs: readonly TensorInfo[],
    dtype: "float32",
    uniforms: readonly Uniform[],
  ): TensorInfo;
  disposeData(dataId: TensorInfo["dataId"]): void;
}

/** A compute shader with one float32 result, called `result` in its code. */
export interface Shader {
  /** Unique: tfjs keeps one compiled shader per name and ranks. */
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

/** Threads of a group where nothing else is said. */
export const defaultGroupSize = 256;

/** Threads for a row of `cols` numbers: enough to read it side by side, few enough to add up fast. A power of two. */
export function rowGroupSize(cols: number): number {
  if (cols <= 128) return 32;
  return cols <= 1024 ? 64 : 256;
}

/** Queues a shader; its result belongs to the caller. */
export function runShader(backend: ShaderBackend, shader: Shader): TensorInfo {
  const { name, inputs, outShape, floats = {}, ints = {}, code, groups } = shader;
  const { groupSize = defaultGroupSize } = shader;
  const declare = (names: readonly string[], type: string): string =>
    names.map((uniform) => `${uniform} : ${type},`).join(" ");
  const program: Program = {
    variableNames: Object.keys(inputs),
    outputShape: [...outShape],
    dispatchLayout: { x: outShape.map((_, axis) => axis) },
    dispatch: [groups, 1, 1],
    workgroupSize: [groupSize, 1, 1],
    uniforms: `${declare(Object.keys(floats), "f32")} ${declare(Object.keys(ints), "i32")}`,
    shaderKey: `glof_${name}_${groupSize}`,
    getUserCode: () => code,
  };
  const uniforms: Uniform[] = [
    ...Object.values(floats).map((value): Uniform => ({ type: "float32", data: [value] })),
    ...Object.values(ints).map((value): Uniform => ({ type: "int32", data: [value] })),
  ];
  return backend.runWebGPUProgram(program, Object.values(inputs), "float32", uniforms);
}

/** The same numbers seen with another shape; no copy. */
export function withShape(tensor: TensorInfo, shape: readonly number[]): TensorInfo {
  return { dataId: tensor.dataId, shape: [...shape], dtype: tensor.dtype };
}

/** WGSL: `groupSum(v)` and `groupMax(v)` of one number per thread, the same result in every thread of the group. */
export function groupReductions(groupSize: number): string {
  const reduction = (name: string, combine: string): string => `
fn ${name}(value : f32) -> f32 {
  shared_numbers[localIndex] = value;
  workgroupBarrier();
  for (var half = ${groupSize / 2}u; half > 0u; half = half / 2u) {
    if (localIndex < half) {
      let other = shared_numbers[localIndex + half];
      shared_numbers[localIndex] = ${combine};
    }
    workgroupBarrier();
  }
  let whole = shared_numbers[0];
  workgroupBarrier();
  return whole;
}`;
  return `
var<workgroup> shared_numbers : array<f32, ${groupSize}>;
${reduction("groupSum", "shared_numbers[localIndex] + other")}
${reduction("groupMax", "max(shared_numbers[localIndex], other)")}
`;
}
