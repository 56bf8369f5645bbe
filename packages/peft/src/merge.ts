import { GlofError } from "@glof/core";
import type { Params } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { adaptedWeight, weightUpdate } from "./adapted_weight.js";
import { adaptedBias, adapterOf, type LoraModel } from "./lora_model.js";

type AnyLora = Pick<LoraModel<never, never>, "modules" | "config"> & {
  readonly base: { readonly specs: LoraModel<never, never>["specs"] };
};

/**
 * Parameters of the base model with the adapters worked into the weights: as fast and as large as without them. The
 * caller disposes them; `params` stay as they are.
 */
export function mergeLora(lora: AnyLora, params: Params): Params {
  const merged: Record<string, tf.Tensor> = {};
  for (const { name } of lora.base.specs) merged[name] = params[name]!.clone();
  for (const { name, scaling } of lora.modules) {
    const { a, b, bias, magnitude } = adapterOf(params, name);
    replace(merged, `${name}.weight`, (weight) => adaptedWeight(weight, { a, b, magnitude }, scaling));
    if (bias) replace(merged, `${name}.bias`, (own) => adaptedBias(own, bias, scaling));
  }
  return merged;
}

/**
 * Takes adapters out of merged weights again, up to rounding. The caller disposes the result.
 *
 * @param merged parameters of the base model as `mergeLora` gave them
 * @param adapters a record with the adapters' parameters
 * @throws GlofError `unsupported-feature` for DoRA, whose merging forgets the lengths: keep the base weights
 */
export function unmergeLora(lora: AnyLora, merged: Params, adapters: Params): Params {
  if (lora.config.lora.dora) {
    throw new GlofError(
      "unsupported-feature",
      "unmergeLora: expected a LoRA adapter, got DoRA, which cannot be taken out again. Keep the base weights.",
    );
  }
  const plain: Record<string, tf.Tensor> = {};
  for (const { name } of lora.base.specs) plain[name] = merged[name]!.clone();
  for (const { name, scaling } of lora.modules) {
    const { a, b, bias } = adapterOf(adapters, name);
    replace(plain, `${name}.weight`, (weight) =>
      tf.sub(weight, weightUpdate({ a, b }, weight.shape, scaling)),
    );
    if (bias) replace(plain, `${name}.bias`, (own) => adaptedBias(own, bias, -scaling));
  }
  return plain;
}

function replace(
  params: Record<string, tf.Tensor>,
  name: string,
  change: (tensor: tf.Tensor) => tf.Tensor,
): void {
  const before = params[name]!;
  params[name] = tf.tidy(() => change(before));
  before.dispose();
}
