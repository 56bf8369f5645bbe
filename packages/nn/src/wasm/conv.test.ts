import { seededRng } from "@glof/core";
import { expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, it } from "vitest";
import { forEachTap } from "./testing/reference_products.js";
import { randomValues, startWasm } from "./testing/test_backend.js";

beforeAll(() => startWasm());

interface Case {
  readonly x: [number, number, number, number];
  readonly filter: [number, number, number, number];
  readonly strides: [number, number];
  readonly pad: "same" | "valid" | [[0, 0], [number, number], [number, number], [0, 0]];
  readonly dilations: [number, number];
}

const plain = { strides: [1, 1], pad: "same", dilations: [1, 1] } as const;

function fixedCases(): Case[] {
  return [
    { x: [1, 5, 5, 1], filter: [1, 1, 1, 1], ...plain, strides: [1, 1], dilations: [1, 1] },
    { x: [2, 28, 28, 3], filter: [14, 14, 3, 10], strides: [14, 14], pad: "valid", dilations: [1, 1] },
    { x: [1, 20, 21, 100], filter: [3, 3, 100, 20], strides: [1, 1], pad: "same", dilations: [1, 1] },
    { x: [2, 33, 17, 16], filter: [3, 3, 16, 16], strides: [1, 1], pad: "same", dilations: [1, 1] },
    { x: [1, 9, 9, 7], filter: [2, 2, 7, 5], strides: [2, 2], pad: "valid", dilations: [1, 1] },
    {
      x: [1, 6, 7, 3],
      filter: [3, 2, 3, 4],
      strides: [1, 1],
      pad: [
        [0, 0],
        [3, 4],
        [2, 0],
        [0, 0],
      ],
      dilations: [1, 1],
    },
    { x: [1, 12, 13, 5], filter: [3, 3, 5, 6], strides: [1, 1], pad: "same", dilations: [2, 3] },
    { x: [2, 7, 5, 37], filter: [1, 1, 37, 1], strides: [1, 1], pad: "same", dilations: [1, 1] },
    { x: [1, 90, 91, 19], filter: [1, 1, 19, 1], strides: [1, 1], pad: "valid", dilations: [1, 1] },
    {
      // Of the same size, and not pixel by pixel.
      x: [1, 3, 3, 4],
      filter: [1, 1, 4, 1],
      strides: [2, 2],
      pad: [
        [0, 0],
        [1, 1],
        [1, 1],
        [0, 0],
      ],
      dilations: [1, 1],
    },
  ];
}

function randomCases(count: number): Case[] {
  const rng = seededRng("convolutions");
  return Array.from({ length: count }, () => {
    const [c, o] = [1 + rng.int(20), 1 + rng.int(20)];
    const [kh, kw] = [1 + rng.int(4), 1 + rng.int(4)];
    return {
      x: [1 + rng.int(3), kh + rng.int(12), kw + rng.int(12), c],
      filter: [kh, kw, c, o],
      strides: [1 + rng.int(3), 1 + rng.int(3)],
      pad: rng.int(2) ? "same" : "valid",
      dilations: [1, 1],
    };
  });
}

function reference(test: Case) {
  const info = tf.backend_util.computeConv2DInfo(
    test.x,
    test.filter,
    test.strides,
    test.dilations,
    test.pad as "same",
  );
  const x = randomValues(test.x, 1);
  const filter = randomValues(test.filter, 2);
  const dy = randomValues(info.outShape, 3);
  const y = new Float64Array(dy.length);
  const dx = new Float64Array(x.length);
  const dFilter = new Float64Array(filter.length);
  forEachTap(info, (i, j, k) => {
    y[k]! += x[i]! * filter[j]!;
    dx[i]! += dy[k]! * filter[j]!;
    dFilter[j]! += x[i]! * dy[k]!;
  });
  return { info, x, filter, dy, y, dx, dFilter };
}

function attrsOf({ strides, pad, dilations }: Case): tf.NamedAttrMap {
  return { strides, pad: pad as "same", dilations, dataFormat: "NHWC" } as unknown as tf.NamedAttrMap;
}

async function expectKernel(
  name: string,
  inputs: Record<string, tf.Tensor>,
  attrs: tf.NamedAttrMap,
  want: ArrayLike<number>,
): Promise<void> {
  const got = tf.engine().runKernel(name, inputs, attrs) as tf.Tensor;
  await expectClose(got, want, { atol: 5e-5, rtol: 1e-4 });
  tf.dispose([got, ...Object.values(inputs)]);
}

describe("convolution on wasm", () => {
  const cases = [...fixedCases(), ...randomCases(25)];

  it.each(cases)("forward: x $x, filter $filter, strides $strides, $pad", async (test) => {
    const { x, filter, y } = reference(test);
    const inputs = { x: tf.tensor4d(x, test.x), filter: tf.tensor4d(filter, test.filter) };
    await expectKernel("Conv2D", inputs, attrsOf(test), y);
  });

  it.each(cases)("dFilter: x $x, filter $filter, strides $strides, $pad", async (test) => {
    const { info, x, dy, dFilter } = reference(test);
    const inputs = { x: tf.tensor4d(x, test.x), dy: tf.tensor4d(dy, info.outShape) };
    await expectKernel(
      "Conv2DBackpropFilter",
      inputs,
      { ...attrsOf(test), filterShape: test.filter },
      dFilter,
    );
  });

  it.each(cases)("dx: x $x, filter $filter, strides $strides, $pad", async (test) => {
    const { info, filter, dy, dx } = reference(test);
    const inputs = { dy: tf.tensor4d(dy, info.outShape), filter: tf.tensor4d(filter, test.filter) };
    await expectKernel("Conv2DBackpropInput", inputs, { ...attrsOf(test), inputShape: test.x }, dx);
  });

  it("adds a bias and applies an activation", async () => {
    const test = fixedCases()[3]!;
    const { x, filter, y } = reference(test);
    const bias = randomValues([16], 9);
    const want = y.map((v, i) => Math.min(6, Math.max(0, v + bias[i % 16]!)));
    const inputs = {
      x: tf.tensor4d(x, test.x),
      filter: tf.tensor4d(filter, test.filter),
      bias: tf.tensor1d(bias),
    };
    await expectKernel("FusedConv2D", inputs, { ...attrsOf(test), activation: "relu6" }, want);
  });

  it("leaves no tensor behind", async () => {
    await expectNoTensorGrowth(() =>
      tf.tidy(() =>
        tf.conv2d(tf.ones<tf.Rank.R4>([1, 8, 8, 3]), tf.ones<tf.Rank.R4>([3, 3, 3, 4]), 1, "same"),
      ),
    );
  });
});
