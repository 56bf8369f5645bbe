import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withReferenceKernels } from "../kernels/door.js";
import { conv2d } from "../ops/conv2d.js";
import { linear } from "../ops/linear.js";
import { linearResidual } from "../ops/linear_residual.js";
import { swiglu } from "../ops/swiglu.js";
import { seededTensor } from "../testing/directional_gradient.js";
import type { Params } from "../types.js";
import { valueAndGrad } from "../value_and_grad.js";
import { holdsHalves } from "./half_storage.js";
import type { UnitShape } from "./matrix_unit_shader.js";
import { useWebgpuPrecision } from "./precision.js";
import { type GatheredProduct, runGathered } from "./product.js";
import { withFormChooser } from "./product_choice.js";
import { formsOf, likelyForm, type ProductForm } from "./product_form.js";
import type { ShaderBackend } from "./shader.js";
import { toHalfStorage } from "./to_half_storage.js";

/** The tensor rounded to halves by arithmetic, to 11 bits (Veltkamp's splitting). */
function toHalves<T extends tf.Tensor>(x: T): T {
  const big = tf.mul(x, 2 ** 13 + 1);
  return tf.sub(big, tf.sub(big, x)) as T;
}

/** Room for another order of adding up. */
const otherOrder = { rtol: 2e-5, atol: 2e-6 };

/** Shapes that take each turn of the code within the memory that the emulation has. */
const shapes: readonly UnitShape[] = [
  { rows: 64, cols: 128, subgroupRows: 2, subgroupCols: 4, depth: 16, buffers: 1 },
  { rows: 64, cols: 32, subgroupRows: 2, subgroupCols: 1, depth: 16, buffers: 2 },
  { rows: 32, cols: 64, subgroupRows: 1, subgroupCols: 4, depth: 48, buffers: 1 },
];
const sizes = {
  plain: [],
  /** 3 x 3, padded, of images of 7 x 6 with C channels to O. */
  conv: (C: number, O: number) =>
    Object.entries({
      ...{ C, O, kernelW: 3, inH: 7, inW: 6, outH: 4, outW: 6 },
      ...{ strideH: 2, strideW: 1, dilationH: 1, dilationW: 1, padH: 1, padW: 1 },
    }).map(([name, value]) => [name, "i32", value] as const),
};

/** A product by its operands' shapes, perhaps in parts; `packed` keeps b as halves in memory. */
type Case = Omit<GatheredProduct, "a" | "b"> & {
  readonly a: number[];
  readonly b: number[];
  readonly splits?: number;
  readonly packed?: true;
};

const cases: readonly Case[] = [
  { m: 1, n: 1, k: 1, kindA: "deep", kindB: "outer", a: [1, 1], b: [1, 1] },
  { m: 130, n: 66, k: 37, kindA: "deep", kindB: "outer", a: [130, 37], b: [37, 66] },
  { m: 67, n: 260, k: 52, kindA: "deep", kindB: "outer", a: [67, 52], b: [52, 260] },
  { m: 17, n: 80, k: 52, kindA: "deep", kindB: "outer", a: [17, 52], b: [52, 80], packed: true },
  { m: 68, n: 72, k: 132, kindA: "outer", kindB: "deep", a: [132, 68], b: [72, 132] },
  { m: 17, n: 19, k: 33, kindA: "outer", kindB: "deep", a: [33, 17], b: [19, 33] },
  ...[4, 5].map(
    (C): Case => ({
      ...{ m: 2 * 24, n: 8, k: 9 * C, kindA: "patches", kindB: "outer", sizes: sizes.conv(C, 8) },
      ...{ a: [2, 7, 6, C], b: [9 * C, 8] },
    }),
  ),
  ...[8, 6].map(
    (O): Case => ({
      ...{ m: 2 * 42, n: 5, k: 9 * O, kindA: "spread", kindB: "filter", sizes: sizes.conv(5, O) },
      ...{ a: [2, 4, 6, O], b: [3, 3, 5, O] },
    }),
  ),
  ...[4, 5].map(
    (C): Case => ({
      ...{ m: 9 * C, n: 7, k: 2 * 24, kindA: "taps", kindB: "outer", splits: 3, sizes: sizes.conv(C, 7) },
      ...{ a: [2, 7, 6, C], b: [2 * 24, 7] },
    }),
  ),
  {
    ...{ m: 21, n: 24, k: 20, kindA: "deep", kindB: "outer", batch: 3, strideA: 420, strideB: 480 },
    ...{ a: [3, 21, 20], b: [3, 20, 24] },
  },
];

describeOnBackends(
  "products on matrix units, emulated",
  () => {
    beforeAll(async () => {
      const report = await useWebgpuPrecision("f16", { emulate: true });
      expect(report).toMatchObject({ precision: "f16", matrixUnits: true });
      expect(report.reason).toMatch(/products and attention run on .*emulated.*checked/);
    });
    afterAll(async () => void (await useWebgpuPrecision("f32")));

    for (const [index, { a: shapeA, b: shapeB, splits = 1, packed, ...rest }] of cases.entries()) {
      const { m, n, k, kindA, kindB } = rest;
      it(`are those of the rounded operands: ${kindA}, ${kindB}, ${m} x ${n} x ${k}, case ${index}`, async () => {
        const backend = tf.backend() as unknown as ShaderBackend;
        const [a, b] = [seededTensor(shapeA, "a", -2, 2), seededTensor(shapeB, "b", -2, 2)];
        const product = (left: tf.Tensor, right: tf.Tensor, half: boolean): tf.Tensor =>
          tf.engine().makeTensorFromTensorInfo(runGathered(backend, { ...rest, a: left, b: right, half }));
        const want = product(toHalves(a), toHalves(b), false);
        const { right } = packed ? await toHalfStorage({ right: b }) : { right: b };
        expect(holdsHalves(backend, right!)).toBe(packed === true);
        // Shaders take long to compile here: one case sees every shape, the others take turns.
        for (const shape of index === 1 ? shapes : [shapes[index % shapes.length]!]) {
          const form: ProductForm = { kind: "units", shape, splits };
          const got = withFormChooser(
            () => form,
            () => product(a, right!, true),
          );
          await expectClose(got, want, otherOrder);
        }
      });
    }

    for (const [name, f, inputShapes] of [
      [
        "linear with GELU",
        ({ a, b, c }: Params) => linear(a!, b!, c!, { activation: "gelu" }),
        [[2, 21, 33], [33, 50], [50]],
      ],
      [
        "linearResidual",
        ({ a, b, c, d, e }: Params) => linearResidual(a!, b!, { w: c!, b: d!, gamma: e! }),
        [[70, 48], [70, 36], [36, 48], [48], [48]],
      ],
      ["swiglu", ({ a, b, c }: Params) => swiglu(a!, b!, c!), [[2, 21, 36], [36, 136], [136]]],
      ["swiglu, odd", ({ a, b, c }: Params) => swiglu(a!, b!, c!), [[9, 7], [7, 38], [38]]],
      [
        "conv2d",
        ({ a, b, c }: Params) => conv2d(a as tf.Tensor4D, b as tf.Tensor4D, c, { padding: 1 }),
        [[1, 7, 6, 5], [3, 3, 5, 8], [8]],
      ],
    ] as const) {
      it(`do what follows them: ${name}`, async () => {
        const inputs = Object.fromEntries(
          inputShapes.map((shape, i) => [
            "abcde"[i]!,
            toHalves(seededTensor([...shape], "abcde"[i]!, -2, 2)),
          ]),
        );
        const seen: boolean[] = [];
        const got = withFormChooser(
          (_, { half }) => void seen.push(half),
          () => f(inputs),
        );
        expect(seen).toEqual([true]);
        const want = withReferenceKernels(() => f(inputs));
        await expectClose(got, want, otherOrder);
        await expectNoTensorGrowth(() => f(inputs));
      });
    }

    it("are not used where a gradient is recorded or computed", async () => {
      const inputs = { a: seededTensor([9, 33], "a", -2, 2), b: seededTensor([33, 50], "b", -2, 2) };
      const loss = ({ a, b }: Params): tf.Scalar => tf.sum(linear(a!, b!, undefined, { activation: "gelu" }));
      const seen = new Set<boolean>();
      const { value } = withFormChooser(
        (_, { half }) => void seen.add(half),
        () => valueAndGrad(loss, inputs),
      );
      expect([...seen]).toEqual([false]);
      const exact = withReferenceKernels(() => loss(inputs));
      await expectClose(value, exact, { rtol: 1e-6, atol: 1e-5 });
    });

    it("take large tiles where there are groups enough, and only forms that fit", () => {
      const backend = tf.backend() as unknown as ShaderBackend;
      withFormChooser(
        (_, problem) => {
          const many = { ...problem, m: 1370 * 8, n: 4096, k: 1024 };
          expect(likelyForm(backend, many)).toMatchObject({ kind: "units", shape: { rows: 128, cols: 128 } });
          expect(likelyForm(backend, problem)).toMatchObject({
            kind: "units",
            shape: { rows: 64, cols: 64 },
          });
          expect(likelyForm(backend, { ...many, half: false })).toEqual({
            ...{ kind: "single", tile: { rows: 128, cols: 128 } },
          });
          expect(formsOf(backend, many).length).toBe(2);
          return undefined;
        },
        () => tf.tidy(() => linear(tf.zeros([5, 4]), tf.zeros([4, 3]))),
      );
    });
  },
  { backends: ["webgpu"] },
);
