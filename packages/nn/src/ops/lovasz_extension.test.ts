import { seededRng } from "@glof/core";
import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { withReferenceKernels } from "../kernels/door.js";
import { lovaszExtension } from "./lovasz_extension.js";
import type { LovaszOptions } from "./lovasz_types.js";

interface Pixels {
  readonly scores: number[];
  readonly labels: number[];
}

/** Algorithm 1 of the paper in double precision, by differences of the Jaccard loss. */
function byThePaper({ scores, labels }: Pixels, { form, ignore, scale }: LovaszOptions) {
  const signs = labels.map((label) => (label === 1 ? 1 : -1));
  const errors = scores.map((score, at) => Math.fround(form === "hinge" ? 1 - score * signs[at]! : score));
  const order = errors.map((_, at) => at).filter((at) => labels[at] !== ignore);
  order.sort((a, b) => errors[b]! - errors[a]! || 0);
  const positives = order.filter((at) => labels[at] === 1).length;
  let [seenTrue, seenOther, before, value] = [0, 0, 0, 0];
  const derivative = scores.map(() => 0);
  for (const at of order) {
    if (labels[at] === 1) seenTrue++;
    else seenOther++;
    const loss = 1 - (positives - seenTrue) / (positives + seenOther);
    const slope = loss - before;
    before = loss;
    if (errors[at]! <= 0) continue;
    value += errors[at]! * slope;
    derivative[at] = slope * scale * (form === "hinge" ? -signs[at]! : 1);
  }
  return { value, derivative };
}

function pixels(count: number, seed: number, labelOf: (draw: number) => number): Pixels {
  const rng = seededRng(seed);
  const scores = Array.from({ length: count }, () => Math.fround(rng.uniform(-2, 2)));
  return { scores, labels: scores.map(() => labelOf(rng.uniform(0, 1))) };
}

const mixed = (draw: number): number => (draw < 0.3 ? 1 : draw < 0.8 ? 0 : 255);
const hinge: LovaszOptions = { form: "hinge", ignore: 255, scale: 0.5 };

const cases: readonly (readonly [string, readonly Pixels[], LovaszOptions])[] = [
  ["one pixel, true", [{ scores: [0.25], labels: [1] }], hinge],
  ["one pixel, not true", [{ scores: [0.25], labels: [0] }], hinge],
  ["nothing counts", [pixels(70, 1, () => 255)], hinge],
  ["no true pixel", [pixels(300, 2, (draw) => (draw < 0.5 ? 0 : 255))], hinge],
  ["only true pixels", [pixels(300, 3, () => 1)], hinge],
  ["nothing is wrong", [{ scores: [3, -3, 2], labels: [1, 0, 1] }], hinge],
  [
    "all errors equal",
    [{ scores: new Array<number>(500).fill(0), labels: pixels(500, 4, mixed).labels }],
    hinge,
  ],
  [
    "errors themselves, nothing ignored",
    [pixels(600, 5, (draw) => (draw < 0.4 ? 1 : 0))],
    { ...hinge, form: "error", ignore: null },
  ],
  ["errors themselves, some ignored", [pixels(600, 6, mixed)], { ...hinge, form: "error", scale: 1 }],
  [
    "three rows of more than a tile",
    [pixels(4500, 7, mixed), pixels(4500, 8, () => 0), pixels(4500, 9, mixed)],
    hinge,
  ],
];

describeOnBackends("lovaszExtension", (backend) => {
  const compute = (rows: readonly Pixels[], options: LovaszOptions) => {
    const scores = tf.tensor2d(rows.map((row) => row.scores));
    const labels = tf.tensor2d(rows.map((row) => row.labels));
    return lovaszExtension(scores, labels, options);
  };

  it.each(cases)("is that of the paper: %s", async (_, rows, options) => {
    const { value, derivative } = compute(rows, options);
    const want = rows.map((row) => byThePaper(row, options));
    await expectClose(
      value,
      want.map((one) => one.value),
      { atol: 1e-6, rtol: 1e-5 },
    );
    await expectClose(
      derivative,
      want.flatMap((one) => one.derivative),
      { atol: 1e-8, rtol: 1e-5 },
    );
  });

  it("gives the same composed of plain operations", async () => {
    const rows = [pixels(700, 10, mixed), pixels(700, 11, mixed)];
    for (const options of [hinge, { ...hinge, form: "error" } as const]) {
      const fast = compute(rows, options);
      const reference = withReferenceKernels(() => compute(rows, options));
      await expectClose(fast.value, reference.value, { atol: 1e-6, rtol: 1e-5 });
      await expectClose(fast.derivative, reference.derivative, { atol: 1e-7, rtol: 1e-4 });
    }
  });

  it("shows NaN and infinite errors in the value, and keeps the slopes finite", async () => {
    const labels = [1, 0, 1, 0];
    for (const score of [Number.NaN, Number.NEGATIVE_INFINITY]) {
      const { value, derivative } = compute([{ scores: [score, 0.5, 2, -3], labels }], hinge);
      const [got] = await value.data();
      expect(got).toBe(Number.isNaN(score) ? Number.NaN : Number.POSITIVE_INFINITY);
      // The first pixel comes first: 1 / 2; the second leaves one of two true pixels out of a union of three.
      await expectClose(derivative, [-0.25, 0.5 / 6, 0, 0], { atol: 1e-7, rtol: 1e-5 });
    }
    const ignored = compute([{ scores: [Number.NaN, 0.5], labels: [255, 0] }], hinge);
    await expectClose(ignored.value, [1.5]);
  });

  it("is right on a large image", async () => {
    const count = { cpu: 268_324, wasm: 1_073_296, webgpu: 15_000 }[backend];
    const row = pixels(count, 12, mixed);
    const { value, derivative } = compute([row], hinge);
    const want = byThePaper(row, hinge);
    await expectClose(value, [want.value], { atol: 1e-6, rtol: 1e-5 });
    await expectClose(derivative, want.derivative, { atol: 1e-9, rtol: 1e-4 });
    tf.dispose([value, derivative]);
  });

  it("leaves no tensor behind", async () => {
    const [scores, labels] = [tf.tensor2d([[0.5, 2, -1]]), tf.tensor2d([[1, 0, 255]])];
    const work = () => Object.values(lovaszExtension(scores, labels, hinge));
    await expectNoTensorGrowth(work);
    await expectNoTensorGrowth(() => withReferenceKernels(work));
  });
});
