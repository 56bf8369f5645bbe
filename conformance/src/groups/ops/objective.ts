import { type Params, valueAndGrad } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { CaseContext, Got } from "../../case.js";
import { toNchw } from "../../layouts.js";

/**
 * Value of a layer and the gradients of sum(y * in.r) in its arguments.
 *
 * @param inputs arguments in memory layout; `grad.<name>` is returned for each
 * @param layer gives y in memory layout
 * @param toFile brings y, and a gradient by its name, to PyTorch's layout
 */
export function layerWithGradients(
  context: CaseContext,
  inputs: Params,
  layer: (inputs: Params) => tf.Tensor,
  toFile: (tensor: tf.Tensor, name: string) => tf.Tensor = (tensor) => tensor,
): Record<string, Got> {
  const weights = context.tensor("in.r");
  const y = toFile(
    tf.tidy(() => layer(inputs)),
    "y",
  );
  const { grads } = valueAndGrad(
    (params) => tf.sum(tf.mul(toFile(layer(params), "y"), weights)) as tf.Scalar,
    inputs,
  );
  const named = Object.entries(grads).map(([name, gradient]) => [`grad.${name}`, toFile(gradient, name)]);
  return { "out.y": y, ...Object.fromEntries(named) };
}

/** For layers whose y and x are images: both go back to NCHW. */
export function imageToFile(tensor: tf.Tensor, name: string): tf.Tensor {
  return name === "y" || name === "x" ? toNchw(tensor) : tensor;
}
