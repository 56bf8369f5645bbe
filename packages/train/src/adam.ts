import * as tf from "@tensorflow/tfjs-core";
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
  return perParameter("adamw", { ...options, weightDecay }, (param, grad, tensors, settings) =>
    adamStep(options, tf.mul(param, 1 - settings.lr * settings.weightDecay), grad, tensors, settings),
  );
}

/**
 * Adam (Kingma and Ba 2015), as `torch.optim.Adam`: its weight decay is an L2 term added to the gradient.
 *
 * @throws GlofError `bad-argument` for a negative setting
 */
export function adam(options: AdamOptions): Optimizer {
  return perParameter("adam", options, (param, grad, tensors, settings) => {
    const { weightDecay } = settings;
    const decayed = weightDecay === 0 ? grad : tf.add(grad, tf.mul(param, weightDecay));
    return adamStep(options, param, decayed, tensors, settings);
  });
}

function adamStep(
  { betas = [0.9, 0.999], epsilon = 1e-8, amsgrad = false }: AdamOptions,
  ...[param, grad, tensors, { lr, step }]: Parameters<UpdateRule>
): ReturnType<UpdateRule> {
  const [beta1, beta2] = betas;
  const mean = runningAverage(tensors["exp_avg"], grad, beta1);
  const square = runningAverage(tensors["exp_avg_sq"], tf.square(grad), beta2);
  const largest =
    amsgrad && tensors["max_exp_avg_sq"] ? tf.maximum(tensors["max_exp_avg_sq"], square) : square;
  const divisor = tf.add(tf.mul(tf.sqrt(largest), 1 / Math.sqrt(1 - beta2 ** step)), epsilon);
  const moved = tf.sub(param, tf.mul(tf.div(mean, divisor), lr / (1 - beta1 ** step)));
  const kept: Record<string, tf.Tensor> = amsgrad
    ? { max_exp_avg_sq: largest === square ? square.clone() : largest }
    : {};
  return { param: moved, tensors: { exp_avg: mean, exp_avg_sq: square, ...kept } };
}

/** beta * average + (1 - beta) * value, with an average of 0 at the start. */
function runningAverage(average: tf.Tensor | undefined, value: tf.Tensor, beta: number): tf.Tensor {
  const added = tf.mul(value, 1 - beta);
  return average === undefined ? added : tf.add(tf.mul(average, beta), added);
}
