import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { type Block, checkpoint } from "./checkpointing.js";
import { batchNorm } from "./ops/batch_norm.js";
import { dropout } from "./ops/dropout.js";
import { layerNorm } from "./ops/layer_norm.js";
import { linear } from "./ops/linear.js";
import { seededTensor } from "./testing/directional_gradient.js";
import type { Params } from "./types.js";
import { valueAndGrad } from "./value_and_grad.js";

const width = 16;

/** A residual block with everything that may go wrong twice: randomness, a parameter used twice, a frozen one. */
const block: Block<tf.Tensor, tf.Tensor> = (params, x) => {
  const normed = layerNorm(x, params.gamma!, params.beta!);
  const hidden = linear(normed, params.w!, params.b, { activation: "gelu" });
  const dropped = dropout(hidden, 0.3, { training: true, seed: 7 });
  return tf.add(x, linear(dropped, params.w!));
};

const initial = (): Params => ({
  gamma: seededTensor([width], 1),
  beta: seededTensor([width], 2),
  w: seededTensor([width, width], 3),
  b: seededTensor([width], 4),
});

function loss(run: Block<tf.Tensor, tf.Tensor>, depth: number, x: tf.Tensor): (params: Params) => tf.Scalar {
  return (params) => {
    let y = x;
    for (let index = 0; index < depth; index++) y = run(params, y);
    return tf.mean(tf.square(y)) as tf.Scalar;
  };
}

describeOnBackends("checkpoint", (backend) => {
  it("gives the same value and gradients", async () => {
    const params = initial();
    const x = seededTensor([8, width], 5);
    const plain = valueAndGrad(loss(block, 3, x), params);
    const saving = valueAndGrad(loss(checkpoint(block), 3, x), params);
    await expectClose(saving.value, plain.value);
    for (const name of Object.keys(params)) await expectClose(saving.grads[name]!, plain.grads[name]!);
  });

  it("can be nested", async () => {
    const params = initial();
    const x = seededTensor([8, width], 5);
    const two = checkpoint<tf.Tensor, tf.Tensor>((given, at) => checkpoint(block)(given, block(given, at)));
    const plain = valueAndGrad(loss(block, 4, x), params);
    const nested = valueAndGrad(loss(two, 2, x), params);
    for (const name of Object.keys(params)) await expectClose(nested.grads[name]!, plain.grads[name]!);
  });

  it("does not compute gradients of frozen parameters, and passes unused ones by", async () => {
    const { w, ...frozen } = initial();
    const x = seededTensor([8, width], 5);
    const run = checkpoint(block);
    const { grads } = valueAndGrad(
      (params) => loss(run, 2, x)({ ...frozen, w: params.w!, unused: params.unused! }),
      { w: w!, unused: tf.ones([2]) },
    );
    const whole = valueAndGrad(loss(block, 2, x), { ...frozen, w: w! });
    await expectClose(grads.w!, whole.grads.w!);
    await expectClose(grads.unused!, [0, 0]);
  });

  it("holds less memory at the loss", async () => {
    const params = initial();
    const x = seededTensor([64, width], 5);
    const held = (run: Block<tf.Tensor, tf.Tensor>): number => {
      let bytes = 0;
      const { value, grads } = valueAndGrad((given) => {
        const result = loss(run, 8, x)(given);
        bytes = tf.memory().numBytes;
        return result;
      }, params);
      tf.dispose([value, grads]);
      return bytes;
    };
    const start = tf.memory().numBytes;
    expect(held((given, at) => tf.tidy(() => checkpoint(block)(given, at))) - start).toBeLessThan(
      0.5 * (held((given, at) => tf.tidy(() => block(given, at))) - start),
    );
  });

  it("reports batch statistics once", async () => {
    const stats = { runningMean: tf.zeros([width]), runningVar: tf.ones([width]) };
    const seen: tf.Tensor[] = [];
    const run = checkpoint<tf.Tensor, tf.Tensor>((params, x) =>
      batchNorm(
        x,
        { weight: params.weight!, bias: params.bias!, ...stats },
        { training: true, onStatistics: (news) => seen.push(news.runningMean, news.runningVar) },
      ),
    );
    const x = seededTensor([8, width], 5);
    valueAndGrad((params) => tf.sum(tf.square(run(params, x))) as tf.Scalar, {
      weight: tf.ones([width]),
      bias: tf.zeros([width]),
    });
    expect(seen.length).toBe(2);
    await expectClose(seen[0]!, tf.mul(0.1, tf.mean(x, 0)));
  });

  it("leaves no tensor behind", async () => {
    const params = initial();
    const x = seededTensor([8, width], 5);
    await expectNoTensorGrowth(() => valueAndGrad(loss(checkpoint(block), 2, x), params));
    expect(tf.getBackend()).toBe(backend);
  });
});
