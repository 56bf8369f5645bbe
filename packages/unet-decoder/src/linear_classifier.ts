import { GlofError } from "@glof/core";
import { initParams, linear, loadParams, type Model, type ParamSpec } from "@glof/nn";
import type * as tf from "@tensorflow/tfjs-core";

/** Config of `buildLinearClassifier`. */
export interface LinearClassifierConfig {
  /** Width of the features: 2D for the hub's `lc1`, 5D for `lc4` (`classifierFeatures` of @glof/vit-dinov2). */
  readonly featureDim: number;
  /** K */
  readonly classes: number;
}

/**
 * One linear layer over pooled features: DINOv2's own linear classifiers, whose files hold `weight` and `bias`.
 *
 * Forward: features [N, F] to logits [N, K].
 *
 * @throws GlofError `bad-config`
 */
export function buildLinearClassifier(
  config: LinearClassifierConfig,
): Model<tf.Tensor2D, tf.Tensor2D, LinearClassifierConfig> {
  const { featureDim, classes } = config;
  if (![featureDim, classes].every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw new GlofError(
      "bad-config",
      `buildLinearClassifier: expected whole numbers above 0, got ${JSON.stringify(config)}. Correct them.`,
    );
  }
  const specs: readonly ParamSpec[] = [
    {
      name: "weight",
      shape: [classes, featureDim],
      kind: "weight",
      layout: "linear",
      init: { kind: "normal", std: 0.01 },
    },
    { name: "bias", shape: [classes], kind: "weight", layout: "as-is", init: { kind: "zeros" } },
  ];
  return {
    config,
    specs,
    init: (seed) => initParams(specs, seed),
    load: (checkpoint, options) => loadParams(specs, checkpoint, options),
    forward: (params, features) => linear(features, params.weight!, params.bias),
  };
}
