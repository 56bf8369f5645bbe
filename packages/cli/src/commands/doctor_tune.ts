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
  /** The precision to go back to. */
  readonly precision: WebgpuPrecision;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  readonly onCase: (tuned: TunedCase) => void;
}

/**
 * Measures the matrix products and the attention of the shipped model, and of a backbone, in each precision that the GPU has, and
 * those of their gradients, which are in single precision always. What was measured before it is cancelled is kept.
 */
export async function tuneModels({
  vit,
  precision: after,
  onCase,
  ...options
}: TuneModelsOptions): Promise<TunedCase[]> {
  const tuned: TunedCase[] = [];
  try {
    for (const wanted of ["f32", "f16"] as const) {
      const { precision } = await useWebgpuPrecision(wanted);
      if (precision !== wanted) continue;
      for await (const { name, run, dispose } of casesAt(precision, vit)) {
        try {
          const { problems, place, reason } = await tuneBackend(run, options);
          tuned.push({ name, precision, problems, ...(place && { place }), ...(reason && { reason }) });
          onCase(tuned.at(-1)!);
        } finally {
          dispose();
        }
      }
    }
  } finally {
    await useWebgpuPrecision(after);
  }
  return tuned;
}

/** One case after the other, each made when it is asked for: weights are kept as the precision wants them from then on. */
async function* casesAt(precision: WebgpuPrecision, vit: VitSize | undefined): AsyncGenerator<BenchCase> {
  const segmenter = await LakeSegmenter.load(shippedModelPath());
  yield tileCase(segmenter);
  if (precision === "f32") yield segmenterGradientCase(segmenter.config);
  if (vit === undefined) return;
  yield blockCase(vit);
  if (precision === "f32") yield blockGradientCase(vit);
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
