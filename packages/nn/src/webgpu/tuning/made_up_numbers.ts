import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { toHalfStorage } from "../to_half_storage.js";

/** A period that no size divides by. */
const period = 4099;

/** Numbers between -1 and 1 of a size, made on the device. */
export function numbers(shape: readonly number[]): tf.Tensor {
  return tf.tidy(() => {
    const count = shape.reduce((product, size) => product * size, 1);
    const some = tf.sin(tf.mul(tf.range(0, Math.min(count, period)), 0.7));
    return tf.reshape(tf.slice(tf.tile(some, [Math.ceil(count / period)]), [0], [count]), [...shape]);
  });
}

/** So many numbers, perhaps kept as halves. */
export async function operand(count: number, half: boolean): Promise<tf.Tensor> {
  if (!half) return numbers([count]);
  const single = numbers([count / 4, 4]);
  const { x } = await toHalfStorage({ x: single }).finally(() => single.dispose());
  if (x !== undefined) return x;
  throw new GlofError("internal", "tuneWebgpu: expected an operand in halves, got none. Do report it.");
}
