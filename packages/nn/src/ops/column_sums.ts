import * as tf from "@tensorflow/tfjs-core";
import { useKernel } from "../kernels/door.js";

/**
 * Sums down the columns, off the tape: the gradient of what was added to every row.
 *
 * @param x [..., D]
 * @param factor of x's shape; x is multiplied by it first
 * @returns [D]
 */
export function columnSums(x: tf.Tensor, factor?: tf.Tensor): tf.Tensor {
  const cols = x.shape.at(-1)!;
  const flat = (one: tf.Tensor): tf.Tensor => tf.reshape(one, [x.size / cols, cols]);
  const kernel = useKernel("GlofColumnSums");
  if (kernel !== undefined) return kernel({ x: flat(x), factor: factor && flat(factor) });
  return tf.sum(flat(factor ? tf.mul(x, factor) : x), 0);
}
