import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import type { IntermediateFeatures } from "../types.js";

/**
 * One vector for an image: its cls token, the mean of its patch tokens, or the one behind the other (2D numbers, what
 * the hub's one-layer classifier takes).
 */
export type FeaturePool = "cls" | "mean" | "concat";

/** All of them. */
export const featurePools: readonly FeaturePool[] = ["cls", "mean", "concat"];

/**
 * Pools one layer that `intermediates` gave. The caller disposes the result.
 *
 * @returns [N, D]; [N, 2D] for "concat"
 * @throws GlofError `bad-argument`
 */
export function poolFeatures(
  { clsToken, patches }: Pick<IntermediateFeatures, "clsToken" | "patches">,
  pool: FeaturePool,
): tf.Tensor2D {
  if (!featurePools.includes(pool)) {
    throw new GlofError(
      "bad-argument",
      `poolFeatures: expected ${featurePools.join(", ")}, got ${String(pool)}. Choose one of them.`,
    );
  }
  if (pool === "cls") return clsToken.clone();
  return tf.tidy(() => {
    const overPatches = Array.from({ length: patches.rank - 2 }, (_, index) => index + 1);
    const mean = tf.mean(patches, overPatches) as tf.Tensor2D;
    return pool === "mean" ? mean : (tf.concat([clsToken, mean], 1) as tf.Tensor2D);
  });
}
