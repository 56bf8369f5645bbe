import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { ensureGradients } from "./gradients/index.js";
import { valueAndGrad } from "./value_and_grad.js";
import { withGradient } from "./with_gradient.js";

/** a * b, with a note of which gradients were computed. */
function product(a: tf.Tensor, b: tf.Tensor | undefined, computed: string[] = []): tf.Tensor {
  return withGradient<tf.Tensor, "a" | "b", "a" | "b">({
    inputs: { a, b },
    forward: () => ({ value: tf.mul(a, b ?? 1), saved: { a, b: b ?? tf.scalar(1) } }),
    backward: (dy, saved, wants) => {
      const gradients: { a?: tf.Tensor; b?: tf.Tensor } = {};
      if (wants("a")) {
        computed.push("a");
        gradients.a = tf.mul(dy, saved.b);
      }
      if (wants("b")) {
        computed.push("b");
        gradients.b = tf.mul(dy, saved.a);
      }
      return gradients;
    },
  });
}

describeOnBackends("withGradient", () => {
  const sum = (tensor: tf.Tensor): tf.Scalar => tf.sum(tensor) as tf.Scalar;

  it("computes only the gradients that are wanted", async () => {
    const computed: string[] = [];
    const frozen = tf.tensor1d([3, 4]);
    const { grads } = valueAndGrad(({ a }) => sum(product(a!, frozen, computed)), { a: tf.ones([2]) });
    await expectClose(grads.a!, [3, 4]);
    expect(computed).toEqual(["a"]);
  });

  it("works under tfjs's own gradients, which want all", async () => {
    ensureGradients();
    const computed: string[] = [];
    const [da, db] = tf.grads((a: tf.Tensor, b: tf.Tensor) => sum(product(a, b, computed)))([
      tf.tensor1d([1, 2]),
      tf.tensor1d([3, 4]),
    ]);
    await expectClose(da!, [3, 4]);
    await expectClose(db!, [1, 2]);
    expect(computed).toEqual(["a", "b"]);
  });

  it("takes optional inputs, and inputs that are one tensor", async () => {
    const once = valueAndGrad(({ a }) => sum(product(a!, undefined)), { a: tf.ones([2]) });
    await expectClose(once.grads.a!, [1, 1]);
    const twice = valueAndGrad(({ a }) => sum(product(a!, a)), { a: tf.tensor1d([2, 3]) });
    await expectClose(twice.grads.a!, [4, 6]);
  });

  it("may give an input back as its result", async () => {
    const same = (x: tf.Tensor): tf.Tensor =>
      withGradient<tf.Tensor, "x", never>({
        inputs: { x },
        forward: () => ({ value: x, saved: {} }),
        backward: (dy) => ({ x: dy }),
      });
    const { grads } = valueAndGrad(({ a }) => sum(tf.mul(same(a!), a!)), { a: tf.tensor1d([2, 3]) });
    await expectClose(grads.a!, [4, 6]);
  });

  it("leaves no tensor behind, on or off the tape", async () => {
    const a = tf.ones([2]);
    await expectNoTensorGrowth(() => product(a, a));
    await expectNoTensorGrowth(() => valueAndGrad((given) => sum(product(given.a!, a)), { a }));
  });
});
