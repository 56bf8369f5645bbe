import * as tf from "@tensorflow/tfjs-core";
import { type Optimizer, type OptimizerOptions, perParameter } from "./optimizer.js";

/** Options of `rmsProp`. */
export interface RmsPropOptions extends OptimizerOptions {
  /** Memory of the squared gradient. Default 0.99. */
  readonly alpha?: number;
  /** Added to the divisor, outside the square root. Default 1e-8. */
  readonly epsilon?: number;
  /** Default 0. */
  readonly momentum?: number;
  /** Divide by the deviation instead of the root mean square. Default false. */
  readonly centered?: boolean;
  /** L2 term added to the gradient. Default 0. */
  readonly weightDecay?: number;
}

/**
 * RMSprop (Tieleman and Hinton 2012), as `torch.optim.RMSprop`.
 *
 * @throws GlofError `bad-argument` for a negative setting
 */
export function rmsProp(options: RmsPropOptions): Optimizer {
  const { alpha = 0.99, epsilon = 1e-8, momentum = 0, centered = false } = options;
  const average = (before: tf.Tensor | undefined, value: tf.Tensor): tf.Tensor =>
    before === undefined ? tf.mul(value, 1 - alpha) : tf.add(tf.mul(before, alpha), tf.mul(value, 1 - alpha));
  return perParameter("rmsprop", options, (param, grad, tensors, { lr, weightDecay }) => {
    const decayed = weightDecay === 0 ? grad : tf.add(grad, tf.mul(param, weightDecay));
    const next: Record<string, tf.Tensor> = {
      square_avg: average(tensors.square_avg, tf.square(decayed)),
    };
    let spread = next.square_avg!;
    if (centered) {
      next.grad_avg = average(tensors.grad_avg, decayed);
      spread = tf.sub(spread, tf.square(next.grad_avg));
    }
    let direction = tf.div(decayed, tf.add(tf.sqrt(spread), epsilon));
    if (momentum > 0) {
      const before = tensors.momentum_buffer;
      direction = before === undefined ? direction : tf.add(tf.mul(before, momentum), direction);
      next.momentum_buffer = direction;
    }
    return { param: tf.sub(param, tf.mul(direction, lr)), tensors: next };
  });
}
