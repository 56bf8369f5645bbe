import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { UniformValue } from "./dispatch.js";

/** Batch normalisation by running statistics, all [N]. */
export interface ProductNorm {
  readonly mean: TensorInfo;
  readonly variance: TensorInfo;
  readonly weight: TensorInfo;
  readonly shift: TensorInfo;
  readonly epsilon: number;
}

/** The tensors of what follows a product; see `epilogue.ts`. */
export interface ProductEnd {
  /** [N] */
  readonly bias?: TensorInfo | undefined;
  readonly norm?: ProductNorm | undefined;
  /** [N] */
  readonly scale?: TensorInfo | undefined;
  /** [batch, M, N] */
  readonly residual?: TensorInfo | undefined;
}

/** Buffers by the names that the epilogue's code has for them, and its uniforms. */
export function followingOf({ bias, norm, scale, residual }: ProductEnd): {
  readonly tensors: readonly (readonly [name: string, tensor: TensorInfo])[];
  readonly uniforms: readonly UniformValue[];
} {
  const { epsilon, ...moments } = norm ?? {};
  const tensors = Object.entries({ bias, ...moments, scale, residual }).flatMap(
    ([name, tensor]): [string, TensorInfo][] => (tensor ? [[name, tensor]] : []),
  );
  return { tensors, uniforms: epsilon === undefined ? [] : [["epsilon", "f32", epsilon]] };
}
