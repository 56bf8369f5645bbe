import { valueAndGrad, withReferenceKernels } from "@glof/nn";
import { countDispatches, describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { bceWithLogits, crossEntropy, diceLoss, focalLoss, type Loss } from "./index.js";

/** Dispatches of value and gradient at most. Three go over the pixels; the others are arithmetic of the sums. */
const cases: readonly (readonly [name: string, loss: Loss, classes: number, most: number])[] = [
  ["bceWithLogits", bceWithLogits, 1, 14],
  ["diceLoss", diceLoss, 1, 39],
  ["focalLoss", focalLoss, 1, 15],
  ["crossEntropy", crossEntropy, 4, 18],
  [
    "crossEntropy, weighted",
    (x, t) => crossEntropy(x, t, { weight: [1, 2, 3, 4], labelSmoothing: 0.1 }),
    4,
    18,
  ],
  ["focalLoss of classes", (x, t) => focalLoss(x, t, { mode: "multiclass" }), 4, 15],
  ["diceLoss of classes", (x, t) => diceLoss(x, t, { mode: "multiclass" }), 4, 38],
];

describeOnBackends(
  "dispatches",
  () => {
    it.each(cases)("of %s", async (_, loss, classes, most) => {
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
