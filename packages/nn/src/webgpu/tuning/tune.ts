import { GlofError, isGlofError, type OnProgress, throwIfAborted } from "@glof/core";
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
  /** Hears of the choices when they are in use; also where measuring ends early, with what was measured until then. */
  readonly onTuning?: (tuning: WebgpuTuning) => void;
  readonly signal?: AbortSignal;
}

/** What `tuneWebgpu` found. */
export interface TuneWebgpuResult {
  /** All choices in use now, to be kept for `useWebgpuTuning`. */
  readonly tuning: WebgpuTuning;
  /** What was measured, in the order of first use. */
  readonly problems: readonly MeasuredProblem[];
}

/**
 * Runs `run` once, measures on the device every form that each of its matrix products (linear layers, convolutions) and passes of
 * attention can be computed in, and uses the fastest from then on. Results do not change but in the order of adding up. Choices
 * belong to sizes, precision and device; what `run` does not have stays as it is. Compute nothing else meanwhile. Where it ends
 * early, cancelled or by an error, what was measured until then is used all the same. What memory is too short to measure is left out.
 *
 * @param run a pass of the model as it will be used: batch, size, precision, perhaps its gradient; it disposes what it makes
 * @throws GlofError `backend-unavailable` without a "webgpu" backend, `aborted`
 */
export async function tuneWebgpu(
  run: () => unknown,
  { repeats = 5, onProgress, onTuning, signal }: TuneWebgpuOptions = {},
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
  let done = 0;
  try {
    for (const [name, madeUp] of distinct) {
      throwIfAborted(signal, "tuneWebgpu");
      const found = await madeUp()
        .then((problem) => measureForms(backend, problem, { repeats, signal }))
        .catch(noneWhereMemoryIsShort);
      if (found) problems.push({ name, ...found });
      onProgress?.({
        ...{ stage: "tune", done: ++done, total: distinct.size, unit: "products" },
        note: `${name}: ${found?.form ?? "out of memory, left as it is"}`,
      });
    }
  } catch (error) {
    if (problems.length > 0) onTuning?.(useMeasured(backend, problems));
    throw error;
  }
  const tuning = useMeasured(backend, problems);
  onTuning?.(tuning);
  return { tuning, problems };
}

/** Numbers made up for a product are there beside the model's: where they do not fit, others may. */
function noneWhereMemoryIsShort(error: unknown): undefined {
  if (!isGlofError(error, "out-of-memory")) throw error;
}

/** Uses what was measured beside the choices in use; all of them. */
function useMeasured(backend: ShaderBackend, problems: readonly MeasuredProblem[]): WebgpuTuning {
  const tuning = tuningTable(backend, Object.fromEntries(problems.map(({ name, form }) => [name, form])));
  useTuning(backend, tuning);
  return tuning;
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
