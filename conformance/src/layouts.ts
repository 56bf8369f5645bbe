import * as tf from "@tensorflow/tfjs-core";

/** [N, H, W, C] to [N, C, H, W]. */
export function toNchw(nhwc: tf.Tensor): tf.Tensor4D {
  return tf.tidy(() => tf.transpose(nhwc as tf.Tensor4D, [0, 3, 1, 2]));
}

/** [N, C, H, W] to [N, H, W, C]. */
export function toNhwc(nchw: tf.Tensor): tf.Tensor4D {
  return tf.tidy(() => tf.transpose(nchw as tf.Tensor4D, [0, 2, 3, 1]));
}

/** A gradient or weight from the layout in memory (HWIO) to PyTorch's (OIHW). */
export function convToPytorch(hwio: tf.Tensor): tf.Tensor4D {
  return tf.tidy(() => tf.transpose(hwio as tf.Tensor4D, [3, 2, 0, 1]));
}

/** A convolution weight from PyTorch's layout (OIHW) to the one in memory (HWIO). */
export function convFromPytorch(oihw: tf.Tensor): tf.Tensor4D {
  return tf.tidy(() => tf.transpose(oihw as tf.Tensor4D, [2, 3, 1, 0]));
}
