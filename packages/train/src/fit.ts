import { GlofError, isGlofError, throwIfAborted } from "@glof/core";
import { disposeParams, type Params } from "@glof/nn";
import type { FitOptions } from "./fit_options.js";
import {
  beginRun,
  checkOptions,
  cloneParams,
  currentParams,
  disposeRun,
  identityOf,
  type Run,
} from "./run.js";
import { appendTrainLog } from "./train_log.js";
import { saveTrainState, saveWeights } from "./train_state.js";
import { trainStep } from "./train_step.js";
import type { BestSoFar, TrainEvent } from "./types.js";

/**
 * Fits a model and reports as it goes. Nothing happens until the events are asked for:
 *
 * ```ts
 * for await (const event of fit({ model, params, batches, loss, optimizer, steps: 1000 })) console.log(event);
 * ```
 *
 * The last event, `end`, hands over the weights: the best by validation IoU, or the last where nothing was validated.
 * Leaving the loop early disposes everything. A step holds the tensors of one micro-batch at a time.
 *
 * @throws GlofError `not-finite` with the step when loss or gradients are NaN or infinite; `aborted` when the signal
 *   fires; `bad-argument`, `bad-config`, and what reading and writing checkpoints throw
 */
export async function* fit<Input, Prepared = Input>(
  options: FitOptions<Input, Prepared>,
): AsyncGenerator<TrainEvent, void> {
  checkOptions(options);
  const run = await beginRun(options);
  const { logPath, onEvent } = options;
  try {
    for await (const event of events(run, options)) {
      if (logPath !== undefined) await appendTrainLog(logPath, event);
      onEvent?.(event);
      yield event;
    }
  } finally {
    disposeRun(run);
  }
}

/** What `runFit` gives. */
export interface FitResult {
  /** The best weights, or the last where nothing was validated. The caller disposes them. */
  readonly params: Params;
  readonly reason: "finished" | "early-stop";
  readonly best?: BestSoFar;
  /** Every event but the last. */
  readonly events: readonly TrainEvent[];
}

/** `fit` to its end, for callers who need no events on the way. Throws what it throws. */
export async function runFit<Input, Prepared = Input>(
  options: FitOptions<Input, Prepared>,
): Promise<FitResult> {
  const events: TrainEvent[] = [];
  for await (const event of fit(options)) {
    if (event.kind === "end") return { params: event.params, reason: event.reason, best: event.best, events };
    events.push(event);
  }
  throw new GlofError("internal", "runFit: expected an end event, got none.");
}

async function* events<Input, Prepared>(
  run: Run,
  options: FitOptions<Input, Prepared>,
): AsyncGenerator<TrainEvent, void> {
  const { steps, signal, patience = Number.POSITIVE_INFINITY, checkpointDir } = options;
  const { trainable, frozen } = run.weights;
  yield { kind: "start", step: run.step, steps, trainable: count(trainable), frozen: count(frozen) };
  let stopped = run.sinceBest >= patience;
  try {
    while (run.step < steps && !stopped) {
      throwIfAborted(signal, "fit");
      const begun = performance.now();
      const report = await trainStep(run.step, run.weights, options);
      run.step++;
      yield { kind: "step", step: run.step, ...report, ms: performance.now() - begun };
      if (isValidationDue(run.step, options) && options.validate) {
        yield* validated(run, options);
        stopped = run.sinceBest >= patience;
      }
      const isEnd = stopped || run.step === steps;
      if (checkpointDir !== undefined && (isEnd || isCheckpointDue(run.step, options))) {
        yield await checkpointed(run, options);
      }
    }
  } catch (error) {
    if (isGlofError(error, "aborted") && checkpointDir !== undefined) await checkpointed(run, options);
    throw error;
  }
  yield {
    kind: "end",
    step: run.step,
    reason: stopped ? "early-stop" : "finished",
    best: run.best,
    params: cloneParams(run.bestParams ?? currentParams(run.weights)),
  };
}

async function* validated<Input, Prepared>(
  run: Run,
  { validate, model, checkpointDir, signal }: FitOptions<Input, Prepared>,
): AsyncGenerator<TrainEvent, void> {
  const begun = performance.now();
  const params = currentParams(run.weights);
  const validation = await validate!(params, { signal });
  const isBest = run.best === undefined || validation.iou > run.best.iou;
  run.sinceBest = isBest ? 0 : run.sinceBest + 1;
  const { step } = run;
  if (isBest) {
    run.best = { step, iou: validation.iou };
    if (run.bestParams) disposeParams(run.bestParams);
    run.bestParams = cloneParams(params);
  }
  yield { kind: "validation", step, validation, isBest, ms: performance.now() - begun };
  if (!isBest || checkpointDir === undefined) return;
  const path = `${checkpointDir}/best.safetensors`;
  await saveWeights(path, model.specs, params, { step: String(step), iou: String(validation.iou) });
  yield { kind: "checkpoint", step, which: "best", path };
}

async function checkpointed<Input, Prepared>(
  run: Run,
  options: FitOptions<Input, Prepared>,
): Promise<TrainEvent> {
  const path = `${options.checkpointDir}/last.safetensors`;
  const { trainable, frozen, optimizer, ema } = run.weights;
  const { step, best, sinceBest } = run;
  const state = { step, params: { ...frozen, ...trainable }, optimizer, ema, best, sinceBest };
  await saveTrainState(path, options.model.specs, state, identityOf(options));
  return { kind: "checkpoint", step, which: "last", path };
}

const count = (params: Params): number => Object.values(params).reduce((sum, { size }) => sum + size, 0);

function isValidationDue(
  step: number,
  { validateEvery, steps }: Pick<FitOptions<never>, "validateEvery" | "steps">,
): boolean {
  return step === steps || (validateEvery !== undefined && step % validateEvery === 0);
}

function isCheckpointDue(
  step: number,
  { checkpointEvery, validateEvery }: Pick<FitOptions<never>, "checkpointEvery" | "validateEvery">,
): boolean {
  const every = checkpointEvery ?? validateEvery;
  return every !== undefined && step % every === 0;
}
