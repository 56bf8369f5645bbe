import * as tf from "@tensorflow/tfjs-core";
import { useKernel } from "../kernels/door.js";

/** A device grants eight buffers for certain, and the result takes one. */
const tensorsPerCall = 7;

/**
 * Numbers (at least one per tensor) that add up to the sum of the squares of all tensors, for the reader to add in double
 * precision. Not differentiable.
 *
 * @param tensors at least one
 */
export function squareSums(tensors: readonly tf.Tensor[]): tf.Tensor1D {
  const [kernel, join] = [useKernel("GlofSquareSums"), useKernel("GlofJoin")];
  return tf.tidy(() => {
    if (kernel === undefined || join === undefined)
      return tf.stack(tensors.map((tensor) => tf.tidy(() => tf.sum(tf.square(tensor))))) as tf.Tensor1D;
    const sums: tf.Tensor1D[] = [];
    for (let at = 0; at < tensors.length; at += tensorsPerCall) {
      const some = tensors.slice(at, at + tensorsPerCall);
      sums.push(
        kernel(Object.fromEntries(some.map((tensor, order) => [`x${order}`, tensor]))) as tf.Tensor1D,
      );
    }
    return join(Object.fromEntries(sums.entries())) as tf.Tensor1D;
  });
}
