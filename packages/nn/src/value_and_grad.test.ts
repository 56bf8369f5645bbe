import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { ensureGradients } from "./gradients/index.js";
import { linear } from "./ops/linear.js";
import { valueAndGrad } from "./value_and_grad.js";
import { withGradient } from "./with_gradient.js";

const scalar = (tensor: tf.Tensor): tf.Scalar => tensor as tf.Scalar;

describeOnBackends("valueAndGrad", () => {
  it("gives the value and one gradient per name", async () => {
    const { value, grads } = valueAndGrad(({ a, b }) => scalar(tf.sum(tf.mul(tf.square(a!), b!))), {
      a: tf.tensor1d([1, 2]),
      b: tf.tensor1d([3, 4]),
    });
    await expectClose(value, 19);
    await expectClose(grads.a!, [6, 16]);
    await expectClose(grads.b!, [1, 4]);
  });

  it("adds up the gradients of a parameter used many times", async () => {
    const loss = (a: tf.Tensor): tf.Tensor => tf.sum(tf.add(tf.mul(a, a), tf.mul(a, 3)));
    const { grads } = valueAndGrad(({ a }) => scalar(loss(a!)), { a: tf.tensor1d([1, 2]) });
    await expectClose(grads.a!, [5, 7]);
  });

  it("treats unreached parameters as asked", async () => {
    const params = { a: tf.scalar(2), idle: tf.ones([2, 3]) };
    const loss = ({ a }: { readonly [name: string]: tf.Tensor }): tf.Scalar => scalar(tf.square(a!));
    const { grads } = valueAndGrad(loss, params);
    await expectClose(grads.idle!, tf.zeros([2, 3]));
    expect(Object.keys(valueAndGrad(loss, params, { unreached: "omit" }).grads)).toEqual(["a"]);
    expect(() => valueAndGrad(loss, params, { unreached: "error" })).toThrow(/no path to idle/);
  });

  it("keeps no activations of frozen layers, not even during the forward pass", () => {
    const frozen = tf.ones([64, 64]);
    const [x, w] = [tf.ones([16, 64]), tf.ones([64, 64])];
    let growth = 0;
    valueAndGrad(
      (trainable) => {
        const before = tf.memory().numBytes;
        const features = tf.tidy(() => {
          let y: tf.Tensor = x;
          for (let layer = 0; layer < 20; layer++) y = linear(y, frozen, undefined, { activation: "gelu" });
          return y;
        });
        growth = tf.memory().numBytes - before;
        return scalar(tf.sum(linear(features, trainable.w!)));
      },
      { w },
    );
    expect(growth).toBe(x.size * 4);
  });

  it("takes no gradient through whole numbers and conditions", async () => {
    const { grads } = valueAndGrad(
      ({ a }) => scalar(tf.sum(tf.mul(a!, tf.cast(tf.greater(a!, 1), "float32")))),
      { a: tf.tensor1d([0.5, 2]) },
    );
    await expectClose(grads.a!, [0, 1]);
  });

  it("names the operation that has no gradient, and leaves nothing behind", () => {
    const params = { a: tf.tensor1d([0.5]) };
    const before = tf.memory().numTensors;
    expect(() => valueAndGrad(({ a }) => scalar(tf.sum(tf.sin(tf.acosh(a!)))), params)).toThrow(/Acosh/);
    expect(() => valueAndGrad(({ a }) => a as tf.Scalar, params)).toThrow(/scalar/);
    expect(() => valueAndGrad(() => tf.scalar(1), {})).toThrow(/got none/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("leaves no tensor behind", async () => {
    const params = { w: tf.ones([4, 3]), b: tf.zeros([3]) };
    const x = tf.ones([2, 4]);
    await expectNoTensorGrowth(() =>
      valueAndGrad(({ w, b }) => scalar(tf.mean(linear(x, w!, b, { activation: "gelu" }))), params),
    );
  });

  it("leaves an outer tape as it was", async () => {
    ensureGradients();
    const f = (x: tf.Tensor): tf.Tensor => {
      const y = tf.square(x);
      const inner = valueAndGrad(({ a }) => scalar(tf.sum(tf.square(a!))), { a: x });
      return tf.sum(tf.mul(y, inner.grads.a!));
    };
    // The inner gradient 2x is a constant for the outer one: d(x^2 c)/dx = 2 x c.
    await expectClose(tf.grad(f)(tf.tensor1d([1, 3])), [4, 36]);
  });

  it("lets go of activations and gradients while it walks back", () => {
    ensureGradients();
    const weights = Array.from({ length: 12 }, () => tf.fill([64, 64], 0.01));
    const params = Object.fromEntries(weights.map((weight, index) => [String(index), weight]));
    const x = tf.ones([256, 64]);
    let bytesAtEnd = 0;
    const chain = (layers: readonly tf.Tensor[]): tf.Scalar => {
      const first = watched(layers[0]!, () => {
        bytesAtEnd = tf.memory().numBytes;
      });
      const step = (y: tf.Tensor, w: tf.Tensor): tf.Tensor => tf.tanh(linear(y, w));
      return scalar(tf.mean([first, ...layers.slice(1)].reduce(step, x)));
    };
    tf.dispose(tf.grads((...layers: tf.Tensor[]) => chain(layers))(weights));
    const theirs = bytesAtEnd;
    const { value, grads } = valueAndGrad((given) => chain(weights.map((_, index) => given[index]!)), params);
    expect(bytesAtEnd).toBeLessThan(theirs * 0.7);
    tf.dispose([value, grads]);
  });
});

/** The identity; its gradient, the last one on the way back, calls `watch`. */
function watched(w: tf.Tensor, watch: () => void): tf.Tensor {
  return withGradient<tf.Tensor, "w", never>({
    inputs: { w },
    forward: () => ({ value: w, saved: {} }),
    backward: (dy) => {
      watch();
      return { w: dy };
    },
  });
}
