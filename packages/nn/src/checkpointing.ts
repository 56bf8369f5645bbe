import type * as tf from "@tensorflow/tfjs-core";
import { differentiate } from "./backprop.js";
import { ensureGradients } from "./gradients/index.js";
import type { Params } from "./types.js";
import { withGradient } from "./with_gradient.js";

let recomputations = 0;

/** True while a checkpointed block runs a second time, so that side outputs (batch statistics) are not given twice. */
export function isRecomputing(): boolean {
  return recomputations > 0;
}

/** A piece of a network whose weights and input are arguments. */
export type Block<In extends tf.Tensor, Out extends tf.Tensor> = (params: Params, x: In) => Out;

/**
 * Gradient checkpointing (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"): the block's activations are
 * not kept for the backward pass; the block runs once more there. Same values and gradients, about a third more work.
 *
 * The block must be a pure function of `params` and `x`: captured tensors get no gradient, and randomness must come from
 * a seed.
 */
export function checkpoint<In extends tf.Tensor, Out extends tf.Tensor>(
  block: Block<In, Out>,
): Block<In, Out> {
  return (params, x) => {
    const names = Object.keys(params);
    // "x" cannot clash with a parameter: parameters carry a prefix.
    const inputs: Record<string, tf.Tensor> = { x };
    for (const name of names) inputs[`param:${name}`] = params[name]!;
    return withGradient<Out, string, string>({
      inputs,
      forward: () => ({ value: block(params, x), saved: inputs }),
      backward: (outputGrad, saved, wants) => {
        ensureGradients();
        const wanted = Object.keys(saved).filter(wants);
        const savedParams = Object.fromEntries(names.map((name) => [name, saved[`param:${name}`]!]));
        recomputations++;
        try {
          const { value, grads } = differentiate(
            () => block(savedParams, saved.x as In),
            wanted.map((name) => saved[name]!),
            outputGrad,
          );
          value.dispose();
          return Object.fromEntries(wanted.map((name, index) => [name, grads[index] ?? undefined]));
        } finally {
          recomputations--;
        }
      },
    });
  };
}
