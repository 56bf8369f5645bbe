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
  let savedAt = run.step;
  try {
    for (;;) {
      throwIfAborted(signal, "fit");
      // A run that was stopped in a validation makes up for it when it goes on.
      if (isValidationDue(run, options)) yield* validated(run, options);
      const isEnd = run.step >= steps || run.sinceBest >= patience;
      if (
        checkpointDir !== undefined &&
        run.step > savedAt &&
        (isEnd || isCheckpointDue(run.step, options))
      ) {
        yield await checkpointed(run, options);
        savedAt = run.step;
      }
      if (isEnd) break;
      const begun = performance.now();
      const report = await trainStep(run.step, run.weights, options);
      run.step++;
      yield { kind: "step", step: run.step, ...report, ms: performance.now() - begun };
    }
  } catch (error) {
    if (isGlofError(error, "aborted") && checkpointDir !== undefined) await checkpointed(run, options);
    throw error;
  }
  yield {
    kind: "end",
    step: run.step,
    reason: run.step < steps ? "early-stop" : "finished",
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
  run.validatedAt = run.step;
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
  const { step, best, sinceBest, validatedAt } = run;
  const params = { ...frozen, ...trainable };
  const state = { step, params, optimizer, ema, best, sinceBest, validatedAt };
  await saveTrainState(path, options.model.specs, state, identityOf(options));
  return { kind: "checkpoint", step, which: "last", path };
}

const count = (params: Params): number => Object.values(params).reduce((sum, { size }) => sum + size, 0);

function isValidationDue(
  { step, validatedAt }: Run,
  { validate, validateEvery, steps }: Pick<FitOptions<never>, "validate" | "validateEvery" | "steps">,
): boolean {
  if (validate === undefined || step === validatedAt) return false;
  return step === steps || (validateEvery !== undefined && step % validateEvery === 0);
}

function isCheckpointDue(
  step: number,
  { checkpointEvery, validateEvery }: Pick<FitOptions<never>, "checkpointEvery" | "validateEvery">,
): boolean {
  const every = checkpointEvery ?? validateEvery;
  return every !== undefined && step % every === 0;
}
