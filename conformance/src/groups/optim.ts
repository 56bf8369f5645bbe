import { disposeParams, type Params, valueAndGrad } from "@glof/nn";
import {
  adam,
  adamW,
  clipByGlobalNorm,
  clipByValue,
  type Optimizer,
  type OptimizerState,
  type ParamGroup,
  rmsProp,
  type Schedule,
  sgd,
} from "@glof/train";
import * as tf from "@tensorflow/tfjs-core";
import type { CaseContext, CaseRunner, Got, GroupRunners } from "../case.js";
import { buildSchedule, scheduler } from "./optim/schedules.js";

interface ClipFacts {
  readonly max_norm: number;
  readonly norm_type: number | "inf";
}

interface OptimizerFacts {
  readonly optimizer: "AdamW" | "Adam" | "SGD" | "RMSprop";
  readonly steps: number;
  readonly lr: number;
  readonly betas?: [number, number];
  readonly eps?: number;
  readonly weight_decay?: number;
  readonly amsgrad?: boolean;
  readonly momentum?: number;
  readonly dampening?: number;
  readonly nesterov?: boolean;
  readonly alpha?: number;
  readonly centered?: boolean;
  readonly groups?: { params: string[]; lr?: number; weight_decay?: number }[];
  readonly clip_grad_norm?: ClipFacts;
  readonly scheduler?: Record<string, unknown>;
}

const names = ["weight", "bias", "scale"] as const;

function buildOptimizer(facts: OptimizerFacts): Optimizer {
  const { lr, betas, eps: epsilon, weight_decay: weightDecay, amsgrad, momentum } = facts;
  const groups = facts.groups?.map(
    (group): ParamGroup => ({
      match: (name) => group.params.includes(name),
      lr: group.lr,
      weightDecay: group.weight_decay,
    }),
  );
  switch (facts.optimizer) {
    case "AdamW":
      return adamW({ lr, betas, epsilon, weightDecay, amsgrad, groups });
    case "Adam":
      return adam({ lr, betas, epsilon, weightDecay, amsgrad, groups });
    case "SGD":
      return sgd({ lr, momentum, dampening: facts.dampening, nesterov: facts.nesterov, weightDecay, groups });
    case "RMSprop":
      return rmsProp({
        lr,
        alpha: facts.alpha,
        epsilon,
        momentum,
        centered: facts.centered,
        weightDecay,
        groups,
      });
    default:
      throw new Error(`no optimizer ${String(facts.optimizer)}`);
  }
}

const normType = ({ norm_type }: ClipFacts): number =>
  norm_type === "inf" ? Number.POSITIVE_INFINITY : norm_type;

/** mean((tanh(X@weight)*scale + bias - Y)^2) */
function objective(context: CaseContext): (params: Params) => tf.Scalar {
  const [inputs, targets] = [context.tensor("in.X"), context.tensor("in.Y")];
  return ({ weight, bias, scale }) => {
    const hidden = tf.tanh(tf.matMul(inputs as tf.Tensor2D, weight as tf.Tensor2D));
    const error = tf.sub(tf.add(tf.mul(hidden, scale!), bias!), targets);
    return tf.mean(tf.square(error)) as tf.Scalar;
  };
}

const optimizer: CaseRunner = async (context) => {
  const facts = context.golden.options as unknown as OptimizerFacts;
  const optimizer = buildOptimizer(facts);
  const schedule: Schedule = facts.scheduler ? buildSchedule(facts.scheduler) : (_, lr) => lr;
  const loss = objective(context);
  let params: Params = Object.fromEntries(names.map((name) => [name, context.tensor(`in.init.${name}`)]));
  let state: OptimizerState = {};
  const rows = new Rows();
  await rows.add("out.params.", params);
  const lrs = facts.groups?.map(({ lr }) => lr ?? facts.lr) ?? [facts.lr];
  for (let step = 0; step < facts.steps; step++) {
    const { value, grads } = valueAndGrad(loss, params);
    rows.addNumbers("out.losses", [...(await value.data())]);
    await rows.add("out.grads_before_clip.", grads);
    let used = grads;
    if (facts.clip_grad_norm) {
      const clip = facts.clip_grad_norm;
      const clipped = await clipByGlobalNorm(grads, clip.max_norm, { normType: normType(clip) });
      rows.addNumbers("out.grad_norm", [clipped.norm]);
      used = clipped.grads;
    }
    rows.addNumbers(
      "out.lr",
      lrs.map((lr) => schedule(step, lr)),
    );
    ({ params, state } = optimizer.update(params, used, state, (lr) => schedule(step, lr)));
    disposeParams(grads);
    await rows.add("out.params.", params);
  }
  return { ...rows.all(), ...finalState(state) };
};

/** Values gathered step by step under one name each. */
class Rows {
  readonly #values = new Map<string, number[]>();

  addNumbers(name: string, values: readonly number[]): void {
    this.#values.set(name, [...(this.#values.get(name) ?? []), ...values]);
  }

  async add(prefix: string, params: Params): Promise<void> {
    for (const [name, tensor] of Object.entries(params)) {
      this.addNumbers(`${prefix}${name}`, [...(await tensor.data())]);
    }
  }

  all(): Record<string, Got> {
    return Object.fromEntries(this.#values);
  }
}

function finalState(state: OptimizerState): Record<string, Got> {
  const results: Record<string, Got> = {};
  for (const [name, { step, tensors }] of Object.entries(state)) {
    results[`out.final_state.${name}.step`] = step;
    for (const [kind, tensor] of Object.entries(tensors)) results[`out.final_state.${name}.${kind}`] = tensor;
  }
  return results;
}

/** Gradients named in.grad.*. */
function givenGradients({ golden, tensor }: CaseContext): Params {
  const given = Object.keys(golden.inputs).filter((name) => name.startsWith("in.grad."));
  return Object.fromEntries(given.map((name) => [name.slice("in.grad.".length), tensor(name)]));
}

const clippedResults = (grads: Params): Record<string, Got> =>
  Object.fromEntries(Object.entries(grads).map(([name, tensor]) => [`out.clipped.${name}`, tensor]));

const clipGradNorm: CaseRunner = async (context) => {
  const facts = context.golden.options as unknown as ClipFacts;
  const { grads, norm } = await clipByGlobalNorm(givenGradients(context), facts.max_norm, {
    normType: normType(facts),
  });
  return { "out.total_norm": norm, ...clippedResults(grads) };
};

const clipGradValue: CaseRunner = (context) => {
  const { clip_value } = context.golden.options as { clip_value: number };
  return clippedResults(clipByValue(givenGradients(context), clip_value));
};

/** Golden cases of optimisers, schedules and clipping. */
export const group: GroupRunners = {
  runners: {
    optimizer,
    lr_scheduler: scheduler,
    clip_grad_norm: clipGradNorm,
    clip_grad_value: clipGradValue,
  },
};
