import * as testKit from "@glof/test-kit";
import { describeOnBackends, expectClose } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { useKernel, withReferenceKernels } from "../kernels/door.js";
import { activate } from "../ops/activations.js";
import { adamUpdate } from "../ops/adam_update.js";
import { attention, multiHeadAttention } from "../ops/attention.js";
import { conv2d } from "../ops/conv2d.js";
import { gatedSilu } from "../ops/gated_silu.js";
import { layerNorm } from "../ops/layer_norm.js";
import { linear } from "../ops/linear.js";
import { lovaszExtension } from "../ops/lovasz_extension.js";
import { resizeBilinear } from "../ops/resize.js";
import { softmax } from "../ops/softmax.js";
import { sortDescending } from "../ops/sort.js";
import { swiglu } from "../ops/swiglu.js";
import { seededTensor } from "../testing/directional_gradient.js";
import { expectParity, type ParityCase } from "../testing/expect_parity.js";
import { foldedGroups } from "./folded_groups.js";
import { useWebgpuPrecision } from "./precision.js";
import { toHalfStorage } from "./to_half_storage.js";

// With three groups along an axis, what a large image or batch does to 65535 can be seen on small ones.
vi.mock("./groups_per_axis.js", () => ({ groupsPerAxis: 3 }));

const cases: readonly ParityCase[] = [
  ["linear, many tiles of rows", ({ a, b, c }) => linear(a!, b!, c!), [[430, 9], [9, 70], [70]]],
  [
    "linear, its weights' gradient in parts",
    ({ a, b }) => linear(a!, b!),
    [
      [1100, 5],
      [5, 6],
    ],
  ],
  ["swiglu", ({ a, b, c }) => swiglu(a!, b!, c!), [[430, 6], [6, 264], [264]]],
  [
    "products, many",
    ({ a, b }) => tf.matMul(a!, b!, false, true),
    [
      [7, 5, 6],
      [7, 70, 6],
    ],
  ],
  [
    "conv2d",
    ({ a, b, c }) => conv2d(a as tf.Tensor4D, b as tf.Tensor4D, c, { padding: 1 }),
    [[2, 17, 14, 3], [3, 3, 3, 5], [5]],
  ],
  ["attention, many heads", ({ a }) => multiHeadAttention(a as tf.Tensor3D, 5), [[2, 9, 3 * 5 * 4]]],
  [
    "attention, many images",
    ({ a, b, c }) => attention(a as tf.Tensor4D, b as tf.Tensor4D, c as tf.Tensor4D),
    [
      [4, 1, 70, 5],
      [4, 1, 6, 5],
      [4, 1, 6, 5],
    ],
  ],
  ["layerNorm", ({ a, b, c }) => layerNorm(a!, b!, c!), [[11, 30], [30], [30]]],
  ["softmax", ({ a }) => softmax(a!), [[11, 30]]],
  ["GELU", ({ a }) => activate(a!, "gelu"), [[1500]]],
  ["gatedSilu", ({ a }) => gatedSilu(a!), [[40, 74]]],
  ["resizeBilinear", ({ a }) => resizeBilinear(a as tf.Tensor4D, [40, 20]), [[1, 9, 11, 3]]],
];

describe("foldedGroups", () => {
  it.each([1, 3, 4, 7, 1000])("gives %i lines of groups at least, and few more", (count) => {
    const [x, y, z] = foldedGroups(5, count);
    expect(x).toBe(5);
    expect(y).toBeLessThanOrEqual(3);
    expect(y * z).toBeGreaterThanOrEqual(count);
    expect(y * z).toBeLessThan(count + z);
  });
});

describeOnBackends(
  "more groups than fit along an axis",
  () => {
    let most = 0;
    beforeAll(() => {
      const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
      GPUComputePassEncoder.prototype.dispatchWorkgroups = function (x, y = 1, z = 1) {
        most = Math.max(most, y, z);
        return dispatchWorkgroups.call(this, x, y, z);
      };
    });

    it.each(cases)("give the values and gradients of the composition: %s", async (...parity) => {
      most = 0;
      await expectParity(parity, testKit);
      expect(most).toBeGreaterThan(1);
    });

    it("sort, and give the Lovasz extension", async () => {
      const [scores, labels] = [seededTensor([7, 30], "s"), tf.step(seededTensor([7, 30], "l"))];
      const rows = scores as tf.Tensor2D;
      const options = { form: "hinge", ignore: null, scale: 1 } as const;
      for (const f of [
        () => Object.values(sortDescending(rows)) as tf.Tensor[],
        () => Object.values(lovaszExtension(rows, labels as tf.Tensor2D, options)) as tf.Tensor[],
      ]) {
        const want = withReferenceKernels(f);
        for (const [at, got] of f().entries()) await expectClose(got, want[at]!);
      }
    });

    it("update by Adam", async () => {
      const [param, grad] = [seededTensor([1500], "p"), seededTensor([1500], "g")];
      const sizes = {
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-8,
        shrink: 1,
        l2: 0,
        stepSize: 0.1,
        spreadScale: 1,
      };
      const step = () => adamUpdate(param, grad, {}, { ...sizes, amsgrad: false }).param;
      await expectClose(step(), withReferenceKernels(step));
    });

    it("give the slopes of losses", async () => {
      const [logits, labels] = [seededTensor([1500], "x"), tf.step(seededTensor([1500], "l"))];
      const pixel = { kind: "region", ignore: null, smooth: 0, posWeight: 1 } as const;
      const given = { logits, labels, coefficients: tf.tensor1d([0, 1]) };
      const slopes = useKernel("GlofPixelSlopes")!(given, pixel) as tf.Tensor;
      const p = tf.sigmoid(logits);
      await expectClose(slopes, tf.mul(p, tf.sub(1, p)));

      const numbers = {
        ignore: null,
        smoothing: 0,
        gamma: 2,
        weightOfTrue: 1,
        weightOfFalse: 1,
        threshold: 0,
      };
      const wide = tf.reshape(logits, [750, 2]);
      const classes = { logits: wide, labels: tf.slice(labels, [0], [750]), coefficients: tf.ones([2, 2]) };
      const byLogit = useKernel("GlofClassSlopes")!(classes, {
        ...{ ...numbers, kind: "entropy", multilabel: false },
      }) as tf.Tensor;
      const wanted = tf.oneHot(tf.cast(classes.labels, "int32"), 2);
      await expectClose(byLogit, tf.sub(tf.softmax(wide), wanted));
    });

    it("widen halves", async () => {
      await useWebgpuPrecision("f16");
      const w = seededTensor([64, 96], "w");
      const stored = await toHalfStorage({ w });
      await expectClose(tf.mul(stored.w!, 1), w, { rtol: 1e-3, atol: 1e-6 });
      await useWebgpuPrecision("f32");
    });

    it("attend on matrix units, emulated", async () => {
      await useWebgpuPrecision("f16", { emulate: true });
      const qkv = seededTensor([2, 20, 3 * 3 * 16], "q", -1, 1) as tf.Tensor3D;
      const f = (): tf.Tensor => multiHeadAttention(qkv, 3);
      await expectClose(f(), withReferenceKernels(f), { rtol: 0, atol: 1e-3 });
      const [x, w] = [seededTensor([430, 20], "x"), seededTensor([20, 30], "w")];
      const product = (): tf.Tensor => linear(x, w);
      await expectClose(product(), withReferenceKernels(product), { rtol: 0, atol: 1e-2 });
      await useWebgpuPrecision("f32");
    });
  },
  { backends: ["webgpu"] },
);
