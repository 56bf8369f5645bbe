import { GlofError, type OnProgress, throwIfAborted } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { attentionFormChoice } from "../attention_form.js";
import { productForms } from "../product_choice.js";
import type { ShaderBackend } from "../shader.js";
import { madeUpAttention } from "./made_up_attention.js";
import { madeUpProduct } from "./made_up_product.js";
import { type MadeUpProblem, type MeasuredProblem, measureForms } from "./measure_forms.js";
import {
  attentionName,
  problemName,
  type TuningReport,
  tuningTable,
  useTuning,
  type WebgpuTuning,
} from "./tuning_table.js";

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
 * Runs `run` once, measures on the device every form that each of its matrix products (linear layers, convolutions) and passes of
 * attention can be computed in, and uses the fastest from then on. Results do not change but in the order of adding up. Choices
 * belong to sizes, precision and device; what `run` does not have stays as it is. Compute nothing else meanwhile.
 *
 * @param run a pass of the model as it will be used: batch, size, precision, perhaps its gradient; it disposes what it makes
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
  const distinct = await problemsOf(run);
  const problems: MeasuredProblem[] = [];
  for (const [name, madeUp] of distinct) {
    throwIfAborted(signal, "tuneWebgpu");
    problems.push({ name, ...(await measureForms(backend, await madeUp(), { repeats, signal })) });
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

/** The distinct problems of a pass by their names, on numbers that are made up. */
async function problemsOf(run: () => unknown): Promise<Map<string, () => Promise<MadeUpProblem>>> {
  const distinct = new Map<string, () => Promise<MadeUpProblem>>();
  const ends = [
    productForms.begin((backend, problem) => {
      distinct.set(problemName(problem), () => madeUpProduct(backend, problem));
      return undefined;
    }),
    attentionFormChoice.begin((backend, work) => {
      distinct.set(attentionName(work), () => madeUpAttention(backend, work));
      return undefined;
    }),
  ];
  try {
    await run();
  } finally {
    for (const end of ends) end();
  }
  return distinct;
}
