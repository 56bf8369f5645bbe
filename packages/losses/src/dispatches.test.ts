import { valueAndGrad, withReferenceKernels } from "@glof/nn";
import { countDispatches, describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { bceWithLogits, crossEntropy, diceLoss, focalLoss, type Loss, mccLoss } from "./index.js";

/**
 * Dispatches of value and gradient at most: three go over the pixels, one is what the loss makes of their sums, two scale its
 * derivative.
 */
const most = 6;

const cases: readonly (readonly [name: string, loss: Loss, classes: number])[] = [
  ["bceWithLogits", bceWithLogits, 1],
  ["diceLoss", diceLoss, 1],
  ["focalLoss", focalLoss, 1],
  ["mccLoss", mccLoss, 1],
  ["crossEntropy", crossEntropy, 4],
  ["crossEntropy, weighted", (x, t) => crossEntropy(x, t, { weight: [1, 2, 3, 4], labelSmoothing: 0.1 }), 4],
  ["focalLoss of classes", (x, t) => focalLoss(x, t, { mode: "multiclass" }), 4],
  ["diceLoss of classes", (x, t) => diceLoss(x, t, { mode: "multiclass" }), 4],
];

describeOnBackends(
  "dispatches",
  () => {
    it.each(cases)("of %s", async (_, loss, classes) => {
      const x = tf.zeros([1, 40, 50, classes]);
      const target = tf.zeros([1, 40, 50]);
      const count = (): Promise<number> =>
        countDispatches(() => {
          const { value, grads } = valueAndGrad((given) => loss(given.x!, target), { x });
          tf.dispose({ ...grads });
          return value;
        });
      const ours = await count();
      expect(ours).toBeLessThanOrEqual(most);
      expect(await withReferenceKernels(count)).toBeGreaterThanOrEqual(ours + 15);
      tf.dispose([x, target]);
    });
  },
  { backends: ["webgpu"] },
);
