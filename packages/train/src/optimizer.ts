import { GlofError } from "@glof/core";
import type { Params } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";

/** What an optimiser remembers of one parameter. */
export interface OptimizerSlot {
  /** Updates of this parameter so far. */
  readonly step: number;
  /** Running averages and the like, of the parameter's shape. */
  readonly tensors: Readonly<Record<string, tf.Tensor>>;
}

/** What an optimiser remembers, by parameter name. `{}` at the start. */
export type OptimizerState = Readonly<Record<string, OptimizerSlot>>;

/** Settings for some of the parameters; the first group that matches a parameter holds. */
export interface ParamGroup {
  /** By name, or by name and shape (as in memory). */
  readonly match: RegExp | ((name: string, shape: readonly number[]) => boolean);
  /** Learning rate instead of the optimiser's. */
  readonly lr?: number;
  /** Weight decay instead of the optimiser's. */
  readonly weightDecay?: number;
}

/** Common to all optimisers. */
export interface OptimizerOptions {
  /** Learning rate before any schedule. */
  readonly lr: number;
  /** Exceptions by parameter. Default none: every parameter gets the same, as in PyTorch. */
  readonly groups?: readonly ParamGroup[];
}

/** One step of an optimiser. Pure: it makes new tensors and the caller disposes the old. */
export interface Optimizer {
  /** A stable word for checkpoints, such as `"adamw"`. */
  readonly kind: string;
  /** Learning rate before any schedule, for parameters in no group of their own. */
  readonly lr: number;
  /**
   * @param grads parameters without a gradient stay as they are
   * @param schedule turns the learning rate of a group into the one of this step; default: as it is
   * @returns new parameters and state, fresh tensors throughout
   */
  update(
    params: Params,
    grads: Params,
    state: OptimizerState,
    schedule?: (lr: number) => number,
  ): { readonly params: Params; readonly state: OptimizerState };
}

/** No weight decay for biases, norms, LayerScale (at most one axis), tokens and position embeddings. */
export const noDecayOnVectors: ParamGroup = {
  match: (name, shape) =>
    shape.length <= 1 || /(^|[._])(cls_token|register_tokens|mask_token|pos_embed)$/.test(name),
  weightDecay: 0,
};

/** Numbers in force for one parameter in one step. */
export interface ParamSettings {
  readonly lr: number;
  readonly weightDecay: number;
  /** 1 in the first update of this parameter. */
  readonly step: number;
}

/** The arithmetic of an optimiser on one parameter. `tensors` is empty in its first step. */
export type UpdateRule = (
  param: tf.Tensor,
  grad: tf.Tensor,
  tensors: Readonly<Record<string, tf.Tensor>>,
  settings: ParamSettings,
) => { readonly param: tf.Tensor; readonly tensors: Readonly<Record<string, tf.Tensor>> };

/** Runs a rule over all parameters. */
export function perParameter(
  kind: string,
  { lr, groups = [], weightDecay = 0 }: OptimizerOptions & { readonly weightDecay?: number },
  rule: UpdateRule,
): Optimizer {
  checkPositive(kind, "lr", lr);
  checkPositive(kind, "weightDecay", weightDecay);
  return {
    kind,
    lr,
    update(params, grads, state, schedule = (base) => base) {
      const nextParams: Record<string, tf.Tensor> = {};
      const nextState: Record<string, OptimizerSlot> = {};
      for (const [name, param] of Object.entries(params)) {
        const grad = grads[name];
        const slot = state[name];
        if (grad === undefined) {
          nextParams[name] = param.clone();
          if (slot) nextState[name] = { step: slot.step, tensors: cloneAll(slot.tensors) };
          continue;
        }
        const group = groups.find((one) => matches(one, name, param.shape));
        const step = (slot?.step ?? 0) + 1;
        const settings = {
          lr: schedule(group?.lr ?? lr),
          weightDecay: group?.weightDecay ?? weightDecay,
          step,
        };
        const next = tf.tidy(
          () => rule(param, grad, slot?.tensors ?? {}, settings) as unknown as tf.TensorContainerObject,
        );
        nextParams[name] = next.param as tf.Tensor;
        nextState[name] = { step, tensors: next.tensors as unknown as Record<string, tf.Tensor> };
      }
      return { params: nextParams, state: nextState };
    },
  };
}

/** Disposes what an optimiser remembers. */
export function disposeOptimizerState(state: OptimizerState): void {
  for (const slot of Object.values(state)) tf.dispose({ ...slot.tensors });
}

function cloneAll(tensors: Readonly<Record<string, tf.Tensor>>): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.clone()]));
}

function matches({ match }: ParamGroup, name: string, shape: readonly number[]): boolean {
  return typeof match === "function" ? match(name, shape) : match.test(name);
}

/** Throws `bad-argument` for a negative or non-finite setting. */
export function checkPositive(where: string, name: string, value: number): void {
  if (Number.isFinite(value) && value >= 0) return;
  throw new GlofError(
    "bad-argument",
    `${where}: expected ${name} to be a number from 0 upwards, got ${value}. Correct it.`,
    { [name]: value },
  );
}
