import { avgPool2d, type ParamSpec, type Params, sigmoid } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { applyConv, convSpecs } from "./conv_unit.js";

const reduction = 16;

/**
 * Rows of concurrent spatial and channel squeeze and excitation (Roy et al. 2018), named as segmentation_models.pytorch
 * names them.
 */
export function scseSpecs(at: string, width: number): ParamSpec[] {
  const squeezed = Math.floor(width / reduction);
  return [
    ...convSpecs(`${at}.cSE.1`, [squeezed, width, 1], true),
    ...convSpecs(`${at}.cSE.3`, [width, squeezed, 1], true),
    ...convSpecs(`${at}.sSE.0`, [1, width, 1], true),
  ];
}

/** x · channel weights + x · pixel weights, both between 0 and 1. */
export function applyScse(params: Params, at: string, x: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const pooled = avgPool2d(x, [x.shape[1], x.shape[2]]); // [N, 1, 1, C]
    const squeezed = applyConv(params, `${at}.cSE.1`, pooled, { activation: "relu" });
    const channels = sigmoid(applyConv(params, `${at}.cSE.3`, squeezed));
    const pixels = sigmoid(applyConv(params, `${at}.sSE.0`, x)); // [N, H, W, 1]
    return tf.add(tf.mul(x, channels), tf.mul(x, pixels)) as tf.Tensor4D;
  });
}
