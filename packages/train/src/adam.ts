import * as tf from "@tensorflow/tfjs-core";
import { type AdamNumbers, adamOnArrays } from "./adam_arrays.js";
import { type Optimizer, type OptimizerOptions, perParameter, type UpdateRule } from "./optimizer.js";

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
  return perParameter("adamw", { ...options, weightDecay }, adamRule(options, true));
}

/**
 * Adam (Kingma and Ba 2015), as `torch.optim.Adam`: its weight decay is an L2 term added to the gradient.
 *
 * @throws GlofError `bad-argument` for a negative setting
 */
export function adam(options: AdamOptions): Optimizer {
  return perParameter("adam", options, adamRule(options, false));
}

function adamRule(options: AdamOptions, isDecoupled: boolean): UpdateRule {
  const { betas = [0.9, 0.999], epsilon = 1e-8, amsgrad = false } = options;
  const [beta1, beta2] = betas;
  return (param, grad, tensors, { lr, weightDecay, step }) => {
    const numbers = {
      beta1,
      beta2,
      epsilon,
      amsgrad,
      shrink: isDecoupled ? 1 - lr * weightDecay : 1,
      l2: isDecoupled ? 0 : weightDecay,
      stepSize: lr / (1 - beta1 ** step),
      spreadScale: 1 / Math.sqrt(1 - beta2 ** step),
    };
    // Where reading is a copy in memory, one pass beats fourteen operations.
    const liesInMemory = ["cpu", "wasm"].includes(tf.getBackend());
    return (liesInMemory ? adamOnArrays : adamOnTensors)(param, grad, tensors, numbers);
  };
}

function adamOnTensors(
  param: tf.Tensor,
  grad: tf.Tensor,
  tensors: Readonly<Record<string, tf.Tensor>>,
  { beta1, beta2, epsilon, amsgrad, shrink, l2, stepSize, spreadScale }: AdamNumbers,
): ReturnType<UpdateRule> {
  const gradient = l2 === 0 ? grad : tf.add(grad, tf.mul(param, l2));
  const mean = runningAverage(tensors.exp_avg, gradient, beta1);
  const square = runningAverage(tensors.exp_avg_sq, tf.square(gradient), beta2);
  const before = tensors.max_exp_avg_sq;
  const largest = amsgrad ? (before ? tf.maximum(before, square) : square.clone()) : square;
  const divisor = tf.add(tf.mul(tf.sqrt(largest), spreadScale), epsilon);
  const kept = shrink === 1 ? param : tf.mul(param, shrink);
  const moved = tf.sub(kept, tf.mul(tf.div(mean, divisor), stepSize));
  const moments: Record<string, tf.Tensor> = { exp_avg: mean, exp_avg_sq: square };
  if (amsgrad) moments.max_exp_avg_sq = largest;
  return { param: moved, tensors: moments };
}

/** beta * average + (1 - beta) * value, with an average of 0 at the start. */
function runningAverage(average: tf.Tensor | undefined, value: tf.Tensor, beta: number): tf.Tensor {
  const added = tf.mul(value, 1 - beta);
  return average === undefined ? added : tf.add(tf.mul(average, beta), added);
}
