import { GlofError } from "@glof/core";
import { withGradient } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { Loss } from "./types.js";

/** One term of `weightedSum`: its weight and a loss with options filled in. */
export type WeightedLoss = readonly [weight: number, loss: Loss];

/**
 * A loss that is a weighted sum of others, your own included.
 *
 * ```ts
 * const loss = weightedSum([[0.5, lovaszHinge], [0.3, diceLoss], [0.2, bceWithLogits]]);
 * ```
 *
 * @throws GlofError `bad-argument` for no terms or a weight that is no finite number
 */
export function weightedSum(terms: readonly WeightedLoss[]): Loss {
  if (terms.length === 0 || terms.some(([weight]) => !Number.isFinite(weight))) {
    throw new GlofError(
      "bad-argument",
      `weightedSum: expected at least one term, each with a finite weight, got [${terms.map(([weight]) => weight)}].`,
    );
  }
  return (logits, target) => {
    const values = terms.map(([, loss]) => loss(logits, target));
    return withGradient<tf.Scalar, string, never>({
      inputs: Object.fromEntries(values.map((value, index) => [`term${index}`, value])),
      forward: () => {
        const parts = values.map((value, index) => tf.mul<tf.Scalar>(value, terms[index]![0]));
        return {
          value: parts.reduce((sum, part) => tf.add(sum, part)),
          saved: {} as Record<never, tf.Tensor>,
        };
      },
      backward: (outputGrad) =>
        Object.fromEntries(terms.map(([weight], index) => [`term${index}`, tf.mul(outputGrad, weight)])),
    });
  };
}
