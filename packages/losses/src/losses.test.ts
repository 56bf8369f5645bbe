import { isGlofError } from "@glof/core";
import { valueAndGrad, withReferenceKernels } from "@glof/nn";
import { describeOnBackends, expectClose, expectNoTensorGrowth, tolerances } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import {
  bceWithLogits,
  crossEntropy,
  diceLoss,
  focalLoss,
  jaccardLoss,
  type Loss,
  lovaszHinge,
  lovaszSoftmax,
  mccLoss,
  tverskyLoss,
  weightedSum,
} from "./index.js";

/** Values without ties, so that sorting is stable under small changes. */
const spread = (count: number, seed: number): number[] =>
  Array.from({ length: count }, (_, index) => 2 * Math.sin(12.9898 * (index + 1) + 7.1 * seed));

const numbered = (count: number): number[] => Array.from({ length: count }, (_, index) => 1 + index);

const binaryTarget = [1, 0, 255, 1, 0, 0, 1, 255, 0, 1, 0, 1];
const classTarget = [0, 2, 255, 1, 2, 0];

/** Every loss with a target that has ignored pixels: name, loss, whether it knows classes. */
const losses: readonly (readonly [name: string, loss: Loss, mode: "binary" | "multiclass"])[] = [
  ["lovaszHinge", lovaszHinge, "binary"],
  ["lovaszHinge per image", (x, t) => lovaszHinge(x, t, { perImage: true }), "binary"],
  ["diceLoss", (x, t) => diceLoss(x, t, { smooth: 1 }), "binary"],
  ["jaccardLoss, log", (x, t) => jaccardLoss(x, t, { logLoss: true }), "binary"],
  ["tverskyLoss", (x, t) => tverskyLoss(x, t, { alpha: 0.3, beta: 0.7, gamma: 1.5 }), "binary"],
  ["focalLoss", (x, t) => focalLoss(x, t, { alpha: 0.25 }), "binary"],
  ["focalLoss, normalized", (x, t) => focalLoss(x, t, { normalized: true }), "binary"],
  ["bceWithLogits", (x, t) => bceWithLogits(x, t, { posWeight: [3], smoothFactor: 0.1 }), "binary"],
  ["mccLoss", mccLoss, "binary"],
  ["lovaszSoftmax", lovaszSoftmax, "multiclass"],
  ["lovaszSoftmax, all", (x, t) => lovaszSoftmax(x, t, { classes: "all", perImage: true }), "multiclass"],
  ["diceLoss, classes", (x, t) => diceLoss(x, t, { mode: "multiclass", classes: [0, 2] }), "multiclass"],
  ["focalLoss, classes", (x, t) => focalLoss(x, t, { mode: "multiclass" }), "multiclass"],
  ["crossEntropy", (x, t) => crossEntropy(x, t, { labelSmoothing: 0.1, weight: [1, 2, 0.5] }), "multiclass"],
];

const unitVectors = (length: number): number[][] =>
  Array.from({ length }, (_, one) => Array.from({ length }, (_, index) => (index === one ? 1 : 0)));

const logitsFor = (mode: "binary" | "multiclass"): { values: number[]; shape: number[] } =>
  mode === "binary"
    ? { values: spread(12, 1), shape: [2, 2, 3, 1] }
    : { values: spread(18, 2), shape: [2, 1, 3, 3] };

const targetFor = (mode: "binary" | "multiclass"): tf.Tensor =>
  mode === "binary" ? tf.tensor(binaryTarget, [2, 2, 3, 1]) : tf.tensor(classTarget, [2, 1, 3]);

const read = async (scalar: tf.Tensor): Promise<number> => (await scalar.data())[0]!;

describeOnBackends("losses", (backend) => {
  it.each(losses)("%s: its gradient is that of finite differences", async (_, loss, mode) => {
    const { values, shape } = logitsFor(mode);
    const target = targetFor(mode);
    const { grads } = valueAndGrad(({ x }) => loss(x!, target), { x: tf.tensor(values, shape) });
    const slopes = await grads.x!.data();
    const step = 1e-2;
    for (const direction of backend === "cpu"
      ? unitVectors(values.length)
      : [spread(values.length, 9).map((part) => part / 5)]) {
      const at = (size: number): Promise<number> =>
        read(
          loss(
            tf.tensor(
              values.map((value, index) => value + size * direction[index]!),
              shape,
            ),
            target,
          ),
        );
      const numeric = ((await at(step)) - (await at(-step))) / (2 * step);
      const along = direction.reduce((sum, part, index) => sum + part * slopes[index]!, 0);
      await expectClose(along, numeric, { atol: 5e-4, rtol: 5e-3 });
    }
  });

  it.each(losses)("%s: ignored pixels change nothing and get no gradient", async (_, loss, mode) => {
    const { values, shape } = logitsFor(mode);
    const target = targetFor(mode);
    const perPixel = mode === "binary" ? 1 : 3;
    const ignored = (mode === "binary" ? binaryTarget : classTarget).map((label) => label === 255);
    const other = values.map((value, index) => (ignored[Math.floor(index / perPixel)] ? 50 : value));
    const value = await read(loss(tf.tensor(values, shape), target));
    expect(await read(loss(tf.tensor(other, shape), target))).toBeCloseTo(value, 5);
    const { grads } = valueAndGrad(({ x }) => loss(x!, target), { x: tf.tensor(values, shape) });
    const slopes = await grads.x!.data();
    for (const [index, slope] of slopes.entries()) {
      if (ignored[Math.floor(index / perPixel)]) expect(Math.abs(slope)).toBe(0);
    }
  });

  it.each(losses)(
    "%s: a target with nothing to count gives a finite loss and no gradient",
    async (_, loss, mode) => {
      const { values, shape } = logitsFor(mode);
      const target = tf.fill(mode === "binary" ? [2, 2, 3, 1] : [2, 1, 3], 255);
      const { value, grads } = valueAndGrad(({ x }) => loss(x!, target), { x: tf.tensor(values, shape) });
      expect(await read(value)).toSatisfy(Number.isFinite);
      await expectClose(grads.x!, tf.zeros(shape), { atol: 1e-7, rtol: 0 });
    },
  );

  it.each(losses)("%s: leaves no tensor behind", async (_, loss, mode) => {
    const { values, shape } = logitsFor(mode);
    const target = targetFor(mode);
    const x = tf.tensor(values, shape);
    await expectNoTensorGrowth(() => loss(x, target));
    await expectNoTensorGrowth(() => {
      const { value, grads } = valueAndGrad((params) => loss(params.x!, target), { x });
      tf.dispose([value, { ...grads }]);
    });
  });

  it("gives values worked by hand", async () => {
    // Errors 1 - x s: 0.5 (true), 1.2 (other), 0 (true). Sorted: 1.2, 0.5, 0. Jaccard grows by 2/(2*3), 1/3.
    const logits = tf.tensor1d([0.5, 0.2, 1]);
    const target = tf.tensor1d([1, 0, 1]);
    expect(await read(lovaszHinge(logits, target))).toBeCloseTo(1.2 / 3 + 0.5 / 3, 5);
    // p = 1/2 everywhere: I = 1, sum p = 1.5, sum t = 2.
    const even = tf.zeros([3]);
    expect(await read(diceLoss(even, target))).toBeCloseTo(1 - 2 / 3.5, 5);
    expect(await read(jaccardLoss(even, target))).toBeCloseTo(1 - 1 / 2.5, 5);
    expect(await read(bceWithLogits(even, target))).toBeCloseTo(Math.log(2), 5);
    expect(await read(focalLoss(even, target))).toBeCloseTo(Math.log(2) / 4, 5);
    expect(await read(crossEntropy(tf.zeros([1, 1, 2, 4]), tf.tensor([3, 0], [1, 1, 2])))).toBeCloseTo(
      Math.log(4),
      5,
    );
    const sure = tf.tensor1d([60, -60, 60]);
    expect(await read(mccLoss(sure, target))).toBeCloseTo(0, 4);
    expect(await read(lovaszHinge(sure, target))).toBe(0);
  });

  it("sums with weights, values and gradients alike", async () => {
    const x = tf.tensor(spread(12, 3), [2, 2, 3, 1]);
    const target = targetFor("binary");
    const parts = [lovaszHinge, diceLoss, bceWithLogits] as const;
    const weights = [0.5, 0.3, 0.2];
    const sum = weightedSum(parts.map((loss, index) => [weights[index]!, (a, b) => loss(a, b)] as const));
    const whole = valueAndGrad((params) => sum(params.x!, target), { x });
    const single = parts.map((loss) => valueAndGrad((params) => loss(params.x!, target), { x }));
    const expected = tf.tidy(() =>
      single.map(({ grads }, index) => tf.mul(grads.x!, weights[index]!)).reduce((a, b) => tf.add(a, b)),
    );
    await expectClose(whole.grads.x!, expected, tolerances.tight);
    const values = await Promise.all(single.map(({ value }) => read(value)));
    expect(await read(whole.value)).toBeCloseTo(
      values.reduce((a, value, index) => a + value * weights[index]!, 0),
      5,
    );
  });

  it.each<readonly [string, Loss]>([
    ["bceWithLogits", bceWithLogits],
    ["bceWithLogits, sum", (x, t) => bceWithLogits(x, t, { reduction: "sum", posWeight: [2.5] })],
    ["bceWithLogits, over all", (x, t) => bceWithLogits(x, t, { normalizeBy: "all", smoothFactor: 0.2 })],
    ["bceWithLogits, nothing ignored", (x, t) => bceWithLogits(x, tf.clipByValue(t, 0, 1), { ignore: null })],
    ["diceLoss", (x, t) => diceLoss(x, t, { smooth: 1 })],
    ["jaccardLoss, log", (x, t) => jaccardLoss(x, t, { logLoss: true })],
    ["tverskyLoss", (x, t) => tverskyLoss(x, t, { alpha: 0.3, beta: 0.7, gamma: 1.5 })],
    ["mccLoss", mccLoss],
    ["mccLoss, nothing ignored", (x, t) => mccLoss(x, tf.clipByValue(t, 0, 1), { ignore: null, epsilon: 1 })],
    ["focalLoss", focalLoss],
    ["focalLoss, weighted", (x, t) => focalLoss(x, t, { alpha: 0.25, gamma: 1.5, reduction: "sum" })],
    ["focalLoss, normalized", (x, t) => focalLoss(x, t, { normalized: true, gamma: 1 })],
    ["focalLoss, reduced", (x, t) => focalLoss(x, t, { reducedThreshold: 0.5, alpha: 0.7 })],
    ["focalLoss, power 0", (x, t) => focalLoss(x, t, { gamma: 0 })],
  ])("%s: the same fused and composed of plain operations", async (_, loss) => {
    for (const count of [1, 4099]) {
      // From logits that a sigmoid saturates on to such that it hardly moves, and some that are 0.
      const values = spread(count, 7).map((value, index) =>
        index % 11 === 0 ? 0 : value * 10 ** (index % 4),
      );
      const x = tf.tensor(values, [1, count, 1, 1]);
      const labels = spread(count, 8).map((value) =>
        value > 1 ? 255 : value > 0 ? 1 : value > -1.5 ? 0 : 0.25,
      );
      const target = tf.tensor(labels, [1, count, 1]);
      const gradient = () => valueAndGrad((given) => loss(given.x!, target), { x });
      const [fused, composed] = [gradient(), withReferenceKernels(gradient)];
      await expectClose(fused.value, composed.value, { atol: 1e-6, rtol: 2e-5 });
      const largest = Math.max(...(await composed.grads.x!.data()).map((slope) => Math.abs(slope)));
      await expectClose(fused.grads.x!, composed.grads.x!, { atol: 1e-9 + 4e-7 * largest, rtol: 2e-5 });
    }
  });

  it("has a value for a perfect score that is rounded to more than 1", async () => {
    const x = tf.fill([1, 3, 1, 1], 100);
    const perfect = (given: tf.Tensor) =>
      tverskyLoss(given, tf.ones([1, 3, 1]), { alpha: 0.1, beta: 0.9, gamma: 4 / 3 });
    const gradient = () => valueAndGrad((given) => perfect(given.x!), { x });
    for (const { value, grads } of [gradient(), withReferenceKernels(gradient)]) {
      expect(await read(value)).toBeCloseTo(0, 6);
      await expectClose(grads.x!, tf.zerosLike(x), tolerances.tight);
    }
  });

  it("adds up a million pixels to the last digits", async () => {
    if (backend === "cpu") return;
    const count = backend === "webgpu" ? 100_000 : 1_073_296;
    const values = Float32Array.from(spread(count, 9));
    const target = values.map((_, index) => (index % 3 === 0 ? 1 : 0));
    const [x, t] = [tf.tensor1d(values), tf.tensor1d(target)];
    let [entropy, focal, seen, truth, overlap] = [0, 0, 0, 0, 0];
    for (const [index, value] of values.entries()) {
      const is = target[index]!;
      const one = Math.log1p(Math.exp(is === 1 ? -value : value));
      entropy += one;
      focal += (1 - Math.exp(-one)) ** 2 * one;
      const probability = 1 / (1 + Math.exp(-value));
      seen += probability;
      truth += is;
      overlap += probability * is;
    }
    expect((await read(bceWithLogits(x, t))) / (entropy / count)).toBeCloseTo(1, 6);
    expect((await read(focalLoss(x, t))) / (focal / count)).toBeCloseTo(1, 6);
    expect((await read(diceLoss(x, t))) / (1 - (2 * overlap) / (seen + truth))).toBeCloseTo(1, 5);
    // The intersection of Tversky losses is the sum of min(p, t), which is that of p t for targets of 0 and 1.
    const [tp, fp, fn] = [overlap, seen - overlap, truth - overlap];
    const score = tp / (tp + 0.3 * fp + 0.7 * fn);
    expect((await read(tverskyLoss(x, t, { alpha: 0.3, beta: 0.7 }))) / (1 - score)).toBeCloseTo(1, 5);
    const tn = count - tp - fp - fn;
    const correlation =
      (tp * tn - fp * fn) / Math.sqrt((tp + fp) * (tp + fn)) / Math.sqrt((tn + fp) * (tn + fn));
    expect(await read(mccLoss(x, t))).toBeCloseTo(1 - correlation, 5);
  });

  it("gives maps for reduction none", async () => {
    const logits = tf.tensor(spread(18, 2), [2, 1, 3, 3]);
    const map = crossEntropy(logits, targetFor("multiclass"), { reduction: "none" });
    expect(map.shape).toEqual([2, 1, 3]);
    expect((await map.data())[2]).toBe(0);
    const elements = bceWithLogits(logits, tf.zerosLike(logits), { reduction: "none" });
    expect(elements.shape).toEqual([2, 1, 3, 3]);
    expect(
      focalLoss(logits, targetFor("multiclass"), { mode: "multiclass", reduction: "none" }).shape,
    ).toEqual([2, 1, 3, 3]);
  });
});

/** Where classes have kernels. */
describeOnBackends(
  "losses over classes",
  (backend) => {
    it.each<readonly [string, Loss, boolean]>([
      ["crossEntropy", crossEntropy, false],
      ["crossEntropy, sum", (x, t) => crossEntropy(x, t, { reduction: "sum", labelSmoothing: 0.2 }), false],
      ["crossEntropy, over all", (x, t) => crossEntropy(x, t, { normalizeBy: "all", ignore: null }), false],
      [
        "crossEntropy, weighted",
        (x, t) => crossEntropy(x, t, { weight: numbered(x.shape.at(-1)!), labelSmoothing: 0.1 }),
        false,
      ],
      ["focalLoss", (x, t) => focalLoss(x, t, { mode: "multiclass", normalized: true }), false],
      [
        "focalLoss, several labels",
        (x, t) =>
          focalLoss(x, t, { mode: "multilabel", alpha: 0.3, classWeights: numbered(x.shape.at(-1)!) }),
        true,
      ],
      ["diceLoss", (x, t) => diceLoss(x, t, { mode: "multiclass", smooth: 1, logLoss: true }), false],
      [
        "tverskyLoss, several labels",
        (x, t) => tverskyLoss(x, t, { mode: "multilabel", alpha: 0.3, beta: 0.7, gamma: 1.5 }),
        true,
      ],
      ["lovaszSoftmax", lovaszSoftmax, false],
    ])("%s of classes: the same fused and composed of plain operations", async (_, loss, severalLabels) => {
      for (const [count, classes] of [
        [1, 2],
        [3, 1],
        [1027, 5],
        [130, 70],
      ] as const) {
        const x = tf.tensor(
          spread(count * classes, 7).map((value, index) => value * 10 ** (index % 3)),
          [1, count, 1, classes],
        );
        // The last class number is no class, and a target of several labels may lie between 0 and 1.
        const labels = spread(severalLabels ? count * classes : count, 8).map((value, index) => {
          if (value > 1.5) return 255;
          return severalLabels ? [0, 1, 0.25][index % 3]! : index % (classes + 1);
        });
        const target = tf.tensor(labels, [1, count, 1, ...(severalLabels ? [classes] : [])]);
        const gradient = () => valueAndGrad((given) => loss(given.x!, target), { x });
        const [fused, composed] = [gradient(), withReferenceKernels(gradient)];
        await expectClose(fused.value, composed.value, { atol: 1e-6, rtol: 2e-5 });
        const largest = Math.max(...(await composed.grads.x!.data()).map((slope) => Math.abs(slope)));
        await expectClose(fused.grads.x!, composed.grads.x!, { atol: 1e-9 + 1e-6 * largest, rtol: 2e-5 });
        await expectNoTensorGrowth(() => loss(x, target));
      }
    });

    it("adds up a million pixels of four classes to the last digits", async () => {
      const [count, classes] = [backend === "webgpu" ? 50_000 : 268_324, 4];
      const values = Float32Array.from(spread(count * classes, 9));
      const x = tf.tensor4d(values, [1, count, 1, classes]);
      const t = tf.tensor3d(
        Array.from({ length: count }, (_, index) => (index * 7) % classes),
        [1, count, 1],
      );
      let entropy = 0;
      const [seen, overlap, truth] = [0, 0, 0].map(() => new Array<number>(classes).fill(0));
      for (let i = 0; i < count; i++) {
        const row = [...values.subarray(i * classes, (i + 1) * classes)].map((value) => Math.exp(value));
        const sum = row.reduce((a, b) => a + b, 0);
        const label = (i * 7) % classes;
        entropy += Math.log(sum / row[label]!);
        for (const [c, value] of row.entries()) seen![c]! += value / sum;
        overlap![label]! += row[label]! / sum;
        truth![label]!++;
      }
      const dice = seen!.map((one, c) => 1 - (2 * overlap![c]!) / (one + truth![c]!));
      const mean = dice.reduce((a, b) => a + b, 0) / classes;
      expect((await read(crossEntropy(x, t))) / (entropy / count)).toBeCloseTo(1, 5);
      expect((await read(diceLoss(x, t, { mode: "multiclass" }))) / mean).toBeCloseTo(1, 5);
    });
  },
  { backends: ["wasm", "webgpu"] },
);

describeOnBackends(
  "refusals",
  () => {
    it.each([
      ["shape-mismatch", () => diceLoss(tf.zeros([1, 2, 2, 1]), tf.zeros([1, 3, 3]))],
      ["shape-mismatch", () => crossEntropy(tf.zeros([1, 2, 2, 3]), tf.zeros([1, 2, 2, 3]))],
      ["bad-argument", () => crossEntropy(tf.zeros([1, 2, 2, 3]), tf.zeros([1, 2, 2]), { weight: [1, 2] })],
      ["bad-argument", () => lovaszSoftmax(tf.zeros([1, 2, 2, 3]), tf.zeros([1, 2, 2]), { classes: [3] })],
      ["bad-argument", () => weightedSum([])],
      ["bad-argument", () => weightedSum([[Number.NaN, diceLoss]])],
    ] as const)("%s", (code, call) => {
      expect(call).toThrow(expect.toSatisfy((error) => isGlofError(error, code)));
    });
  },
  { backends: ["cpu"] },
);
