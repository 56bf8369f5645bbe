import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { type Optimizer, type OptimizerOptions, perParameter, type UpdateRule } from "./optimizer.js";

/** Options of `sgd`. */
export interface SgdOptions extends OptimizerOptions {
  /** Default 0. */
  readonly momentum?: number;
  /** Share of a new gradient kept out of the momentum (not in the first step). Default 0. */
  readonly dampening?: number;
  /** Look ahead along the momentum. Needs momentum and no dampening. Default false. */
  readonly nesterov?: boolean;
  /** L2 term added to the gradient. Default 0. */
  readonly weightDecay?: number;
}

/**
 * Stochastic gradient descent as `torch.optim.SGD`: b <- momentum b + (1 - dampening) g, p <- p - lr b.
 *
 * @throws GlofError `bad-argument` for a negative setting, or `nesterov` without momentum or with dampening
 */
export function sgd(options: SgdOptions): Optimizer {
  const { momentum = 0, dampening = 0, nesterov = false } = options;
  if (nesterov && (momentum <= 0 || dampening !== 0)) {
    throw new GlofError(
      "bad-argument",
      `sgd: expected a momentum and no dampening with nesterov, got momentum ${momentum} and dampening ${dampening}. ` +
        "Correct them.",
    );
  }
  return perParameter("sgd", options, (param, grad, tensors, { lr, weightDecay }) => {
    const decayed = weightDecay === 0 ? grad : tf.add(grad, tf.mul(param, weightDecay));
    if (momentum === 0) return updated(param, decayed, lr, {});
    const before = tensors.momentum_buffer;
    const buffer =
      before === undefined
        ? decayed.clone()
        : tf.add(tf.mul(before, momentum), tf.mul(decayed, 1 - dampening));
    const direction = nesterov ? tf.add(decayed, tf.mul(buffer, momentum)) : buffer;
    return updated(param, direction, lr, { momentum_buffer: buffer });
  });
}

const updated = (
  param: tf.Tensor,
  direction: tf.Tensor,
  lr: number,
  tensors: Record<string, tf.Tensor>,
): ReturnType<UpdateRule> => ({ param: tf.sub(param, tf.mul(direction, lr)), tensors });
