import { seededRng } from "@glof/core";
import { type Params, usesMatrixUnits, valueAndGrad, withReferenceKernels } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { startCpu } from "./cpu_backend.js";
import { messageOf } from "./environment.js";
import { type KernelCase, kernelCases } from "./kernel_cases.js";
import { oneAtATime } from "./one_at_a_time.js";

/** How one operation did against the CPU reference. */
export interface KernelCheck {
  /** Operation and shape. */
  readonly name: string;
  readonly passed: boolean;
  /** Largest absolute difference of the value. */
  readonly valueError: number;
  /** Largest absolute difference of any gradient. */
  readonly gradientError: number;
  /** Largest difference in units of the tolerance, value and gradients together; above 1 it does not pass. */
  readonly worstRatio: number;
  /** Why it could not be run, when it could not. */
  readonly problem?: string;
}

/** Options of `checkKernels`. */
export interface CheckKernelsOptions {
  /** What to check. Default: the operations that networks spend their time in. */
  readonly cases?: readonly KernelCase[];
}

/** `|got - want| <= atol + rtol * |want|`; the absolute part is ten times as large on WebGPU. */
const tolerance = { atol: 2e-5, rtol: 2e-4 };
/**
 * Of values on matrix units: operands in [-1, 1] are rounded by up to 2^-12 of themselves, which in a sum of several hundred products
 * comes to some 2e-3, and to thrice that at the worst of thousands of sums. A wrong index is off by 1 and more.
 */
const unitsAtol = 1e-2;

/**
 * Runs operations of `@glof/nn` forwards and backwards on the current backend, with whatever fast kernels it has, and
 * compares values and gradients with the same operations composed of plain ones on the cpu backend. The current backend
 * is the same afterwards.
 *
 * Seeded random inputs in [-1, 1], gradients of sum(y * r) with a random r. Where matrix units are in use, values have room for operands
 * that are rounded to halves, gradients none. On the cpu backend it compares the fast
 * kernels with the plain ones only.
 *
 * @param onResult hears of each operation as soon as it is done
 * @returns one entry per case, in order; a failure is an entry and no error
 */
export function checkKernels(
  onResult: (check: KernelCheck) => void = () => {},
  { cases = kernelCases }: CheckKernelsOptions = {},
): Promise<KernelCheck[]> {
  return oneAtATime(async () => {
    const backend = tf.getBackend();
    const checks: KernelCheck[] = [];
    for (const one of cases) {
      const check = await checkOne(one, backend);
      checks.push(check);
      onResult(check);
    }
    return checks;
  });
}

async function checkOne(one: KernelCase, backend: string): Promise<KernelCheck> {
  try {
    const got = await evaluate(one);
    await startCpu();
    const want = await withReferenceKernels(() => evaluate(one));
    return compare(one.name, got, want, backend);
  } catch (error) {
    const none = Number.NaN;
    const problem = messageOf(error);
    return {
      name: one.name,
      passed: false,
      valueError: none,
      gradientError: none,
      worstRatio: Number.POSITIVE_INFINITY,
      problem,
    };
  } finally {
    await tf.setBackend(backend);
  }
}

/** The value of a case and its gradients, read back. */
interface Evaluation {
  readonly value: Float32Array;
  readonly grads: Readonly<Record<string, Float32Array>>;
}

async function evaluate({ name, inputs: shapes, compute }: KernelCase): Promise<Evaluation> {
  const rng = seededRng(name);
  const random = (shape: readonly number[]): tf.Tensor => {
    const count = shape.reduce((product, size) => product * size, 1);
    return tf.tensor(
      Float32Array.from({ length: count }, () => rng.uniform(-1, 1)),
      [...shape],
    );
  };
  const inputs: Params = Object.fromEntries(
    Object.entries(shapes).map(([key, shape]) => [key, random(shape)]),
  );
  const value = tf.tidy(() => compute(inputs));
  const weights = random(value.shape);
  const loss = (trainable: Params): tf.Scalar => tf.sum(tf.mul(compute(trainable), weights));
  const result = valueAndGrad(loss, inputs);
  try {
    return { value: await read(value), grads: await readAll(result.grads) };
  } finally {
    tf.dispose([inputs, value, weights, result.value, result.grads] as tf.TensorContainer);
  }
}

const read = async (tensor: tf.Tensor): Promise<Float32Array> => (await tensor.data()) as Float32Array;

async function readAll(tensors: Params): Promise<Record<string, Float32Array>> {
  const all: Record<string, Float32Array> = {};
  for (const [name, tensor] of Object.entries(tensors)) all[name] = await read(tensor);
  return all;
}

function compare(name: string, got: Evaluation, want: Evaluation, backend: string): KernelCheck {
  const atol = backend === "webgpu" ? 10 * tolerance.atol : tolerance.atol;
  const onUnits = backend === "webgpu" && usesMatrixUnits();
  const value = difference(got.value, want.value, onUnits ? unitsAtol : atol);
  const grads = Object.keys(want.grads).map((key) => difference(got.grads[key]!, want.grads[key]!, atol));
  const worstRatio = Math.max(value.ratio, ...grads.map(({ ratio }) => ratio));
  const gradientError = Math.max(...grads.map(({ error }) => error));
  return { name, passed: worstRatio <= 1, valueError: value.error, gradientError, worstRatio };
}

/** Largest difference, plain and in units of the tolerance. What is not finite on one side only is infinitely far. */
function difference(got: Float32Array, want: Float32Array, atol: number): { error: number; ratio: number } {
  let error = 0;
  let ratio = 0;
  want.forEach((wanted, index) => {
    const off = Math.abs(got[index]! - wanted);
    const distance = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
    error = Math.max(error, distance);
    ratio = Math.max(ratio, distance / (atol + tolerance.rtol * Math.abs(wanted)));
  });
  return { error, ratio };
}
