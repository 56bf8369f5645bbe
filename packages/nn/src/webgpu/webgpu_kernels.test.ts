import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { type FastKernelName, useKernel, withReferenceKernels } from "../kernels/door.js";
import { activate } from "../ops/activations.js";
import { multiHeadAttention } from "../ops/attention.js";
import { layerNorm } from "../ops/layer_norm.js";
import { linear } from "../ops/linear.js";
import { softmax } from "../ops/softmax.js";
import { seededTensor } from "../testing/directional_gradient.js";
import type { Params } from "../types.js";
import { valueAndGrad } from "../value_and_grad.js";
import { installWebgpuKernels } from "./install.js";

/** Rows longer than a group of threads, more rows than a chunk, sizes that divide by nothing. */
const cases: readonly (readonly [name: string, f: (inputs: Params) => tf.Tensor, shapes: number[][]])[] = [
  ["GELU", ({ a }) => activate(a!, "gelu"), [[3, 7, 41]]],
  ["linear", ({ a, b, c }) => linear(a!, b!, c!), [[2, 21, 33], [33, 50], [50]]],
  [
    "linear without bias",
    ({ a, b }) => linear(a!, b!),
    [
      [37, 33],
      [33, 50],
    ],
  ],
  [
    "linear with GELU",
    ({ a, b, c }) => linear(a!, b!, c!, { activation: "gelu" }),
    [[2, 21, 32], [32, 48], [48]],
  ],
  ["layerNorm", ({ a, b, c }) => layerNorm(a!, b!, c!), [[2, 25, 1100], [1100], [1100]]],
  ["layerNorm, short rows", ({ a, b, c }) => layerNorm(a!, b!, c!), [[1, 5], [5], [5]]],
  ["softmax", ({ a }) => softmax(a!), [[2, 9, 333]]],
  ["attention", ({ a }) => multiHeadAttention(a as tf.Tensor3D, 3), [[2, 19, 72]]],
];

describeOnBackends(
  "WebGPU kernels",
  () => {
    it("are in place, and out of the way when the reference is asked for", async () => {
      const { installed } = await installWebgpuKernels();
      for (const name of ["GlofGelu", "GlofLinear", "GlofLayerNorm", "GlofSoftmax"]) {
        expect(installed).toContain(name);
        expect(useKernel(name as FastKernelName), name).toBeDefined();
        expect(withReferenceKernels(() => useKernel(name as FastKernelName))).toBeUndefined();
      }
    });

    for (const [name, f, shapes] of cases) {
      it(`give the values and gradients of the composition: ${name}`, async () => {
        const names = ["a", "b", "c"];
        const inputs = Object.fromEntries(
          shapes.map((shape, index) => [names[index]!, seededTensor(shape, names[index]!, -2, 2)]),
        );
        const loss = (given: Params): tf.Scalar => tf.mean(tf.square(f(given))) as tf.Scalar;
        await expectClose(
          f(inputs),
          withReferenceKernels(() => f(inputs)),
        );
        const fast = valueAndGrad(loss, inputs);
        const reference = withReferenceKernels(() => valueAndGrad(loss, inputs));
        for (const input of Object.keys(inputs)) {
          await expectClose(fast.grads[input]!, reference.grads[input]!, { atol: 1e-7, rtol: 1e-4 });
        }
        await expectNoTensorGrowth(() => f(inputs));
        await expectNoTensorGrowth(() => valueAndGrad(loss, inputs));
        tf.dispose(inputs);
      });
    }

    it("take more rows than one axis of a dispatch has groups", async () => {
      // 65,535 groups of 256 threads fit on one axis.
      const size = 65_540 * 256;
      const y = activate(tf.fill([size], 9), "gelu");
      await expectClose(tf.slice(y, [size - 2]), [9, 9]);
      await expectClose(tf.slice(y, [0], [2]), [9, 9]);
    });

    it("keep the digits of GELU's tail", async () => {
      // x * Phi(x) at -4, -6 and -9, by the asymptotic series in double precision.
      const y = activate(tf.tensor1d([-4, -6, -9, 9]), "gelu");
      await expectClose(y, [-1.266849e-4, -5.919526e-9, -1.0157e-18, 9], { atol: 1e-10, rtol: 2e-3 });
    });

    it("do not overflow in softmax", async () => {
      await expectClose(
        softmax(
          tf.tensor2d([
            [1e4, 0, -1e4],
            [-1e30, -1e30, -1e30],
          ]),
        ),
        [1, 0, 0, 1 / 3, 1 / 3, 1 / 3],
      );
    });
  },
  { backends: ["webgpu"] },
);
