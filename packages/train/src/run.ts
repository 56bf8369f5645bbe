import { openCheckpoint } from "@glof/checkpoint";
import { GlofError } from "@glof/core";
import { disposeParams, loadParams, type Params, partition } from "@glof/nn";
import type { FitOptions } from "./fit_options.js";
import { disposeOptimizerState } from "./optimizer.js";
import { rewindTrainLog } from "./train_log.js";
import { loadTrainState, type TrainIdentity } from "./train_state.js";
import type { Weights } from "./train_step.js";
import type { BestSoFar } from "./types.js";

/** State of one call of `fit`. */
export interface Run {
  /** Steps done. */
  step: number;
  readonly weights: Weights;
  best: BestSoFar | undefined;
  /** Weights of the best validation in this process. */
  bestParams: Params | undefined;
  sinceBest: number;
  /** Step of the last validation, 0 before the first. */
  validatedAt: number;
}

/** Copies the weights to start from, or reads those to go on from. */
export async function beginRun<Input, Prepared>(options: FitOptions<Input, Prepared>): Promise<Run> {
  const { model, resumeFrom, logPath, ema } = options;
  if (resumeFrom === undefined) {
    const weights = split(cloneParams(options.params), options);
    if (ema !== undefined) weights.ema = cloneParams(weights.trainable);
    return { step: 0, weights, best: undefined, bestParams: undefined, sinceBest: 0, validatedAt: 0 };
  }
  const state = await loadTrainState(resumeFrom, model.specs, identityOf(options));
  const weights = split(state.params, options);
  weights.optimizer = state.optimizer;
  weights.ema = ema === undefined ? undefined : (state.ema ?? cloneParams(weights.trainable));
  if (ema === undefined && state.ema) disposeParams(state.ema);
  if (logPath !== undefined) await rewindTrainLog(logPath, state.step);
  const bestParams = await reloadBest(resumeFrom, state.best, options);
  const { step, best, sinceBest, validatedAt } = state;
  return { step, weights, best, bestParams, sinceBest, validatedAt };
}

/** Weights as they are validated and kept: averages where the run keeps them. The tensors are the run's own. */
export function currentParams({ trainable, frozen, ema }: Weights): Params {
  return { ...frozen, ...(ema ?? trainable) };
}

/** The same values under handles of their own. */
export function cloneParams(params: Params): Params {
  return Object.fromEntries(Object.entries(params).map(([name, tensor]) => [name, tensor.clone()]));
}

/** Disposes all that a run holds. */
export function disposeRun({ weights, bestParams }: Run): void {
  const { trainable, frozen, optimizer, ema } = weights;
  for (const params of [trainable, frozen, ema ?? {}, bestParams ?? {}]) disposeParams(params);
  disposeOptimizerState(optimizer);
}

/** What a training state must share with the run that resumes it. */
export function identityOf({
  optimizer,
  seed = 0,
}: Pick<FitOptions<never>, "optimizer" | "seed">): TrainIdentity {
  return { optimizer: optimizer.kind, seed };
}

/** Throws `bad-argument` for numbers that make no sense. */
export function checkOptions(
  options: Pick<FitOptions<never>, "steps" | "accumulate" | "ema" | CountOption>,
): void {
  const { steps, accumulate = 1, ema = 0 } = options;
  const counts: Record<string, number> = { steps, accumulate };
  for (const name of ["validateEvery", "checkpointEvery", "patience"] as const)
    counts[name] = options[name] ?? 1;
  for (const [name, value] of Object.entries(counts)) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new GlofError(
      "bad-argument",
      `fit: expected ${name} to be a whole number above 0, got ${value}. Correct it.`,
    );
  }
  if (ema >= 0 && ema < 1) return;
  throw new GlofError("bad-argument", `fit: expected ema in [0, 1), got ${ema}. A usual decay is 0.999.`);
}

type CountOption = "validateEvery" | "checkpointEvery" | "patience";

function split<Input, Prepared>(
  params: Params,
  { model, rules = [[/(?:)/, "train"]] }: Pick<FitOptions<Input, Prepared>, "model" | "rules">,
): Weights {
  const bufferNames = new Set(model.specs.filter(({ kind }) => kind === "buffer").map(({ name }) => name));
  const entries = Object.entries(params);
  const buffers = entries.filter(([name]) => bufferNames.has(name));
  const weights = Object.fromEntries(entries.filter(([name]) => !bufferNames.has(name)));
  const { trainable, frozen } = partition(weights, rules);
  return { trainable, frozen: { ...frozen, ...Object.fromEntries(buffers) }, optimizer: {}, ema: undefined };
}

/** The weights behind `best`, from `best.safetensors` beside the training state. */
async function reloadBest<Input, Prepared>(
  statePath: string,
  best: BestSoFar | undefined,
  { model }: Pick<FitOptions<Input, Prepared>, "model">,
): Promise<Params | undefined> {
  if (best === undefined) return undefined;
  const file = await openCheckpoint(statePath.replace(/[^/\\]*$/, "best.safetensors"));
  try {
    return await loadParams(model.specs, file);
  } finally {
    await file.close();
  }
}
