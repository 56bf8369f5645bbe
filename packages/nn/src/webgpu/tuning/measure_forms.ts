import { throwIfAborted } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { internalsOf } from "../backend_internals.js";
import { type PreparedPass, preparePass } from "../compute_pass.js";
import { type FormPasses, runPasses } from "../product.js";
import type { ShaderBackend } from "../shader.js";
import { runsWorthMeasuring, timeRuns } from "./time_passes.js";
import { refusalOf } from "./warm_up.js";

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

/** How forms are measured. */
export interface MeasuringOptions {
  /** Measurements of each form, of which the median counts. */
  readonly repeats: number;
  readonly signal: AbortSignal | undefined;
}

/** The likely form stays unless another one is faster by more than measurements differ. */
const worthIt = 0.97;
/** Where a form is slow, it is measured fewer times, but once. */
const mostMs = 2000;

/** A form that is measured, and what was measured of it. */
interface Contender {
  readonly name: string;
  readonly passesOf: () => FormPasses;
  readonly runs: number;
  readonly wanted: number;
  readonly ms: number[];
}

/**
 * Times every form of a problem, and disposes it. Forms take turns, so that none is measured while the device's clock is still
 * rising, or already falling, and another one is not.
 *
 * @throws GlofError `aborted`
 */
export async function measureForms(
  backend: ShaderBackend,
  problem: MadeUpProblem,
  { repeats, signal }: MeasuringOptions,
): Promise<Omit<MeasuredProblem, "name">> {
  try {
    const contenders: Contender[] = [];
    for (const [name, passesOf] of await rightForms(backend, problem, signal)) {
      throwIfAborted(signal, "tuneWebgpu");
      const { runs, ms } = await prepared(backend, passesOf, (passes) => runsWorthMeasuring(backend, passes));
      const wanted = Math.max(1, Math.min(repeats, Math.floor(mostMs / ms)));
      contenders.push({ name, passesOf, runs, wanted, ms: [] });
    }
    for (let round = 0; round < repeats; round++) {
      for (const { passesOf, runs, wanted, ms } of contenders) {
        if (round >= wanted) continue;
        throwIfAborted(signal, "tuneWebgpu");
        ms.push((await prepared(backend, passesOf, (passes) => timeRuns(backend, passes, runs))) / runs);
      }
    }
    const ms = Object.fromEntries(contenders.map(({ name, ms }) => [name, medianOf(ms)]));
    return { form: fastest(ms, [...problem.forms.keys()][0]!), ms };
  } finally {
    problem.dispose();
  }
}

/** The forms that the driver takes and that give the numbers of the first of them. */
async function rightForms(
  backend: ShaderBackend,
  { forms, tolerance }: MadeUpProblem,
  signal: AbortSignal | undefined,
): Promise<(readonly [name: string, passesOf: () => FormPasses])[]> {
  const right: (readonly [string, () => FormPasses])[] = [];
  let expected: tf.Tensor | undefined;
  try {
    for (const form of forms) {
      throwIfAborted(signal, "tuneWebgpu");
      const [, passesOf] = form;
      if (await refusalOf(() => run(backend, passesOf()))) continue;
      expected ??= run(backend, passesOf());
      if (await givesTheSame(backend, passesOf, expected, tolerance)) right.push(form);
    }
  } finally {
    expected?.dispose();
  }
  return right;
}

/** Lets `measure` have a form's passes, with bind groups and results made for it. */
async function prepared<T>(
  backend: ShaderBackend,
  passesOf: () => FormPasses,
  measure: (passes: readonly PreparedPass[]) => Promise<T>,
): Promise<T> {
  const { first, sum } = passesOf();
  const passes = [preparePass(backend, first)];
  if (sum) passes.push(preparePass(backend, sum(passes[0]!.outputs[0]!)));
  try {
    return await measure(passes);
  } finally {
    const { commandQueueOwnedIds } = internalsOf(backend);
    for (const { dataId } of passes.flatMap(({ outputs }) => outputs)) {
      // A result may have been filled by a copy that is recorded and not submitted: its buffer is not free before that.
      commandQueueOwnedIds.add(dataId);
      backend.disposeData(dataId);
    }
  }
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

function fastest(ms: Readonly<Record<string, number>>, likely: string): string {
  const [name, time] = Object.entries(ms).sort(([, a], [, b]) => a - b)[0] ?? [likely, 0];
  return time < worthIt * (ms[likely] ?? Number.POSITIVE_INFINITY) ? name : likely;
}

function run(backend: ShaderBackend, passes: FormPasses): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(runPasses(backend, passes));
}

/** Whether a form gives the expected numbers. */
async function givesTheSame(
  backend: ShaderBackend,
  passesOf: () => FormPasses,
  expected: tf.Tensor,
  tolerance: number,
): Promise<boolean> {
  const [off, size] = tf.tidy((): [tf.Tensor, tf.Tensor] => {
    const y = run(backend, passesOf());
    return [tf.max(tf.abs(tf.sub(y, expected))), tf.max(tf.abs(expected))];
  });
  const reads = Promise.all([off.data<"float32">(), size.data<"float32">()]);
  const [[offBy], [largest]] = await reads.finally(() => tf.dispose([off, size]));
  return offBy! <= tolerance * largest!;
}
