import * as testKit from "@glof/test-kit";
import { describeOnBackends, expectClose } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it, vi } from "vitest";
import { type FastKernelName, useKernel, withReferenceKernels } from "../kernels/door.js";
import { activate, relu } from "../ops/activations.js";
import type { AdamUpdate } from "../ops/adam_types.js";
import { adamUpdate } from "../ops/adam_update.js";
import { attention, multiHeadAttention } from "../ops/attention.js";
import { conv2d, convTranspose2d } from "../ops/conv2d.js";
import { gatedSilu } from "../ops/gated_silu.js";
import { groupNorm } from "../ops/group_norm.js";
import { layerNorm } from "../ops/layer_norm.js";
import { linear } from "../ops/linear.js";
import { linearResidual } from "../ops/linear_residual.js";
import { lovaszExtension } from "../ops/lovasz_extension.js";
import { avgPool2d, maxPool2d } from "../ops/pool.js";
import { resizeBicubic, resizeBilinear } from "../ops/resize.js";
import { softmax } from "../ops/softmax.js";
import { sortDescending } from "../ops/sort.js";
import { swiglu } from "../ops/swiglu.js";
import { seededTensor } from "../testing/directional_gradient.js";
import { expectParity, type ParityCase } from "../testing/expect_parity.js";
import { installWebgpuKernels } from "./install.js";
import { useWebgpuPrecision } from "./precision.js";
import { withFormChooser } from "./product_choice.js";

/** Rows longer than a group of threads, more rows than a chunk, sizes that divide by nothing. */
const cases: readonly ParityCase[] = [
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
  ["gatedSilu", ({ a }) => gatedSilu(a!), [[2, 5, 74]]],
  ["swiglu", ({ a, b, c }) => swiglu(a!, b!, c!), [[2, 70, 33], [33, 264], [264]]],
  ["swiglu, odd sizes", ({ a, b, c }) => swiglu(a!, b!, c!), [[2, 3, 18], [18, 2 * 67], [2 * 67]]],
  [
    "swiglu of a row to a number, no bias",
    ({ a, b }) => swiglu(a!, b!),
    [
      [1, 5],
      [5, 2],
    ],
  ],
  ["linear, many rows", ({ a, b, c }) => linear(a!, b!, c!), [[1100, 8], [8, 70], [70]]],
  [
    "linear to one number",
    ({ a, b, c }) => linear(a!, b!, c!, { activation: "relu" }),
    [[2, 700, 5], [5, 1], [1]],
  ],
  ["layerNorm, short rows", ({ a, b, c }) => layerNorm(a!, b!, c!), [[1, 5], [5], [5]]],
  ["softmax", ({ a }) => softmax(a!), [[2, 9, 333]]],
  [
    "maxPool2d, windows that overlap, equal numbers",
    ({ a }) => tf.tidy(() => maxPool2d(relu(a as tf.Tensor4D), 3, { stride: 2, padding: 1 })),
    [[2, 9, 8, 4]],
  ],
  [
    "maxPool2d, odd sizes",
    ({ a }) => tf.tidy(() => maxPool2d(relu(a as tf.Tensor4D), [2, 3], { stride: [1, 2], padding: [0, 1] })),
    [[2, 5, 7, 3]],
  ],
  ["maxPool2d, pixels left out", ({ a }) => maxPool2d(a as tf.Tensor4D, 2, { stride: 3 }), [[1, 7, 9, 1]]],
  ["maxPool2d to one", ({ a }) => maxPool2d(a as tf.Tensor4D, [6, 5]), [[3, 6, 5, 2]]],
  [
    "linearResidual",
    ({ a, b, c, d, e }) => linearResidual(a!, b!, { w: c!, b: d!, gamma: e! }),
    [[2, 21, 48], [2, 21, 33], [33, 48], [48], [48]],
  ],
  [
    "linearResidual without bias and scale",
    ({ a, b, c }) => linearResidual(a!, b!, { w: c! }),
    [
      [5, 50],
      [5, 33],
      [33, 50],
    ],
  ],
  [
    "conv2d 3 x 3",
    ({ a, b, c }) => conv2d(a as tf.Tensor4D, b as tf.Tensor4D, c, { padding: 1 }),
    [[2, 7, 6, 5], [3, 3, 5, 8], [8]],
  ],
  [
    "conv2d, strides and dilation that differ",
    ({ a, b }) =>
      conv2d(a as tf.Tensor4D, b as tf.Tensor4D, undefined, {
        stride: [2, 3],
        padding: [2, 1],
        dilation: [1, 2],
      }),
    [
      [1, 9, 11, 4],
      [3, 2, 4, 3],
    ],
  ],
  [
    "conv2d, patches and pixels left over",
    ({ a, b, c }) => conv2d(a as tf.Tensor4D, b as tf.Tensor4D, c, { stride: 4 }),
    [[1, 10, 9, 3], [4, 4, 3, 12], [12]],
  ],
  [
    "conv2d, many pixels",
    ({ a, b }) => conv2d(a as tf.Tensor4D, b as tf.Tensor4D, undefined, { padding: 1 }),
    [
      [1, 40, 41, 4],
      [3, 3, 4, 4],
    ],
  ],
  [
    "convTranspose2d",
    ({ a, b, c }) =>
      convTranspose2d(a as tf.Tensor4D, b as tf.Tensor4D, c, { stride: 2, padding: 1, outputPadding: 1 }),
    [[2, 4, 5, 6], [3, 3, 4, 6], [4]],
  ],
  [
    "groupNorm",
    ({ a, b, c }) => groupNorm(a as tf.Tensor4D, b!, c!, { groups: 4 }),
    [[2, 7, 9, 12], [12], [12]],
  ],
  [
    "groupNorm with ReLU, many pixels",
    ({ a, b, c }) => groupNorm(a as tf.Tensor4D, b!, c!, { groups: 2, activation: "relu" }),
    [[2, 61, 40, 6], [6], [6]],
  ],
  [
    "groupNorm, channels past a group of threads",
    ({ a, b, c }) => groupNorm(a as tf.Tensor4D, b!, c!, { groups: 1 }),
    [[1, 3, 1, 70], [70], [70]],
  ],
  ["resizeBilinear up", ({ a }) => resizeBilinear(a as tf.Tensor4D, [13, 9]), [[2, 5, 4, 8]]],
  ["resizeBilinear, one channel", ({ a }) => resizeBilinear(a as tf.Tensor4D, [5, 17]), [[1, 9, 5, 1]]],
  [
    "resizeBicubic down, antialias",
    ({ a }) => resizeBicubic(a as tf.Tensor4D, [3, 4], { antialias: true }),
    [[1, 11, 9, 3]],
  ],
  ["avgPool2d", ({ a }) => avgPool2d(a as tf.Tensor4D, 3, { stride: 2, padding: 1 }), [[1, 8, 7, 4]]],
  ["attention", ({ a }) => multiHeadAttention(a as tf.Tensor3D, 3), [[2, 19, 72]]],
  ["attention, rows that are no vectors", ({ a }) => multiHeadAttention(a as tf.Tensor3D, 2), [[2, 9, 42]]],
  ["attention, many tokens", ({ a }) => multiHeadAttention(a as tf.Tensor3D, 2), [[1, 203, 384]]],
  ["attention, wide heads", ({ a }) => multiHeadAttention(a as tf.Tensor3D, 1), [[1, 70, 3 * 260]]],
  [
    "attention, fewer keys than queries",
    ({ a, b, c }) => attention(a as tf.Tensor4D, b as tf.Tensor4D, c as tf.Tensor4D),
    [
      [2, 3, 70, 8],
      [2, 3, 5, 8],
      [2, 3, 5, 8],
    ],
  ],
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

    it.each(cases)("give the values and gradients of the composition: %s", async (...parity) => {
      await expectParity(parity, testKit);
    });

    for (const [m, k, n, ofA, ofB] of [
      [5, 9, 7, 3, 3],
      [68, 70, 64, 1, 2],
      [1500, 9, 1400, 1, 1],
    ] as const) {
      it(`multiply matrices in every transpose: [${ofA}, ${m}, ${k}] x [${ofB}, ${k}, ${n}]`, async () => {
        for (const [transposeA, transposeB] of [
          [false, false],
          [true, false],
          [false, true],
          [true, true],
        ] as const) {
          const a = seededTensor([ofA, ...(transposeA ? [k, m] : [m, k])], "a", -1, 1);
          const b = seededTensor([ofB, ...(transposeB ? [n, k] : [k, n])], "b", -1, 1);
          const y = tf.matMul(a, b, transposeA, transposeB);
          expect(y.shape).toEqual([Math.max(ofA, ofB), m, n]);
          const [left, right, got] = [await a.data(), await b.data(), await y.data()];
          for (const [image, row, col] of [
            [0, 0, 0],
            [ofB - 1, m - 1, n - 1],
            [ofB - 1, m >> 1, n >> 1],
            [0, m - 1, 1],
            [0, 1, n - 2],
          ] as const) {
            let want = 0;
            for (let at = 0; at < k; at++) {
              const ofLeft = (ofA === 1 ? 0 : image * m * k) + (transposeA ? at * m + row : row * k + at);
              const ofRight = (ofB === 1 ? 0 : image * k * n) + (transposeB ? col * k + at : at * n + col);
              want += left[ofLeft]! * right[ofRight]!;
            }
            expect(got[(image * m + row) * n + col]).toBeCloseTo(want, 4);
          }
          tf.dispose([a, b, y]);
        }
      });
    }

    it.each([false, true])("update by Adam as the composition does, amsgrad %s", async (amsgrad) => {
      const numbers = {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        amsgrad,
        shrink: 0.99,
        l2: 0.1,
        stepSize: 0.01,
        spreadScale: 1.5,
      };
      const [param, grad] = [seededTensor([3, 101], "a", -1, 1), seededTensor([3, 101], "b", -1, 1)];
      const steps = (): AdamUpdate => {
        const first = adamUpdate(param, grad, {}, numbers);
        return adamUpdate(first.param, tf.mul(grad, 0.5), first, numbers);
      };
      const fast = steps();
      const reference = withReferenceKernels(steps);
      for (const name of ["param", "mean", "square", ...(amsgrad ? (["largest"] as const) : [])] as const) {
        await expectClose(fast[name]!, reference[name]!, { atol: 1e-7, rtol: 1e-5 });
      }
    });

    it("take floats that tfjs keeps as whole numbers", async () => {
      const ones = tf.cast(tf.oneHot(tf.tensor1d([2, 0, 1], "int32"), 3), "float32") as tf.Tensor2D;
      const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
      await expectClose(tf.matMul(ones, x), [5, 6, 1, 2, 3, 4]);
      await expectClose(linear(tf.cast(tf.tensor2d([1, 2, 3], [1, 3], "int32"), "float32"), x), [22, 28]);
    });

    it("sort in 12 dispatches whatever the size, and give the Lovasz extension in 15", async () => {
      const seen = vi.spyOn(GPUComputePassEncoder.prototype, "dispatchWorkgroups");
      const x = seededTensor([2, 2500], "a", -1, 1) as tf.Tensor2D;
      tf.dispose(Object.values(sortDescending(x)));
      expect(seen).toHaveBeenCalledTimes(12);
      const options = { form: "hinge", ignore: null, scale: 1 } as const;
      tf.dispose(Object.values(lovaszExtension(x, x, options)));
      expect(seen).toHaveBeenCalledTimes(12 + 15);
      seen.mockRestore();
    });

    it("keep halves and multiply in single precision on a device without matrix units, and say so", async () => {
      expect(await useWebgpuPrecision("f16")).toEqual({
        precision: "f16",
        reason: expect.stringMatching(
          /kept as halves; .* single precision, because .*lacks .*subgroup-matrix/,
        ),
        storage: "halves",
        matrixUnits: false,
      });
      const off = { precision: "f32", reason: "asked for", storage: "floats", matrixUnits: false };
      expect(await useWebgpuPrecision("f32")).toEqual(off);
    });

    it("give SwiGLU the same numbers in either tile", async () => {
      const [x, w] = [seededTensor([130, 20], "x", -2, 2), seededTensor([20, 264], "w", -2, 2)];
      const inTile = (rows: 64 | 128): tf.Tensor =>
        withFormChooser(
          () => ({ kind: "single", tile: { rows, cols: 128 } }),
          () => swiglu(x, w),
        );
      await expectClose(inTile(128), await inTile(64).data(), { rtol: 0, atol: 0 });
    });

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

    it("keep the digits of group statistics far from zero", async () => {
      const x = tf.add(seededTensor([1, 50, 40, 2], "x"), 3000) as tf.Tensor4D;
      const [gamma, beta] = [tf.ones([2]), tf.zeros([2])];
      const y = groupNorm(x, gamma, beta, { groups: 1 });
      const { mean, variance } = tf.moments(y);
      await expectClose(mean, [0], { atol: 2e-4, rtol: 0 });
      await expectClose(variance, [1], { atol: 1e-3, rtol: 0 });
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
