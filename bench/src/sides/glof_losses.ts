import {
  bceWithLogits,
  crossEntropy,
  diceLoss,
  focalLoss,
  lovaszHinge,
  lovaszSoftmax,
  mccLoss,
  tverskyLoss,
} from "@glof/losses";
import { valueAndGrad } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { PrepareWork } from "./serve.js";
import { lossInputs, textOf } from "./tf_tools.js";

const losses: Readonly<Record<string, (logits: tf.Tensor, target: tf.Tensor) => tf.Scalar>> = {
  lovaszHinge,
  dice: diceLoss,
  bce: bceWithLogits,
  focal: focalLoss,
  tversky: (logits, target) => tverskyLoss(logits, target, { alpha: 0.3, beta: 0.7 }),
  mcc: mccLoss,
  crossEntropy,
  classFocal: (logits, target) => focalLoss(logits, target, { mode: "multiclass" }),
  classDice: (logits, target) => diceLoss(logits, target, { mode: "multiclass" }),
  lovaszSoftmax,
};

/** Value and gradient of a loss of `@glof/losses`. */
export const glofLoss: PrepareWork = (args) => {
  const loss = losses[textOf(args, "loss")]!;
  const { logits, target } = lossInputs(tf, args);
  const gradient = (): tf.Tensor => {
    const { value, grads } = valueAndGrad((given) => loss(given.logits!, target), { logits });
    value.dispose();
    return grads.logits!;
  };
  return {
    run: () => gradient().dispose(),
    async output() {
      const grad = gradient();
      const values = await grad.data<"float32">();
      grad.dispose();
      return values;
    },
    dispose: () => tf.dispose([logits, target]),
  };
};
