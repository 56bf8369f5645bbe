import { GlofError } from "@glof/core";
import { disposeParams, type Params } from "@glof/nn";
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

/** Options of an update. */
export interface UpdateOptions {
  /**
   * Parameters, gradients and state are given up: each tensor is disposed as soon as it was used. So the old ones and the new
   * ones of one parameter, not of all, are there at a time. Default false: the caller disposes the old.
   */
  readonly donate?: boolean;
}

/** One step of an optimiser. Pure: it makes new tensors. */
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
    options?: UpdateOptions,
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

/** One parameter that has a gradient, before an update. */
export interface UpdateEntry {
  readonly param: tf.Tensor;
  readonly grad: tf.Tensor;
  /** Empty in its first step. */
  readonly tensors: Readonly<Record<string, tf.Tensor>>;
  readonly settings: ParamSettings;
}

/** A parameter after an update, and what is remembered of it. */
export interface UpdatedParam {
  readonly param: tf.Tensor;
  readonly tensors: Readonly<Record<string, tf.Tensor>>;
}

/** The arithmetic of an optimiser on one parameter, in a scope of its own: only the result stays. */
export type UpdateRule = (
  param: tf.Tensor,
  grad: tf.Tensor,
  tensors: UpdateEntry["tensors"],
  settings: ParamSettings,
) => UpdatedParam;

/** The arithmetic of an optimiser on all parameters that have a gradient: one result each, fresh tensors, in their order. */
export type JointRule = (entries: readonly UpdateEntry[], options: UpdateOptions) => readonly UpdatedParam[];

type RuleOptions = OptimizerOptions & { readonly weightDecay?: number };

/** Runs a rule over all parameters, one after the other. */
export function perParameter(kind: string, options: RuleOptions, rule: UpdateRule): Optimizer {
  const tidied = ({ param, grad, tensors, settings }: UpdateEntry): UpdatedParam =>
    tf.tidy(
      () => rule(param, grad, tensors, settings) as unknown as tf.TensorContainerObject,
    ) as unknown as UpdatedParam;
  return overParameters(kind, options, (entries, { donate }) =>
    entries.map((entry) => {
      const updated = tidied(entry);
      if (donate) tf.dispose([entry.param, entry.grad, { ...entry.tensors }]);
      return updated;
    }),
  );
}

/** Runs a rule over all parameters at once. */
export function overParameters(
  kind: string,
  { lr, groups = [], weightDecay = 0 }: RuleOptions,
  rule: JointRule,
): Optimizer {
  checkPositive(kind, "lr", lr);
  checkPositive(kind, "weightDecay", weightDecay);
  const settingsOf = (name: string, param: tf.Tensor, step: number, schedule: (lr: number) => number) => {
    const group = groups.find((one) => matches(one, name, param.shape));
    return { lr: schedule(group?.lr ?? lr), weightDecay: group?.weightDecay ?? weightDecay, step };
  };
  return {
    kind,
    lr,
    update(params, grads, state, schedule = (base) => base, options = {}) {
      const entries = Object.entries(params).flatMap(([name, param]) => {
        const [grad, slot] = [grads[name], state[name]];
        if (grad === undefined) return [];
        const settings = settingsOf(name, param, (slot?.step ?? 0) + 1, schedule);
        return [{ name, param, grad, tensors: slot?.tensors ?? {}, settings }];
      });
      const updated = rule(entries, options);
      const byName = new Map(entries.map((entry, at) => [entry.name, { ...entry, next: updated[at]! }]));
      const nextParams: Record<string, tf.Tensor> = {};
      const nextState: Record<string, OptimizerSlot> = {};
      for (const [name, param] of Object.entries(params)) {
        const [entry, slot] = [byName.get(name), state[name]];
        nextParams[name] = entry?.next.param ?? param.clone();
        if (entry) nextState[name] = { step: entry.settings.step, tensors: entry.next.tensors };
        else if (slot) nextState[name] = { step: slot.step, tensors: cloneAll(slot.tensors) };
      }
      if (options.donate) {
        for (const given of [params, grads]) disposeParams(given);
        disposeOptimizerState(state);
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
