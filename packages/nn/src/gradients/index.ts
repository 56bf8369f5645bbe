import * as tf from "@tensorflow/tfjs-core";
import { arithmeticGradients } from "./arithmetic.js";
import { registerRule } from "./gradient_rule.js";
import { listGradients } from "./lists.js";
import { productGradients } from "./products.js";
import { reductionGradients } from "./reductions.js";
import { shapeGradients } from "./shapes.js";
import { unaryGradients } from "./unary.js";

/**
 * Registers gradients for tfjs's elementary kernels, once. tfjs-core as loaded by Node has none.
 *
 * A gradient that is already registered stays. `valueAndGrad` and `checkpoint` call this; call it yourself only before
 * using tfjs's own `tf.grads`.
 */
export function ensureGradients(): void {
  if (tf.getGradient("AddN") !== undefined && tf.getGradient("GatherV2") !== undefined) return;
  const rules = [
    ...arithmeticGradients,
    ...unaryGradients,
    ...reductionGradients,
    ...shapeGradients,
    ...productGradients,
  ];
  for (const rule of rules) registerRule(rule);
  for (const list of listGradients) {
    if (tf.getGradient(list.kernelName) === undefined) tf.registerGradient(list);
  }
}
