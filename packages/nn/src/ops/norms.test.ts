import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { expectGradient, onBothPaths, seededTensor } from "../testing/directional_gradient.js";
import { type BatchNormStatistics, batchNorm } from "./batch_norm.js";
import { groupNorm } from "./group_norm.js";
import { layerNorm } from "./layer_norm.js";

describeOnBackends("layerNorm", () => {
  const inputs = (width: number) => ({
    x: seededTensor([2, 3, width], 1),
    gamma: seededTensor([width], 2),
    beta: seededTensor([width], 3),
  });

  it("centres and scales each row", async () => {
    const y = layerNorm(
      tf.tensor2d([
        [1, 3],
        [10, 10],
      ]),
      tf.tensor1d([1, 2]),
      tf.tensor1d([0, 1]),
    );
    await expectClose(y, [-1, 3, 0, 1]);
  });

  it("keeps its precision far from zero", async () => {
    const y = layerNorm(tf.tensor2d([[10000, 10001, 10002]]), tf.ones([3]), tf.zeros([3]));
    await expectClose(y, [-1.2247449, 0, 1.2247449], { atol: 1e-4, rtol: 1e-4 });
  });

  it.each([8, 13])("has exact gradients, width %i", async (width) => {
    await onBothPaths(() =>
      expectGradient(({ x, gamma, beta }) => layerNorm(x!, gamma!, beta!), inputs(width)),
    );
  });

  it("leaves no tensor behind, and refuses other widths", async () => {
    const { x, gamma, beta } = inputs(8);
    await expectNoTensorGrowth(() => layerNorm(x, gamma, beta));
    expect(() => layerNorm(x, tf.ones([7]), beta)).toThrow(/gamma \[7\]/);
  });
});

describeOnBackends("groupNorm", () => {
  const inputs = () => ({
    x: seededTensor([2, 3, 4, 6], 1),
    gamma: seededTensor([6], 2),
    beta: seededTensor([6], 3),
  });

  it("normalises each group of each image", async () => {
    const x = tf.tensor4d([1, 3, 10, 30, 5, 7, 2, 2], [2, 1, 1, 4]);
    const y = groupNorm(x, tf.ones([4]), tf.zeros([4]), { groups: 2 });
    await expectClose(y, [-1, 1, -1, 1, -1, 1, 0, 0]);
  });

  it.each([1, 2, 6])("has exact gradients, %i groups", async (groups) => {
    await expectGradient(
      ({ x, gamma, beta }) => groupNorm(x as tf.Tensor4D, gamma!, beta!, { groups }),
      inputs(),
    );
  });

  it("has exact gradients with ReLU", async () => {
    await expectGradient(
      ({ x, gamma, beta }) => groupNorm(x as tf.Tensor4D, gamma!, beta!, { groups: 2, activation: "relu" }),
      inputs(),
      { step: 1e-3 },
    );
  });

  it("refuses groups that do not divide the channels", () => {
    const { x, gamma, beta } = inputs();
    expect(() => groupNorm(x as tf.Tensor4D, gamma, beta, { groups: 4 })).toThrow(/4 groups/);
  });
});

describeOnBackends("batchNorm", () => {
  const running = () => ({ runningMean: tf.tensor1d([1, 2]), runningVar: tf.tensor1d([4, 9]) });
  const affine = () => ({ weight: tf.tensor1d([2, 3]), bias: tf.tensor1d([0, 1]) });

  it("uses the running statistics, and does not touch them", async () => {
    const y = batchNorm(tf.tensor2d([[3, 5]]), { ...affine(), ...running() }, { epsilon: 0 });
    await expectClose(y, [2, 4]);
  });

  it("uses the batch in training and reports new statistics", async () => {
    const seen: BatchNormStatistics[] = [];
    const y = batchNorm(
      tf.tensor2d([
        [1, 0],
        [3, 4],
      ]),
      { ...affine(), ...running() },
      { training: true, momentum: 0.5, epsilon: 0, onStatistics: (news) => seen.push(news) },
    );
    await expectClose(y, [-2, -2, 2, 4]);
    await expectClose(seen[0]!.runningMean, [1.5, 2]);
    // The running variance takes the unbiased one: 2 and 8.
    await expectClose(seen[0]!.runningVar, [3, 8.5]);
  });

  it.each([
    [false, undefined],
    [true, undefined],
    [false, "relu"],
    [true, "relu"],
  ] as const)("has exact gradients, training %s, activation %s", async (training, activation) => {
    const inputs = { x: seededTensor([2, 3, 4, 2], 1), ...affine() };
    const options = { training, ...(activation && { activation }) };
    await expectGradient(
      ({ x, weight, bias }) => batchNorm(x!, { weight: weight!, bias: bias!, ...running() }, options),
      inputs,
      activation && { step: 1e-3 },
    );
  });

  it("applies ReLU", async () => {
    const y = batchNorm(
      tf.tensor2d([[3, -5]]),
      { ...affine(), ...running() },
      { epsilon: 0, activation: "relu" },
    );
    await expectClose(y, [2, 0]);
  });

  it("leaves only the statistics behind", async () => {
    const params = { ...affine(), ...running() };
    const x = seededTensor([5, 2], 1);
    await expectNoTensorGrowth(() => batchNorm(x, params, { training: true }));
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      batchNorm(x, params, { training: true, onStatistics: () => {} });
    });
    expect(tf.memory().numTensors - before).toBe(2);
  });

  it("refuses one value per channel in training, and other widths", () => {
    const params = { ...affine(), ...running() };
    expect(() => batchNorm(tf.ones([1, 2]), params, { training: true })).toThrow(/more than one value/);
    expect(() => batchNorm(tf.ones([1, 3]), params)).toThrow(/weight \[C\]/);
  });
});
