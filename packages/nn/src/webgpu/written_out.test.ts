import * as testKit from "@glof/test-kit";
import { describeOnBackends } from "@glof/test-kit";
import type * as tf from "@tensorflow/tfjs-core";
import { expect, it, vi } from "vitest";
import { multiHeadAttention } from "../ops/attention.js";
import { layerNorm } from "../ops/layer_norm.js";
import { linear } from "../ops/linear.js";
import { expectParity, type ParityCase } from "../testing/expect_parity.js";
import { withFormChooser } from "./product_choice.js";

// What hardware gets, loops written out, with real numbers: a driver compiles it slowly here, so that cases are few and small.
const isHardware = vi.hoisted(() => vi.fn(() => true));
vi.mock("./dispatch.js", async (original) => ({
  ...(await original<typeof import("./dispatch.js")>()),
  isHardware,
}));

const cases: readonly ParityCase[] = [
  ["linear in tiles of 64", ({ a, b, c }) => linear(a!, b!, c!), [[70, 20], [20, 9], [9]]],
  [
    "linear in tiles of 128 x 64",
    ({ a, b }) =>
      withFormChooser(
        () => ({ kind: "single", tile: { rows: 128, cols: 64 } }),
        () => linear(a!, b!),
      ),
    [
      [9, 20],
      [20, 68],
    ],
  ],
  ["attention", ({ a }) => multiHeadAttention(a as tf.Tensor3D, 2), [[1, 70, 3 * 2 * 8]]],
  ["layerNorm", ({ a, b, c }) => layerNorm(a!, b!, c!), [[9, 300], [300], [300]]],
];

describeOnBackends(
  "shaders with loops written out",
  () => {
    it.each(cases)("give the values and gradients of the composition: %s", async (...parity) => {
      await expectParity(parity, testKit);
      expect(isHardware).toHaveBeenCalled();
    });
  },
  { backends: ["webgpu"] },
);
