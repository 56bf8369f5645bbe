import { GlofError, seededRng } from "@glof/core";
import { disposeParams, joinSmall, type Params, valueAndGrad } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { clipByGlobalNorm } from "./clip.js";
import type { FitOptions } from "./fit_options.js";
import { disposeOptimizerState, type OptimizerState } from "./optimizer.js";
import type { BatchIndex, TrainBatch } from "./types.js";

/** Weights of a run and what its optimiser remembers. One step replaces all of `trainable` and `optimizer`. */
export interface Weights {
  trainable: Params;
  /** Frozen weights and buffers. */
  frozen: Params;
  optimizer: OptimizerState;
  ema: Params | undefined;
}

/** What one step tells. */
export interface StepReport {
  readonly loss: number;
  readonly lr: number;
  readonly gradNorm?: number;
}

/**
 * One optimiser step. The weights are as before when loss or gradients fail; the optimiser's own update replaces them one by one.
 *
 * @param step number of the step, from 0
 * @throws GlofError `not-finite` when the loss or the norm of the gradients is NaN or infinite
 */
export async function trainStep<Input, Prepared>(
  step: number,
  weights: Weights,
  options: FitOptions<Input, Prepared>,
): Promise<StepReport> {
  const { optimizer, schedule = (_, lr) => lr, clipNorm, ema } = options;
  const { loss, grads, buffers } = await meanGradients(step, weights, options);
  let clipped = grads;
  let gradNorm: number | undefined;
  if (clipNorm !== undefined) {
    ({ grads: clipped, norm: gradNorm } = await clipByGlobalNorm(grads, clipNorm, { donate: true }));
    if (!Number.isFinite(gradNorm)) {
      for (const params of [clipped, buffers]) disposeParams(params);
      throw notFinite(step, "the norm of the gradients", gradNorm);
    }
  }
  const { trainable, optimizer: before, ema: averages } = weights;
  const next = optimizer.update(trainable, clipped, before, (lr) => schedule(step, lr), { donate: true });
  // An optimiser of the caller's own may leave that to us.
  disposeParams(clipped);
  disposeParams(trainable);
  disposeOptimizerState(before);
  for (const name of Object.keys(buffers)) weights.frozen[name]?.dispose();
  weights.frozen = { ...weights.frozen, ...buffers };
  weights.trainable = next.params;
  weights.optimizer = next.state;
  if (ema !== undefined && averages) {
    weights.ema = averaged(averages, next.params, ema, step);
  }
  return { loss, lr: schedule(step, optimizer.lr), gradNorm };
}

interface MicroSum {
  loss: number;
  grads: Params;
  /** Buffers as the micro-batches so far have left them, fresh tensors. */
  buffers: Record<string, tf.Tensor>;
}

/** Mean loss and mean gradients over the micro-batches of a step. */
async function meanGradients<Input, Prepared>(
  step: number,
  weights: Weights,
  options: FitOptions<Input, Prepared>,
): Promise<MicroSum> {
  const { batches, accumulate = 1 } = options;
  const sum: MicroSum = { loss: 0, grads: {}, buffers: {} };
  for (let micro = 0; micro < accumulate; micro++) {
    const batch = await batches({ step, micro });
    const one = lossAndGradients(batch, { step, micro }, weights, sum.buffers, options);
    tf.dispose([batch.input as tf.TensorContainer, batch.target]);
    const [value] = await one.value.data().finally(() => one.value.dispose());
    if (!Number.isFinite(value)) {
      for (const params of [one.grads, sum.grads, sum.buffers]) disposeParams(params);
      throw notFinite(step, "the loss", value!);
    }
    sum.loss += value! / accumulate;
    sum.grads = micro === 0 ? one.grads : added(sum.grads, one.grads);
  }
  if (accumulate > 1) sum.grads = scaled(sum.grads, 1 / accumulate);
  return sum;
}

function lossAndGradients<Input, Prepared>(
  batch: TrainBatch<Input>,
  { step, micro }: BatchIndex,
  { trainable, frozen }: Weights,
  buffers: Record<string, tf.Tensor>,
  { model, loss, prepare, seed = 0, checkpointBlocks = false }: FitOptions<Input, Prepared>,
): { value: tf.Scalar; grads: Params } {
  const mode = {
    training: true,
    checkpointBlocks,
    seed: seededRng(`${seed}/forward/${step}/${micro}`).int(2 ** 31),
    onBuffer: (name: string, value: tf.Tensor): void => {
      fresh[name]?.dispose();
      fresh[name] = value;
    },
  };
  const fresh: Record<string, tf.Tensor> = {};
  const constants = { ...frozen, ...buffers };
  const result = tf.tidy(() => {
    const input = prepare ? prepare(constants, batch.input) : (batch.input as unknown as Prepared);
    const { value, grads } = valueAndGrad(
      (learning) => loss(model.forward({ ...constants, ...learning }, input, mode), batch.target),
      trainable,
      // A parameter that the loss does not reach is left alone, weight decay included.
      { unreached: "omit" },
    );
    return { value, grads } as { value: tf.Scalar; grads: Params } & tf.TensorContainerObject;
  });
  for (const [name, value] of Object.entries(fresh)) {
    buffers[name]?.dispose();
    buffers[name] = value;
  }
  return result;
}

/** Sums tensors of the same name, and disposes both records. */
function added(first: Params, second: Params): Params {
  const sums: Record<string, tf.Tensor> = { ...first };
  for (const [name, tensor] of Object.entries(second)) {
    const before = sums[name];
    sums[name] = before === undefined ? tensor : tf.add(before, tensor);
    if (before === undefined) continue;
    before.dispose();
    tensor.dispose();
  }
  return sums;
}

/** Multiplies every tensor, and disposes those of the record. */
function scaled(params: Params, factor: number): Params {
  const products = Object.entries(params).map(([name, tensor]) => {
    const product = tf.tidy(() => tf.mul(tensor, factor));
    tensor.dispose();
    return [name, product];
  });
  return Object.fromEntries(products) as Params;
}

/** The next averages; the old ones are disposed. Averages start short and grow to `decay`, so that they do not remember the initial weights for long. */
function averaged(averages: Params, params: Params, decay: number, step: number): Params {
  const share = 1 - Math.min(decay, (1 + step) / (10 + step));
  const names = Object.keys(averages);
  const next = tf.tidy(() => {
    const { parts, split } = joinSmall(Object.values(averages));
    const latest = joinSmall(names.map((name) => params[name]!)).parts;
    disposeParams(averages);
    return split(
      parts.map((part, at) => {
        const next = tf.tidy(() => tf.add(part, tf.mul(tf.sub(latest[at]!, part), share)));
        tf.dispose([part, latest[at]!]);
        return next;
      }),
    );
  });
  return Object.fromEntries(names.map((name, at) => [name, next[at]!])) as Params;
}

function notFinite(step: number, what: string, value: number): GlofError {
  return new GlofError(
    "not-finite",
    `fit: expected ${what} to be finite in step ${step + 1}, got ${value}. Lower the learning rate, clip the ` +
      "gradients, or look for NaN in the data; the checkpoint before it is whole.",
    { step: step + 1, value },
  );
}
