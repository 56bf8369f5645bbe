import * as testKit from "@glof/test-kit";
import { countDispatches, describeOnBackends, expectClose } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { withReferenceKernels } from "../kernels/door.js";
import { convBatchNorm } from "../ops/conv_batch_norm.js";
import { conv2d } from "../ops/conv2d.js";
import { linear } from "../ops/linear.js";
import { linearResidual } from "../ops/linear_residual.js";
import { seededTensor } from "../testing/directional_gradient.js";
import { expectParity, type ParityCase } from "../testing/expect_parity.js";
import { withFormChooser } from "./product_choice.js";
import { formName, formsOf, likelyForm } from "./product_form.js";
import { toHalfStorage } from "./to_half_storage.js";

/** Few results and long sums, forwards or in the gradient of the weights. */
const cases: readonly ParityCase[] = [
  [
    "a row to a number",
    ({ a, b }) => linear(a!, b!),
    [
      [1, 1100],
      [1100, 1],
    ],
  ],
  [
    "bias and ReLU",
    ({ a, b, c }) => linear(a!, b!, c!, { activation: "relu" }),
    [[2, 5, 1100], [1100, 7], [7]],
  ],
  [
    "bias and GELU, more results than a group adds",
    ({ a, b, c }) => linear(a!, b!, c!, { activation: "gelu" }),
    [[9, 800], [800, 24], [24]],
  ],
  [
    "bias, scale and residual",
    ({ a, b, c, d, e }) => linearResidual(a!, b!, { w: c!, b: d!, gamma: e! }),
    [[3, 8], [3, 800], [800, 8], [8], [8]],
  ],
  ["gradients of weights", ({ a, b, c }) => linear(a!, b!, c!), [[1300, 9], [9, 12], [12]]],
  [
    "gradient of a filter",
    ({ a, b }) => conv2d(a as tf.Tensor4D, b as tf.Tensor4D, undefined, { padding: 1 }),
    [
      [1, 29, 27, 3],
      [3, 3, 3, 5],
    ],
  ],
];

/** The forms that a piece of work is computed in. */
function formsIn(work: () => tf.Tensor): string[] {
  const names: string[] = [];
  withFormChooser((backend, problem) => {
    names.push(formName(likelyForm(backend, problem)));
    return undefined;
  }, work).dispose();
  return names;
}

describeOnBackends(
  "products in parts",
  () => {
    it.each(cases)("give the values and gradients of the composition: %s", async (name, f, shapes) => {
      // Long sums lose digits in any order: they are kept near 1.
      const small: ParityCase = [name, (inputs) => tf.tidy(() => tf.mul(f(inputs), 0.03)), shapes];
      await expectParity(small, testKit);
    });

    it("are made where groups are few and sums long, and take a pass more", async () => {
      const product = (k: number) => () => tf.tidy(() => linear(tf.zeros([5, k]), tf.zeros([k, 7])));
      expect(formsIn(product(1030))).toEqual(["single 64x64 in 4"]);
      expect(formsIn(product(767))).toEqual(["single 64x64"]);
      expect(await countDispatches(product(1030))).toBe((await countDispatches(product(767))) + 1);
      withFormChooser((backend, problem) => {
        const formFor = (m: number, k: number, n: number): string =>
          formName(likelyForm(backend, { ...problem, m, k, n }));
        // A layer of ViT-S on 1370 tokens, its end, and the gradient of a weight.
        expect(formFor(1370, 384, 1536)).toBe("single 128x128");
        expect(formFor(1370, 1536, 384)).toBe("single 64x64");
        expect(formFor(384, 1370, 384)).toBe("single 64x64 in 5");
        return undefined;
      }, product(5)).dispose();
    });

    it("are offered to the tuner in square tiles", () => {
      withFormChooser(
        (backend, problem) => {
          const names = formsOf(backend, problem).map(formName);
          expect(names.filter((name) => name.includes(" in "))).toEqual([
            "single 64x64 in 4",
            "single 128x128 in 4",
          ]);
          return undefined;
        },
        () => tf.tidy(() => linear(tf.zeros([70, 1030]), tf.zeros([1030, 7]))),
      );
    });

    it("end with a batch norm", async () => {
      const x = seededTensor([1, 4, 5, 90], "x") as tf.Tensor4D;
      const w = seededTensor([3, 3, 90, 6], "w") as tf.Tensor4D;
      const row = (name: string): tf.Tensor => seededTensor([6], name, 0.5, 2);
      const norm = { weight: row("a"), bias: row("b"), runningMean: row("c"), runningVar: row("d") };
      const run = (): tf.Tensor => convBatchNorm(x, w, row("e"), norm, { activation: "relu" });
      expect(formsIn(run)).toEqual(["single 64x64 in 3"]);
      await expectClose(run(), withReferenceKernels(run), { rtol: 2e-5, atol: 2e-5 });
    });

    it("read weights that are kept as halves", async () => {
      const [x, single] = [seededTensor([3, 1030], "x"), seededTensor([1030, 8], "w")];
      const { w } = await toHalfStorage({ w: single });
      const run = (): tf.Tensor => linear(x, w!);
      expect(formsIn(run)).toEqual(["single 64x64 in 4"]);
      await expectClose(run(), withReferenceKernels(run), { rtol: 2e-5, atol: 2e-5 });
    });

    it("repeat to the bit", async () => {
      const [x, w] = [seededTensor([5, 5000], "x"), seededTensor([5000, 7], "w")];
      const first = await linear(x, w).data();
      await expectClose(linear(x, w), first, { rtol: 0, atol: 0 });
    });
  },
  { backends: ["webgpu"] },
);
