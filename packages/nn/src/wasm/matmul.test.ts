import { seededRng } from "@glof/core";
import { expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { referenceMatMul } from "./testing/reference_products.js";
import { randomValues, startWasm } from "./testing/test_backend.js";

beforeAll(() => startWasm());

const transposes = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const;

function stored(rows: number, columns: number, transposed: boolean): [number, number] {
  return transposed ? [columns, rows] : [rows, columns];
}

describe("BatchMatMul on wasm", () => {
  it.each(transposes)("equals plain loops for any size (transposeA %s, transposeB %s)", async (tA, tB) => {
    const rng = seededRng(`sizes ${tA} ${tB}`);
    const sizes = [
      [1, 1, 1],
      [1, 9, 300],
      [4, 8, 1],
      [97, 1, 5],
      [5, 1030, 3],
      [100, 17, 513],
    ];
    for (let i = 0; i < 12; i++) sizes.push([1 + rng.int(40), 1 + rng.int(40), 1 + rng.int(70)]);
    for (const [m, n, k] of sizes as [number, number, number][]) {
      const a = randomValues([m * k], m);
      const b = randomValues([k * n], n);
      const got = tf.tidy(() =>
        tf.matMul(tf.tensor2d(a, stored(m, k, tA)), tf.tensor2d(b, stored(k, n, tB)), tA, tB),
      );
      expect(got.shape).toEqual([m, n]);
      await expectClose(got, referenceMatMul(a, b, [m, n, k], tA, tB));
      got.dispose();
    }
  });

  it.each(transposes)("broadcasts batch axes (transposeA %s, transposeB %s)", async (tA, tB) => {
    const [m, n, k] = [5, 6, 7];
    const pairs: [number[], number[], number[]][] = [
      [[3], [3], [3]],
      [[3], [1], [3]],
      [[1], [3], [3]],
      [
        [2, 3],
        [2, 3],
        [2, 3],
      ],
      [
        [2, 1],
        [1, 3],
        [2, 3],
      ],
      [[2, 3], [3], [2, 3]],
    ];
    for (const [aOuter, bOuter, outer] of pairs) {
      const a = tf.tensor(randomValues([...aOuter, m, k], 1), [...aOuter, ...stored(m, k, tA)]);
      const b = tf.tensor(randomValues([...bOuter, k, n], 2), [...bOuter, ...stored(k, n, tB)]);
      const got = tf.matMul(a, b, tA, tB);
      expect(got.shape).toEqual([...outer, m, n]);
      const parts = outerTiles(a, outer).map((part, i) => {
        const other = outerTiles(b, outer)[i]!;
        return [...referenceMatMul(part, other, [m, n, k], tA, tB)];
      });
      await expectClose(got, parts.flat());
      tf.dispose([a, b, got]);
    }
  });

  it("gives zeros for an empty contraction and nothing for an empty side", async () => {
    const zeros = tf.matMul(tf.zeros([3, 0]), tf.zeros([0, 2]));
    await expectClose(zeros, [0, 0, 0, 0, 0, 0]);
    expect(tf.matMul(tf.zeros([0, 4]), tf.zeros([4, 2])).shape).toEqual([0, 2]);
    expect(tf.matMul(tf.zeros([2, 0, 4]), tf.zeros([2, 4, 3])).shape).toEqual([2, 0, 3]);
  });

  it("leaves no tensor behind", async () => {
    await expectNoTensorGrowth(() => tf.tidy(() => tf.matMul(tf.ones([2, 9, 8]), tf.ones([2, 8, 7]))));
  });
});

describe("_FusedMatMul on wasm", () => {
  const run = (attrs: Record<string, unknown>, inputs: Record<string, tf.Tensor>) =>
    tf.engine().runKernel("_FusedMatMul", inputs, attrs as tf.NamedAttrMap) as tf.Tensor;

  it.each(["linear", "relu", "relu6", "elu", "sigmoid", "leakyrelu", "prelu"])(
    "adds bias and applies %s, with a batch and transposed operands",
    async (activation) => {
      for (const [tA, tB] of transposes) {
        const a = tf.mul(tf.tensor3d(randomValues([2, 30], 3), [2, ...stored(6, 5, tA)]), 4);
        const b = tf.mul(tf.tensor3d(randomValues([2, 35], 4), [2, ...stored(5, 7, tB)]), 4);
        for (const biasShape of [[7], [1, 7], [1, 6, 1], [1]]) {
          const bias = tf.tensor(randomValues(biasShape, 5), biasShape);
          const preluActivationWeights = tf.tensor1d(randomValues([7], 6));
          const got = run(
            { transposeA: tA, transposeB: tB, activation, leakyreluAlpha: 0.3 },
            { a, b, bias, ...(activation === "prelu" ? { preluActivationWeights } : {}) },
          );
          const plain = tf.add(tf.matMul(a, b, tA, tB), bias);
          await expectClose(got, await apply(activation, plain, await preluActivationWeights.data()));
        }
      }
      tf.disposeVariables();
    },
  );

  it("leaves no tensor behind", async () => {
    await expectNoTensorGrowth(() =>
      tf.tidy(() =>
        run(
          { activation: "sigmoid", transposeA: false, transposeB: false },
          {
            a: tf.ones([1, 6, 5]),
            b: tf.ones([1, 5, 7]),
            bias: tf.ones([6, 1]),
          },
        ),
      ),
    );
  });
});

/** The matrices of `x` broadcast over `outer`, as arrays. */
function outerTiles(x: tf.Tensor, outer: number[]): Float32Array[] {
  return tf.tidy(() => {
    const wide = tf.broadcastTo(x, [...outer, ...x.shape.slice(-2)]);
    const values = wide.dataSync() as Float32Array;
    const size = x.shape.at(-1)! * x.shape.at(-2)!;
    return Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));
  });
}

async function apply(name: string, x: tf.Tensor, alpha: ArrayLike<number>): Promise<number[]> {
  const functions: Record<string, (v: number, column: number) => number> = {
    linear: (v) => v,
    relu: (v) => Math.max(0, v),
    relu6: (v) => Math.min(6, Math.max(0, v)),
    elu: (v) => (v < 0 ? Math.expm1(v) : v),
    sigmoid: (v) => 1 / (1 + Math.exp(-v)),
    leakyrelu: (v) => (v < 0 ? 0.3 * v : v),
    prelu: (v, column) => (v < 0 ? alpha[column]! * v : v),
  };
  return Array.from(await x.data(), (v, i) => functions[name]!(v, i % x.shape.at(-1)!));
}
