import { throwIfAborted } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { preparePass } from "../compute_pass.js";
import { deviceOf } from "../dispatch.js";
import { type FormPasses, runPasses } from "../product.js";
import type { ShaderBackend } from "../shader.js";
import { timePasses } from "./time_passes.js";

/** What was measured of one product, or of one pass of attention. */
export interface MeasuredProblem {
  readonly name: string;
  /** The form to take. */
  readonly form: string;
  /** Milliseconds by form; a form whose shader the driver refuses or gets wrong is not here. */
  readonly ms: Readonly<Record<string, number>>;
}

/** A problem on operands made up for it. */
export interface MadeUpProblem {
  /** Passes by the names of the forms, the likely one first. Each call makes results of its own. */
  readonly forms: ReadonlyMap<string, () => FormPasses>;
  /** How far results may be apart, as a share of the largest number. */
  readonly tolerance: number;
  readonly dispose: () => void;
}

/** The likely form stays unless another one is faster by more than measurements differ. */
const worthIt = 0.97;

/** Times every form of a problem, and disposes it. */
export async function measureForms(
  backend: ShaderBackend,
  { forms, tolerance, dispose }: MadeUpProblem,
  repeats: number,
  signal: AbortSignal | undefined,
): Promise<Omit<MeasuredProblem, "name">> {
  const [[likely, likelyPasses]] = forms as unknown as [[string, () => FormPasses]];
  const ms: Record<string, number> = {};
  let expected: tf.Tensor | undefined;
  try {
    expected = run(backend, likelyPasses());
    for (const [name, passesOf] of forms) {
      throwIfAborted(signal, "tuneWebgpu");
      if (!(await givesTheSame(backend, passesOf(), expected, tolerance))) continue;
      ms[name] = await timeForm(backend, passesOf(), repeats, signal);
    }
  } finally {
    expected?.dispose();
    dispose();
  }
  return { form: fastest(ms, likely), ms };
}

async function timeForm(
  backend: ShaderBackend,
  { first, sum }: FormPasses,
  repeats: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const passes = [preparePass(backend, first)];
  if (sum) passes.push(preparePass(backend, sum(passes[0]!.outputs[0]!)));
  try {
    return await timePasses(backend, passes, { repeats, signal });
  } finally {
    for (const { dataId } of passes.flatMap(({ outputs }) => outputs)) backend.disposeData(dataId);
  }
}

function fastest(ms: Readonly<Record<string, number>>, likely: string): string {
  const [name, time] = Object.entries(ms).sort(([, a], [, b]) => a - b)[0] ?? [likely, 0];
  return time < worthIt * (ms[likely] ?? Number.POSITIVE_INFINITY) ? name : likely;
}

function run(backend: ShaderBackend, passes: FormPasses): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(runPasses(backend, passes));
}

/** Whether a form's shader is valid and gives the expected numbers. */
async function givesTheSame(
  backend: ShaderBackend,
  passes: FormPasses,
  expected: tf.Tensor,
  tolerance: number,
): Promise<boolean> {
  const device = deviceOf(backend);
  device.pushErrorScope("validation");
  const [off, size] = tf.tidy(() => {
    const y = run(backend, passes);
    return [tf.max(tf.abs(tf.sub(y, expected))), tf.max(tf.abs(expected))];
  });
  const invalid = await device.popErrorScope();
  const [[offBy], [largest]] = [await off!.data(), await size!.data()] as [Float32Array, Float32Array];
  tf.dispose([off!, size!]);
  return invalid === null && offBy! <= tolerance * largest!;
}
