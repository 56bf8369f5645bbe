import { type AdamNumbers, adamUpdateAll } from "@glof/nn";
import {
  type JointRule,
  type Optimizer,
  type OptimizerOptions,
  overParameters,
  type ParamSettings,
} from "./optimizer.js";

/** Options of `adam` and `adamW`. */
export interface AdamOptions extends OptimizerOptions {
  /** Memory of the first and the second moment. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Added to the divisor after bias correction. Default 1e-8. */
  readonly epsilon?: number;
  /** Default 0.01 for `adamW`, 0 for `adam`. */
  readonly weightDecay?: number;
  /** Divide by the largest second moment so far. Default false. */
  readonly amsgrad?: boolean;
}

/**
 * AdamW (Loshchilov and Hutter 2019, "Decoupled weight decay regularization"), as `torch.optim.AdamW`:
 * p <- p (1 - lr wd) - lr mhat / (sqrt(vhat) + epsilon), with bias-corrected moments kept by parameter name.
 *
 * @throws GlofError `bad-argument` for a negative setting
 */
export function adamW(options: AdamOptions): Optimizer {
  const { weightDecay = 0.01 } = options;
  return overParameters("adamw", { ...options, weightDecay }, adamRule(options, true));
}

/**
 * Adam (Kingma and Ba 2015), as `torch.optim.Adam`: its weight decay is an L2 term added to the gradient.
 *
 * @throws GlofError `bad-argument` for a negative setting
 */
export function adam(options: AdamOptions): Optimizer {
  return overParameters("adam", options, adamRule(options, false));
}

function adamRule(options: AdamOptions, isDecoupled: boolean): JointRule {
  return (entries, updateOptions) => {
    const updates = adamUpdateAll(
      entries.map(({ param, grad, tensors, settings }) => ({
        param,
        grad,
        before: { mean: tensors.exp_avg, square: tensors.exp_avg_sq, largest: tensors.max_exp_avg_sq },
        numbers: numbersOf(options, isDecoupled, settings),
      })),
      updateOptions,
    );
    return updates.map(({ param, mean, square, largest }) => {
      const moments = { exp_avg: mean, exp_avg_sq: square };
      return { param, tensors: largest ? { ...moments, max_exp_avg_sq: largest } : moments };
    });
  };
}

function numbersOf(
  { betas: [beta1, beta2] = [0.9, 0.999], epsilon = 1e-8, amsgrad = false }: AdamOptions,
  isDecoupled: boolean,
  { lr, weightDecay, step }: ParamSettings,
): AdamNumbers {
  return {
    beta1,
    beta2,
    epsilon,
    amsgrad,
    shrink: isDecoupled ? 1 - lr * weightDecay : 1,
    l2: isDecoupled ? 0 : weightDecay,
    stepSize: lr / (1 - beta1 ** step),
    spreadScale: 1 / Math.sqrt(1 - beta2 ** step),
  };
}
