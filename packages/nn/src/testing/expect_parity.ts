import * as tf from "@tensorflow/tfjs-core";
import { withReferenceKernels } from "../kernels/door.js";
import type { Params } from "../types.js";
import { valueAndGrad } from "../value_and_grad.js";
import { seededTensor } from "./directional_gradient.js";

/** An operation on tensors named a, b, c, ..., in the order of the shapes. */
export type ParityCase = readonly [name: string, f: (inputs: Params) => tf.Tensor, shapes: number[][]];

/** Matchers of the test kit, which only test files may import. */
export interface Matchers {
  expectClose(got: tf.Tensor, want: tf.Tensor, tolerance?: { atol: number; rtol: number }): Promise<void>;
  expectNoTensorGrowth(work: () => unknown): Promise<void>;
}

/**
 * Checks an operation with the kernels of the current backend against the composition: value, gradients of all inputs, and that
 * neither leaves a tensor behind. Inputs in [-2, 2].
 */
export async function expectParity(
  [, f, shapes]: ParityCase,
  { expectClose, expectNoTensorGrowth }: Matchers,
): Promise<void> {
  const names = "abcdefgh";
  const inputs = Object.fromEntries(
    shapes.map((shape, index) => [names[index]!, seededTensor(shape, names[index]!, -2, 2)]),
  );
  const loss = (given: Params): tf.Scalar => tf.mean(tf.square(f(given))) as tf.Scalar;
  const [value, want] = [f(inputs), withReferenceKernels(() => f(inputs))];
  await expectClose(value, want);
  const fast = valueAndGrad(loss, inputs);
  const reference = withReferenceKernels(() => valueAndGrad(loss, inputs));
  for (const input of Object.keys(inputs)) {
    await expectClose(fast.grads[input]!, reference.grads[input]!, { atol: 1e-7, rtol: 1e-4 });
  }
  await expectNoTensorGrowth(() => f(inputs));
  await expectNoTensorGrowth(() => valueAndGrad(loss, inputs));
  tf.dispose([
    inputs,
    value,
    want,
    fast.value,
    fast.grads,
    reference.value,
    reference.grads,
  ] as tf.TensorContainer);
}
