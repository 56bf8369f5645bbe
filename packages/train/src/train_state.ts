import { type Checkpoint, openCheckpoint, type TensorToWrite, writeSafetensors } from "@glof/checkpoint";
import { GlofError } from "@glof/core";
import { loadParams, type ParamSpec, type Params, saveParams } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { OptimizerSlot, OptimizerState } from "./optimizer.js";
import type { BestSoFar } from "./types.js";

const formatName = "glof-train-state";
const formatVersion = "1";

/** Names in the file that are no weights of the model: `optimizer.<slot>.<parameter>` and `ema.<parameter>`. */
const extraNames = /^(optimizer|ema)\./;

/** All that a run needs to go on as if it had not been interrupted. */
export interface TrainState {
  /** Steps done. */
  readonly step: number;
  /** Every parameter of the model. */
  readonly params: Params;
  readonly optimizer: OptimizerState;
  /** Averages of the trainable parameters, where the run keeps them. */
  readonly ema: Params | undefined;
  readonly best: BestSoFar | undefined;
  /** Validations since the best one. */
  readonly sinceBest: number;
  /** Step of the last validation, 0 before the first. */
  readonly validatedAt: number;
}

/** What must be the same on both sides of an interruption. */
export interface TrainIdentity {
  readonly optimizer: string;
  readonly seed: number;
}

/** Writes a training state as one safetensors file, whole or not at all. Weights lie in PyTorch's layouts. */
export async function saveTrainState(
  path: string,
  specs: readonly ParamSpec[],
  state: TrainState,
  identity: TrainIdentity,
): Promise<void> {
  const tensors = await saveParams(specs, state.params);
  const steps: Record<string, number> = {};
  for (const [name, slot] of Object.entries(state.optimizer)) {
    steps[name] = slot.step;
    for (const [kind, tensor] of Object.entries(slot.tensors)) {
      tensors[`optimizer.${kind}.${name}`] = await toWrite(tensor);
    }
  }
  for (const [name, tensor] of Object.entries(state.ema ?? {}))
    tensors[`ema.${name}`] = await toWrite(tensor);
  const metadata = {
    format: formatName,
    version: formatVersion,
    optimizer: identity.optimizer,
    seed: String(identity.seed),
    step: String(state.step),
    optimizerSteps: JSON.stringify(steps),
    best: JSON.stringify(state.best ?? null),
    sinceBest: String(state.sinceBest),
    validatedAt: String(state.validatedAt),
  };
  await writeSafetensors(path, tensors, { metadata });
}

/**
 * Reads a training state.
 *
 * @throws GlofError `unsupported-format` when the file is no training state of this version; `bad-config` when it was
 *   made with another optimiser or seed; `parameter-mismatch` when it is of another model
 */
export async function loadTrainState(
  path: string,
  specs: readonly ParamSpec[],
  identity: TrainIdentity,
): Promise<TrainState> {
  const file = await openCheckpoint(path);
  try {
    checkIdentity(path, file.metadata, identity);
    const { step, optimizerSteps, best, sinceBest, validatedAt } = file.metadata;
    const slotSteps = JSON.parse(optimizerSteps!) as Record<string, number>;
    const params = await loadParams(specs, file, { allowUnused: [extraNames] });
    const ema = await readAll(file, /^ema\./);
    return {
      step: Number(step),
      params,
      optimizer: await readOptimizer(file, slotSteps),
      ema: Object.keys(ema).length > 0 ? ema : undefined,
      best: (JSON.parse(best!) as BestSoFar | null) ?? undefined,
      sinceBest: Number(sinceBest),
      validatedAt: Number(validatedAt),
    };
  } finally {
    await file.close();
  }
}

/** Writes weights alone, as `model.load` takes them. */
export async function saveWeights(
  path: string,
  specs: readonly ParamSpec[],
  params: Params,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  await writeSafetensors(path, await saveParams(specs, params), { metadata });
}

function checkIdentity(
  path: string,
  metadata: Readonly<Record<string, string>>,
  { optimizer, seed }: TrainIdentity,
): void {
  if (metadata.format !== formatName || metadata.version !== formatVersion) {
    throw new GlofError(
      "unsupported-format",
      `fit: expected a training state (${formatName} ${formatVersion}) in ${path}, got ` +
        `${metadata.format ?? "another file"} ${metadata.version ?? ""}. Resume from last.safetensors.`,
      { path },
    );
  }
  if (metadata.optimizer === optimizer && metadata.seed === String(seed)) return;
  throw new GlofError(
    "bad-config",
    `fit: expected optimizer ${optimizer} and seed ${seed} in ${path}, got ${metadata.optimizer} and ` +
      `${metadata.seed}. Resume with the settings of the first run, or start from its weights.`,
    { path },
  );
}

async function readOptimizer(
  file: Checkpoint,
  steps: Readonly<Record<string, number>>,
): Promise<OptimizerState> {
  const tensors = await readAll(file, /^optimizer\./);
  const state: Record<string, OptimizerSlot & { tensors: Record<string, tf.Tensor> }> = {};
  for (const [name, step] of Object.entries(steps)) state[name] = { step, tensors: {} };
  for (const [key, tensor] of Object.entries(tensors)) {
    const dot = key.indexOf(".");
    state[key.slice(dot + 1)]!.tensors[key.slice(0, dot)] = tensor;
  }
  return state;
}

/** Tensors whose names have a prefix, named without it. */
async function readAll(file: Checkpoint, prefix: RegExp): Promise<Params> {
  const found: Record<string, tf.Tensor> = {};
  for (const { name, shape } of file.entries.values()) {
    if (!prefix.test(name)) continue;
    found[name.replace(prefix, "")] = tf.tensor(await file.readFloat32(name), [...shape], "float32");
  }
  return found;
}

async function toWrite(tensor: tf.Tensor): Promise<TensorToWrite> {
  return { shape: tensor.shape, values: await tensor.data<"float32">() };
}
