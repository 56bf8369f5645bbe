import * as tf from "@tensorflow/tfjs-core";
import type { GoldenTensor, Got } from "./case.js";

/** How one output of a case came out. */
export interface Comparison {
  readonly output: string;
  /** Largest `|got - want| / (atol + rtol * |want|)`; above 1 it fails. */
  readonly ratio: number;
  readonly passed: boolean;
  /** Why it failed, for a person. */
  readonly problem?: string;
}

/** Compares one result with the file's. On WebGPU the absolute tolerance counts ten times. */
export async function compareOutput(
  output: string,
  got: Got | undefined,
  want: Float32Array,
  facts: GoldenTensor,
): Promise<Comparison> {
  if (got === undefined) return failed(output, "no such result");
  if (got instanceof tf.Tensor && got.shape.join() !== facts.shape.join()) {
    return failed(output, `shape [${got.shape}], want [${facts.shape}]`);
  }
  const values = got instanceof tf.Tensor ? await got.data() : typeof got === "number" ? [got] : got;
  if (values.length !== want.length) return failed(output, `${values.length} values, want ${want.length}`);
  const atol = facts.exact ? 0 : (facts.atol ?? 0) * (tf.getBackend() === "webgpu" ? 10 : 1);
  const rtol = facts.exact ? 0 : (facts.rtol ?? 0);
  let ratio = 0;
  let worst = 0;
  for (let index = 0; index < want.length; index++) {
    const here = elementRatio(values[index]!, want[index]!, atol, rtol);
    if (here > ratio) {
      ratio = here;
      worst = index;
    }
  }
  if (ratio <= 1) return { output, ratio, passed: true };
  const problem = `element ${worst}: got ${values[worst]}, want ${want[worst]} (atol ${atol}, rtol ${rtol})`;
  return { output, ratio, passed: false, problem };
}

const failed = (output: string, problem: string): Comparison => ({
  output,
  ratio: Number.POSITIVE_INFINITY,
  passed: false,
  problem,
});

function elementRatio(got: number, want: number, atol: number, rtol: number): number {
  if (got === want || (Number.isNaN(got) && Number.isNaN(want))) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(want)) return Number.POSITIVE_INFINITY;
  return Math.abs(got - want) / (atol + rtol * Math.abs(want));
}
