import type { Params } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { Dinov2Model } from "./types.js";

/**
 * The features that the hub's linear classifiers (`_lc`) take, all after the final norm.
 * - 1 layer: cls token, mean of the patch tokens. [N, 2D]
 * - 4 layers: cls tokens of the last four blocks, earliest first, mean of the last block's patch tokens. [N, 5D]
 *
 * Source: dinov2/hub/classifiers.py.
 *
 * @param images [N, H, W, C]
 */
export function classifierFeatures(
  model: Dinov2Model,
  params: Params,
  images: tf.Tensor4D,
  layers: 1 | 4,
): tf.Tensor2D {
  return tf.tidy(() => {
    const taken = model.intermediates(params, images, layers, { reshape: false });
    const mean = tf.mean(taken.at(-1)!.patches, 1) as tf.Tensor2D;
    return tf.concat([...taken.map(({ clsToken }) => clsToken), mean], 1) as tf.Tensor2D;
  });
}
