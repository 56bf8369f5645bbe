import * as tf from "@tensorflow/tfjs-core";

/** How far a value may lie from the expected one: `|got - want| <= atol + rtol * |want|`. */
export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
}

/** The one table of tolerances for comparisons that bring none of their own. For f32 on cpu and wasm. */
export const tolerances = {
  /** Copies, sums of a few terms, element-wise functions. */
  tight: { atol: 1e-6, rtol: 1e-5 },
  /** Products and convolutions with up to some thousand terms, norms, softmax. */
  product: { atol: 1e-5, rtol: 1e-4 },
  /** Gradients of the above, and short chains of them. */
  gradient: { atol: 5e-5, rtol: 5e-4 },
  /** Whole networks of a few blocks. */
  network: { atol: 2e-4, rtol: 1e-3 },
} as const satisfies Record<string, Tolerance>;

/** The tolerance as it holds on the current backend: WebGPU may use ten times the absolute part. */
export function toleranceHere(tolerance: Tolerance): Tolerance {
  return tf.getBackend() === "webgpu" ? { ...tolerance, atol: 10 * tolerance.atol } : tolerance;
}
