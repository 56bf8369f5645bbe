import * as testKit from "@glof/test-kit";
import { describeOnBackends, expectClose } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { withReferenceKernels } from "../kernels/door.js";
import { type BatchNormStatistics, batchNorm } from "../ops/batch_norm.js";
import { seededTensor } from "../testing/directional_gradient.js";
import { expectParity } from "../testing/expect_parity.js";
import type { Params } from "../types.js";
import { valueAndGrad } from "../value_and_grad.js";

describeOnBackends(
  "batch normalisation on WebGPU",
  () => {
    /** A single channel, vectors of four and not, channels past a group of threads, several chunks of rows. */
    const shapes = [
      [2, 1],
      [3, 5],
      [2, 3, 7, 6],
      [1, 1, 2, 16],
      [40, 66],
      [1, 41, 30, 12],
      [2100, 1],
    ];

    it.each(shapes.map((shape) => [shape]))(
      "of %j has the composition's value and gradients",
      async (shape) => {
        const width = shape.at(-1)!;
        const running = {
          runningMean: seededTensor([width], "m"),
          runningVar: tf.add(seededTensor([width], "v"), 2),
        };
        for (const training of [true, false]) {
          for (const activation of [undefined, "relu"] as const) {
            const options = { training, ...(activation && { activation }) };
            // Weighted, since the squares of a normalised batch add up to the same whatever it is.
            const norm = ({ a, b, c }: Params): tf.Tensor =>
              tf.tidy(() => {
                const y = batchNorm(tf.add(a!, 3), { weight: b!, bias: c!, ...running }, options);
                return tf.mul(y, seededTensor(shape, "w"));
              });
            await expectParity(["batchNorm", norm, [shape, [width], [width]]], testKit);
          }
        }
        tf.dispose({ ...running });
      },
    );

    it("reports the running statistics that the composition does, also far from zero", async () => {
      const x = tf.add(seededTensor([2, 35, 30, 6], "x"), 1000);
      const params = {
        weight: tf.ones([6]),
        bias: tf.zeros([6]),
        runningMean: seededTensor([6], "m"),
        runningVar: tf.ones([6]),
      };
      const seen: BatchNormStatistics[] = [];
      const run = (): void =>
        batchNorm(x, params, { training: true, onStatistics: (news) => seen.push(news) }).dispose();
      run();
      withReferenceKernels(run);
      await expectClose(seen[0]!.runningMean, seen[1]!.runningMean, { atol: 0, rtol: 1e-6 });
      await expectClose(seen[0]!.runningVar, seen[1]!.runningVar, { atol: 0, rtol: 1e-5 });
      tf.dispose([x, params, ...seen] as tf.TensorContainer);
    });

    it("repeats to the bit", async () => {
      const inputs = { x: seededTensor([1, 61, 40, 5], "x"), w: tf.ones([5]), b: tf.zeros([5]) };
      const running = { runningMean: tf.zeros([5]), runningVar: tf.ones([5]) };
      const bits = async (): Promise<Float32Array[]> => {
        const { value, grads } = valueAndGrad(
          ({ x, w, b }) =>
            tf.sum(
              tf.square(batchNorm(x!, { weight: w!, bias: b!, ...running }, { training: true })),
            ) as tf.Scalar,
          inputs,
        );
        const all = await Promise.all([value, ...Object.values(grads)].map((one) => one.data<"float32">()));
        tf.dispose([value, { ...grads }]);
        return all;
      };
      expect(await bits()).toEqual(await bits());
    });
  },
  { backends: ["webgpu"] },
);
