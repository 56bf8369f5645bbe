import type { TensorInfo } from "@tensorflow/tfjs-core";

/** The parts of tfjs's WebGPU backend that kernels use. */
export interface ShaderBackend {
  disposeData(dataId: TensorInfo["dataId"]): void;
}

/** Threads of a group where nothing else is said. */
export const defaultGroupSize = 256;

/** Threads for a row of `cols` numbers: enough to read it side by side, few enough to add up fast. A power of two. */
export function rowGroupSize(cols: number): number {
  if (cols <= 128) return 32;
  return cols <= 1024 ? 64 : 256;
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
