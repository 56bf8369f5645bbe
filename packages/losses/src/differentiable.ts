import { withGradient } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";

/** A loss and its derivative by the predictions (same shape as these). */
export interface ValueAndDerivative {
  /** A scalar, or one value per element or per pixel of the predictions. */
  readonly value: tf.Tensor;
  readonly derivative: tf.Tensor;
}

/**
 * Makes a loss out of a function that computes value and derivative together, so that no operation inside needs a
 * gradient of its own (several of tfjs's are wrong or missing on some backend).
 */
export function differentiable<Out extends tf.Tensor>(
  logits: tf.Tensor,
  compute: (logits: tf.Tensor) => ValueAndDerivative,
): Out {
  return withGradient<Out, "logits", "derivative">({
    inputs: { logits },
    forward: () => {
      const { value, derivative } = compute(logits);
      return { value, saved: { derivative: tf.reshape(derivative, logits.shape) } };
    },
    backward: (outputGrad, { derivative }) => {
      // A map of one value per pixel meets the derivative of all its classes: [N, H, W] -> [N, H, W, 1].
      const perPixel = outputGrad.rank > 0 && outputGrad.rank < derivative.rank;
      return { logits: tf.mul(perPixel ? tf.expandDims(outputGrad, -1) : outputGrad, derivative) };
    },
  });
}
