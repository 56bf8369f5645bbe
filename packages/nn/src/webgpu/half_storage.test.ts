import { castBytes, toFloat32 } from "@glof/checkpoint";
import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { withReferenceKernels } from "../kernels/door.js";
import { multiHeadAttention } from "../ops/attention.js";
import { conv2d, convTranspose2d } from "../ops/conv2d.js";
import { layerNorm } from "../ops/layer_norm.js";
import { linear } from "../ops/linear.js";
import { linearResidual } from "../ops/linear_residual.js";
import { matMul } from "../ops/mat_mul.js";
import { swiglu } from "../ops/swiglu.js";
import { seededTensor } from "../testing/directional_gradient.js";
import type { Params } from "../types.js";
import { valueAndGrad } from "../value_and_grad.js";
import { useWebgpuPrecision } from "./precision.js";
import { storedBytes, storeForPrediction, toHalfStorage } from "./to_half_storage.js";

/** The numbers rounded to halves, as floats. */
async function rounded(tensor: tf.Tensor): Promise<tf.Tensor> {
  const numbers = (await tensor.data()) as Float32Array;
  return tf.tensor(
    toFloat32(castBytes(new Uint8Array(numbers.slice().buffer), "F32", "F16"), "F16"),
    tensor.shape,
  );
}

interface Weight {
  /** In half storage. */
  readonly half: tf.Tensor;
  /** The same numbers in floats. */
  readonly float: tf.Tensor;
}

async function weightOf(shape: readonly number[], name = "w"): Promise<Weight> {
  const w = seededTensor([...shape], name, -2, 2);
  const { half } = (await toHalfStorage({ half: w })) as { half: tf.Tensor };
  const float = await rounded(w);
  w.dispose();
  return { half, float };
}

const gpuBytes = (): number => (tf.memory() as tf.MemoryInfo & { numBytesInGPU: number }).numBytesInGPU;

/** Operations whose weight may be halves, in every form in which the product reads it. */
const operations: readonly (readonly [
  name: string,
  weight: number[],
  input: number[],
  f: (x: tf.Tensor, w: tf.Tensor) => tf.Tensor,
])[] = [
  ["linear", [70, 68], [2, 21, 70], (x, w) => linear(x, w, tf.ones([68]), { activation: "gelu" })],
  ["linear, one row", [70, 68], [1, 70], (x, w) => linear(x, w)],
  ["swiglu", [70, 72], [2, 21, 70], (x, w) => swiglu(x, w, tf.ones([72]))],
  ["linearResidual", [70, 68], [5, 70], (x, w) => linearResidual(tf.ones([5, 68]), x, { w })],
  ["a product on the left", [66, 64], [64, 50], (x, w) => matMul(w, x)],
  ["a transposed product on the left", [66, 64], [66, 50], (x, w) => matMul(w, x, true, false)],
  ["a transposed product", [66, 64], [3, 64], (x, w) => matMul(x, w, false, true)],
  [
    "a product on the left that is no vector",
    [65, 64],
    [65, 50],
    (x, w) => matMul(tf.reshape(w, [64, 65]), x),
  ],
  [
    "conv2d",
    [3, 3, 20, 24],
    [2, 7, 6, 20],
    (x, w) => conv2d(x as tf.Tensor4D, w as tf.Tensor4D, undefined, { padding: 1, stride: 2 }),
  ],
  [
    "convTranspose2d",
    [3, 3, 24, 20],
    [1, 4, 5, 20],
    (x, w) => convTranspose2d(x as tf.Tensor4D, w as tf.Tensor4D),
  ],
  [
    "conv2d in groups",
    [3, 3, 10, 48],
    [1, 7, 6, 40],
    (x, w) => conv2d(x as tf.Tensor4D, w as tf.Tensor4D, undefined, { groups: 4 }),
  ],
];

const exact = { atol: 0, rtol: 0 };

/** Neighbouring halves, where two ways to add up round to either side. */
const oneStep = { atol: 2 ** -24, rtol: 2 ** -10 };

/** Operations whose result may be halves. */
const compacted: readonly (readonly [
  name: string,
  shapes: number[][],
  f: (given: Params, options: { compact?: boolean }) => tf.Tensor,
])[] = [
  ["linear", [[2, 21, 33], [33, 48], [48]], ({ a, b, c }, how) => linear(a!, b!, c!, how)],
  [
    "linear with GELU",
    [[70, 32], [32, 68], [68]],
    ({ a, b, c }, how) => linear(a!, b!, c!, { ...how, activation: "gelu" }),
  ],
  ["swiglu", [[2, 21, 33], [33, 152], [152]], ({ a, b, c }, how) => swiglu(a!, b!, c!, how)],
  ["layerNorm", [[2, 25, 1100], [1100], [1100]], ({ a, b, c }, how) => layerNorm(a!, b!, c!, how)],
  ["multiHeadAttention", [[2, 19, 72]], ({ a }, how) => multiHeadAttention(a as tf.Tensor3D, 3, how)],
  ["layerNorm, short rows", [[1, 4], [4], [4]], ({ a, b, c }, how) => layerNorm(a!, b!, c!, how)],
];

/** Operations of TensorFlow.js that know nothing of halves. */
const stock: readonly (readonly [name: string, f: (w: tf.Tensor) => tf.Tensor])[] = [
  ["add", (w) => tf.add(w, 1)],
  ["multiply by itself", (w) => tf.mul(w, w)],
  ["slice", (w) => tf.slice(w, [3, 5], [20, 31])],
  ["concat", (w) => tf.concat([w, tf.ones([1, 64]), w])],
  ["transpose", (w) => tf.transpose(w)],
  ["reshape", (w) => tf.reshape(w, [35, 128])],
  ["clone", (w) => tf.clone(w)],
  ["sum", (w) => tf.sum(w, 1)],
  ["gather", (w) => tf.gather(w, tf.tensor1d([5, 2, 5], "int32"))],
  ["cast to whole numbers", (w) => tf.cast(w, "int32")],
];

describeOnBackends(
  "half storage",
  () => {
    it("takes half the memory, which comes back", async () => {
      const before = gpuBytes();
      const { half, float } = await weightOf([128, 96]);
      expect(gpuBytes() - before).toBe(2 * 128 * 96);
      expect(storedBytes({ half, float })).toBe(6 * 128 * 96);
      const other = tf.tidy(() => tf.reshape(tf.clone(half), [96, 128]));
      half.dispose();
      await expectClose(other, await float.data(), exact);
      other.dispose();
      // What a submission owns goes with the next one.
      await tf.tidy(() => tf.square(tf.fill([50, 50], 2))).data();
      expect(gpuBytes() - before).toBeLessThan(4 * 50 * 50 + 1000);
    });

    it("keeps what is small, ragged, no weight or too large for a half", async () => {
      const params: Params = {
        small: tf.ones([8, 8]),
        ragged: tf.ones([100, 50]),
        tokens: tf.ones([1, 100, 64]),
        large: tf.concat([tf.ones([99, 64]), tf.fill([1, 64], 65_520)]),
      };
      const stored = await toHalfStorage(params);
      expect(storedBytes(stored)).toBe(storedBytes(params));
      expect((await stored.large!.data()).at(-1)).toBe(65_520);
      const again = await toHalfStorage({ w: (await weightOf([64, 64])).half });
      expect(storedBytes(again)).toBe(2 * 64 * 64);
      tf.dispose([params, stored, again] as tf.TensorContainer);
    });

    for (const [name, weight, input, f] of operations) {
      it(`is read as the rounded floats are, to the bit: ${name}`, async () => {
        const { half, float } = await weightOf(weight);
        const x = seededTensor(input, "x", -2, 2);
        await expectClose(f(x, half), await f(x, float).data(), exact);
        const loss = (given: Params): tf.Scalar => tf.mean(tf.square(f(given.x!, given.w!))) as tf.Scalar;
        const got = valueAndGrad(loss, { x, w: half }).grads;
        const want = valueAndGrad(loss, { x, w: float }).grads;
        await expectClose(got.x!, await want.x!.data(), exact);
        await expectClose(got.w!, await want.w!.data(), exact);
        await expectClose(
          withReferenceKernels(() => f(x, half)),
          f(x, float),
        );
        await expectNoTensorGrowth(() => tf.tidy(() => f(x, half)));
        tf.dispose([x, half, float]);
      });
    }

    for (const [name, f] of stock) {
      it(`is widened for TensorFlow.js: ${name}`, async () => {
        const { half, float } = await weightOf([70, 64]);
        await expectClose(f(half), await f(float).data(), exact);
        await expectNoTensorGrowth(() => tf.tidy(() => f(half)));
        tf.dispose([half, float]);
      });
    }

    it("is widened for a reader on the GPU", async () => {
      const { half, float } = await weightOf([70, 64]);
      const { tensorRef, buffer } = half.dataToGPU();
      expect(buffer!.size).toBe(4 * half.size);
      await expectClose(tensorRef, await float.data(), exact);
      tf.dispose([half, float, tensorRef]);
    });

    for (const [name, shapes, f] of compacted) {
      it(`is written as the floats would be rounded: ${name}`, async () => {
        const names = ["a", "b", "c"];
        const given = Object.fromEntries(
          shapes.map((shape, i) => [names[i]!, seededTensor(shape, names[i]!, -2, 2)]),
        );
        const plain = f(given, {});
        await useWebgpuPrecision("f16");
        const y = f(given, { compact: true });
        expect(storedBytes({ y })).toBe(2 * y.size);
        await expectClose(y, await (await rounded(plain)).data(), oneStep);
        await expectNoTensorGrowth(() => f(given, { compact: true }));
        // A recorded result is what it ever was, and so is any without the name or the precision.
        valueAndGrad((params) => {
          const recorded = f(params, { compact: true });
          expect(storedBytes({ recorded })).toBe(4 * recorded.size);
          return tf.sum(recorded) as tf.Scalar;
        }, given);
        await expectClose(f(given, {}), await plain.data(), exact);
        await useWebgpuPrecision("f32");
        await expectClose(f(given, { compact: true }), await plain.data(), exact);
        tf.dispose([given, y, plain] as tf.TensorContainer);
      });
    }

    it("goes from one operation to the next", async () => {
      const x = seededTensor([2, 21, 64], "x", -2, 2);
      const [gamma, beta] = [seededTensor([64], "g", -2, 2), seededTensor([64], "b", -2, 2)];
      const w = await weightOf([64, 68]);
      const normed = layerNorm(x, gamma, beta);
      await useWebgpuPrecision("f16");
      const compact = layerNorm(x, gamma, beta, { compact: true });
      const stored = await compact.data();
      await expectClose(compact, await (await rounded(normed)).data(), oneStep);
      await expectClose(
        linear(compact, w.half),
        await linear(tf.tensor(stored, x.shape), w.float).data(),
        exact,
      );
      await useWebgpuPrecision("f32");
      tf.dispose([x, gamma, beta, normed, compact, w.half, w.float]);
    });

    it("goes through attention, without a pass for widening", async () => {
      const x = seededTensor([2, 19, 64], "x", -2, 2);
      const [b, w] = [seededTensor([144], "b", -1, 1), await weightOf([64, 144])];
      await useWebgpuPrecision("f16");
      const qkv = linear(x, w.half, b, { compact: true }) as tf.Tensor3D;
      const stored = tf.tensor3d(await qkv.data(), [2, 19, 144]);
      const plain = multiHeadAttention(stored, 2);
      await expectClose(multiHeadAttention(qkv, 2), await plain.data(), exact);
      const y = multiHeadAttention(qkv, 2, { compact: true });
      expect(storedBytes({ y })).toBe(2 * y.size);
      await expectClose(y, await (await rounded(plain)).data(), exact);
      // Heads that are no vectors are read and written number by number.
      await expectClose(multiHeadAttention(qkv, 24), await multiHeadAttention(stored, 24).data(), exact);
      await useWebgpuPrecision("f32");
      tf.dispose([x, b, qkv, stored, plain, y, w.half, w.float]);
    });

    it("ends at the largest half", async () => {
      await useWebgpuPrecision("f16");
      const w = tf.tensor2d([1e5, -1e5, 65_519, -60_000], [1, 4]);
      const y = linear(tf.ones([3, 1]), w, undefined, { compact: true });
      await useWebgpuPrecision("f32");
      expect([...(await y.data())].slice(0, 4)).toEqual([65_504, -65_504, 65_504, -60_000]);
      tf.dispose([w, y]);
    });

    it("keeps NaN", async () => {
      await useWebgpuPrecision("f16");
      const numbers = [Number.NaN, 1, 2, -Number.NaN, 3, Number.NaN, Number.NaN, Number.NEGATIVE_INFINITY];
      const w = tf.tensor2d(numbers, [1, 8]);
      const y = linear(tf.ones([3, 1]), w, undefined, { compact: true });
      await useWebgpuPrecision("f32");
      expect([...(await y.data())].slice(0, 8)).toEqual([...numbers.slice(0, 7), -65_504]);
      tf.dispose([w, y]);
    });

    it("is for weights for prediction where half precision is in force", async () => {
      const params = (): Params => ({ w: tf.ones([64, 64]) });
      const before = tf.memory().numTensors;
      const floats = await storeForPrediction(params());
      await useWebgpuPrecision("f16");
      const halves = await storeForPrediction(params());
      await useWebgpuPrecision("f32");
      expect([storedBytes(floats), storedBytes(halves)]).toEqual([4 * 64 * 64, 2 * 64 * 64]);
      tf.dispose([floats, halves] as tf.TensorContainer);
      expect(tf.memory().numTensors).toBe(before);
    });

    it("leaves nothing behind in 50 rounds", async () => {
      const { half, float } = await weightOf([128, 64]);
      const x = seededTensor([9, 128], "x", -1, 1);
      const round = async (): Promise<void> => {
        const y = tf.tidy(() => tf.add(linear(x, half), tf.sum(half)));
        await y.data();
        y.dispose();
      };
      await round();
      const before = gpuBytes();
      const data = tf.engine().backend.numDataIds();
      for (let i = 0; i < 50; i++) await round();
      expect(gpuBytes()).toBe(before);
      expect(tf.engine().backend.numDataIds()).toBe(data);
      tf.dispose([half, float, x]);
    });
  },
  { backends: ["webgpu"] },
);
