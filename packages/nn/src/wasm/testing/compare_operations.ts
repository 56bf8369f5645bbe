import * as tf from "@tensorflow/tfjs-core";
import { describe, it } from "vitest";
import { withReferenceKernels } from "../../kernels/door.js";
import type { Params } from "../../types.js";
import { valueAndGrad } from "../../value_and_grad.js";
import { type Inputs, operationCases } from "./operation_cases.js";
import { randomValues } from "./test_backend.js";

/** `expectClose` of the test kit, which only test files may import. */
type Check = (got: tf.Tensor, want: tf.Tensor, tolerance?: { atol: number; rtol: number }) => Promise<void>;

/** Registers a suite: each operation's value and gradients on our kernels and on the stock ones. */
export function compareOperations(title: string, expectClose: Check): void {
  describe(title, () => {
    it.each(operationCases)("$name: same value, same gradients", async ({ shapes, run }) => {
      const inputs: Inputs = {};
      for (const [i, [name, shape]] of Object.entries(shapes).entries()) {
        inputs[name] = tf.tensor(randomValues(shape, i + 1), shape);
      }
      // A weighted sum, so that every element of the result has a gradient of its own.
      const loss = (given: Params): tf.Scalar => {
        const y = run(given as Inputs);
        return tf.sum(tf.mul(y, tf.tensor(randomValues(y.shape, 99), y.shape))) as tf.Scalar;
      };
      const fast = valueAndGrad(loss, inputs);
      const want = withReferenceKernels(() => valueAndGrad(loss, inputs));
      await expectClose(fast.value, want.value);
      for (const name of Object.keys(shapes)) {
        await expectClose(fast.grads[name]!, want.grads[name]!, { atol: 2e-5, rtol: 2e-4 });
      }
      await expectClose(
        run(inputs),
        withReferenceKernels(() => run(inputs)),
      );
    });
  });
}
