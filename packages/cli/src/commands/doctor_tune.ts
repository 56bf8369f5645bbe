import type { OnProgress } from "@glof/core";
import { type MeasuredProblem, useWebgpuPrecision, type WebgpuPrecision } from "@glof/nn";
import { tuneBackend } from "@glof/runtime";
import { LakeSegmenter } from "@glof/segmenter";
import { shippedModelPath } from "../shipped_model.js";
import { type BenchCase, blockCase, tileCase, type VitSize } from "./bench_cases.js";
import { blockGradientCase, segmenterGradientCase } from "./gradient_cases.js";

/** What was measured for one model at one precision. */
export interface TunedCase {
  readonly name: string;
  readonly precision: WebgpuPrecision;
  readonly problems: readonly MeasuredProblem[];
  /** Where the choices are kept; `undefined` where they could not be. */
  readonly place?: string;
  readonly reason?: string;
}

/** Options of `tuneModels`. */
export interface TuneModelsOptions {
  /** A backbone to measure beside the shipped model. */
  readonly vit?: VitSize | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  readonly onCase: (tuned: TunedCase) => void;
}

/**
 * Measures the matrix products and the attention of the shipped model, and of a backbone, in each precision that the GPU has, and
 * those of their gradients, which are in single precision always.
 */
export async function tuneModels({ vit, onCase, ...options }: TuneModelsOptions): Promise<TunedCase[]> {
  const tuned: TunedCase[] = [];
  for (const wanted of ["f32", "f16"] as const) {
    const { precision } = await useWebgpuPrecision(wanted);
    if (precision !== wanted) continue;
    // Weights are kept as the precision wants them from their loading on.
    const segmenter = await LakeSegmenter.load(shippedModelPath());
    const cases: BenchCase[] = [tileCase(segmenter)];
    if (wanted === "f32") cases.push(segmenterGradientCase(segmenter.config));
    if (vit !== undefined) cases.push(blockCase(vit));
    if (vit !== undefined && wanted === "f32") cases.push(blockGradientCase(vit));
    try {
      for (const { name, run } of cases) {
        const { problems, place, reason } = await tuneBackend(run, options);
        tuned.push({ name, precision, problems, ...(place && { place }), ...(reason && { reason }) });
        onCase(tuned.at(-1)!);
      }
    } finally {
      for (const one of cases) one.dispose();
    }
  }
  return tuned;
}

/** A case in lines for people: what each of them takes, and how much of its time the choice saves. */
export function tunedText({ name, precision, problems, place, reason }: TunedCase): string[] {
  const lines = problems.map(({ name: product, form, ms }) => {
    const best = ms[form];
    const time = best === undefined ? "not measured" : `${best.toFixed(3)} ms`;
    const gain =
      best === undefined ? "" : `${(Math.max(...Object.values(ms)) / best).toFixed(2)} x the slowest`;
    return `  ${time.padStart(12)}  ${form.padEnd(24)} ${gain.padEnd(18)} ${product}`;
  });
  return [`${name}, ${precision}`, ...lines, place ? `  kept in ${place}` : `  not kept: ${reason}`];
}
