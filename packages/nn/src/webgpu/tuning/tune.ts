import { GlofError, type OnProgress, throwIfAborted } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { beginFormChooser } from "../product_choice.js";
import type { ProductProblem } from "../product_form.js";
import type { ShaderBackend } from "../shader.js";
import { type MeasuredProblem, measureForms } from "./measure_forms.js";
import { problemName, type TuningReport, tuningTable, useTuning, type WebgpuTuning } from "./tuning_table.js";

/** Options of `tuneWebgpu`. */
export interface TuneWebgpuOptions {
  /** Measurements of each form, of which the median counts; fewer of what takes long. Default 5. */
  readonly repeats?: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What `tuneWebgpu` found. */
export interface TuneWebgpuResult {
  /** The choices, to be kept for `useWebgpuTuning`. */
  readonly tuning: WebgpuTuning;
  /** What was measured, in the order of first use. */
  readonly problems: readonly MeasuredProblem[];
}

/**
 * Runs `run` once, measures on the device every form that each of its matrix products (linear layers, convolutions) can be
 * computed in, and uses the fastest from then on. Results do not change but in the order of adding up. Choices belong to sizes,
 * precision and device; products that `run` does not have stay as they are. Compute nothing else meanwhile.
 *
 * @param run a pass of the model as it will be used: batch, size, precision; it disposes what it makes
 * @throws GlofError `backend-unavailable` without a "webgpu" backend, `aborted`
 */
export async function tuneWebgpu(
  run: () => unknown,
  { repeats = 5, onProgress, signal }: TuneWebgpuOptions = {},
): Promise<TuneWebgpuResult> {
  const backend = webgpuBackend();
  if (!backend) {
    throw new GlofError(
      "backend-unavailable",
      'tuneWebgpu: expected the backend "webgpu", got none. Do await selectBackend({ require: "webgpu" }) first.',
    );
  }
  throwIfAborted(signal, "tuneWebgpu");
  const distinct = await productsOf(run);
  const problems: MeasuredProblem[] = [];
  for (const [name, problem] of distinct) {
    throwIfAborted(signal, "tuneWebgpu");
    problems.push({ name, ...(await measureForms(backend, problem, repeats, signal)) });
    onProgress?.({
      ...{ stage: "tune", done: problems.length, total: distinct.size, unit: "products" },
      note: `${name}: ${problems.at(-1)!.form}`,
    });
  }
  const choices = Object.fromEntries(problems.map(({ name, form }) => [name, form]));
  const tuning = tuningTable(backend, choices);
  useTuning(backend, tuning);
  return { tuning, problems };
}

/**
 * Uses choices that `tuneWebgpu` measured earlier, for the whole process, or none again. A table that is none, or of another device
 * or version, is left aside, and the report says so.
 */
export function useWebgpuTuning(tuning: unknown): TuningReport {
  const backend = webgpuBackend();
  return backend ? useTuning(backend, tuning) : { choices: 0, reason: 'the backend "webgpu" is not ready' };
}

function webgpuBackend(): ShaderBackend | undefined {
  return (tf.findBackend("webgpu") as unknown as ShaderBackend | null) ?? undefined;
}

/** The distinct products of a pass by their names. */
async function productsOf(run: () => unknown): Promise<Map<string, ProductProblem>> {
  const distinct = new Map<string, ProductProblem>();
  const end = beginFormChooser((_, problem) => {
    distinct.set(problemName(problem), problem);
    return undefined;
  });
  try {
    await run();
  } finally {
    end();
  }
  return distinct;
}
