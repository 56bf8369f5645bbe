import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { expectGradient, seededTensor } from "../testing/directional_gradient.js";
import { valueAndGrad } from "../value_and_grad.js";
import { dropout, dropPath } from "./dropout.js";
import { pad2d } from "./pad.js";
import { pixelShuffle } from "./pixel_shuffle.js";
import { avgPool2d, maxPool2d } from "./pool.js";

const image = (values: number[], rows: number, cols: number): tf.Tensor4D =>
  tf.tensor4d(values, [1, rows, cols, 1]);

/** Values far enough apart that a small step never changes which is the largest. */
const distinct = (shape: [number, number, number, number], sign: number): tf.Tensor4D => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor4d(
    Float32Array.from({ length: size }, (_, index) => sign * (1 + ((index * 37) % size) / 8)),
    shape,
  );
};

describeOnBackends("pooling", () => {
  it("takes the largest, never the padding", async () => {
    await expectClose(maxPool2d(image([1, 2, 3, 4], 2, 2), 2), [4]);
    await expectClose(
      maxPool2d(image([-1, -2, -3, -4], 2, 2), 3, { stride: 1, padding: 1 }),
      [-1, -1, -1, -1],
    );
  });

  it.each([1, 4])(
    "takes -Infinity where there is no more, and NaN, as PyTorch: %i channels",
    async (channels) => {
      const least = -Infinity;
      const windows = [
        [least, least, least, least, least],
        [least, 1, least, least, 1],
        [NaN, 1, 2, 3, NaN],
        [1, 2, NaN, 3, NaN],
        [1, 2, 3, NaN, NaN],
        [least, NaN, Infinity, 5, NaN],
      ];
      const pixels = windows.flatMap((window) =>
        window.slice(0, 4).flatMap((one) => Array(channels).fill(one)),
      );
      const x = tf.tensor4d(pixels, [windows.length, 2, 2, channels]);
      const largest = windows.flatMap((window) => Array(channels).fill(window[4]));
      expect([...(await maxPool2d(x, 2).data())]).toEqual(largest);
      // Of the windows around each pixel, all of the image.
      const around = maxPool2d(x, 3, { stride: 1, padding: 1 });
      expect([...(await tf.slice(around, [0, 1, 1, 0], [-1, 1, 1, -1]).data())]).toEqual(largest);
      const { grads } = valueAndGrad(
        (given) => tf.sum(maxPool2d(given.x as tf.Tensor4D, 3, { stride: 2, padding: 1 })) as tf.Scalar,
        { x: tf.slice(x, [0, 0, 0, 0], [1, 2, 2, channels]) },
      );
      expect([...(await grads.x!.data())].filter((_, i) => i % channels === 0)).toEqual([1, 0, 0, 0]);
    },
  );

  it("takes the mean, with or without padding", async () => {
    const x = image([1, 2, 3, 4], 2, 2);
    await expectClose(avgPool2d(x, 2), [2.5]);
    await expectClose(avgPool2d(x, 2, { padding: 1 }), [0.25, 0.5, 0.75, 1]);
    await expectClose(avgPool2d(x, 2, { padding: 1, countIncludePad: false }), [1, 2, 3, 4]);
  });

  it.each([
    [2, {}],
    [3, { stride: 2, padding: 1 }],
    [[2, 3], { stride: [1, 2], padding: [0, 1] }],
    [2, { stride: 3 }],
  ] as const)("has exact gradients, also of negative values: %j %j", async (size, options) => {
    for (const sign of [1, -1]) {
      const x = distinct([2, 7, 8, 2], sign);
      await expectGradient(({ at }) => maxPool2d(at as tf.Tensor4D, size, options), { at: x });
    }
    await expectGradient(({ at }) => avgPool2d(at as tf.Tensor4D, size, options), {
      at: seededTensor([2, 7, 8, 2], 1),
    });
  });

  it("gives the gradient of equal values to the first, as PyTorch", async () => {
    const { grads } = valueAndGrad(({ x }) => tf.sum(maxPool2d(x as tf.Tensor4D, 2)) as tf.Scalar, {
      x: image([5, 5, 5, 5], 2, 2),
    });
    await expectClose(grads.x!, [1, 0, 0, 0]);
  });

  it("leaves no tensor behind", async () => {
    const x = distinct([2, 7, 8, 2], 1);
    await expectNoTensorGrowth(() => maxPool2d(x, 3, { stride: 2, padding: 1 }));
    await expectNoTensorGrowth(() =>
      valueAndGrad(({ at }) => tf.sum(maxPool2d(at as tf.Tensor4D, 2)) as tf.Scalar, { at: x }),
    );
  });
});

describeOnBackends("pad2d", () => {
  it("fills, mirrors or repeats", async () => {
    const x = image([1, 2, 3], 1, 3);
    await expectClose(pad2d(x, [0, 0, 1, 2], { value: 9 }), [9, 1, 2, 3, 9, 9]);
    await expectClose(pad2d(x, [0, 0, 1, 2], { mode: "reflect" }), [2, 1, 2, 3, 2, 1]);
    await expectClose(pad2d(x, [0, 0, 1, 2], { mode: "replicate" }), [1, 1, 2, 3, 3, 3]);
  });

  it.each(["constant", "reflect", "replicate"] as const)("has exact gradients: %s", async (mode) => {
    const x = seededTensor([2, 4, 5, 2], 1);
    await expectGradient(({ at }) => pad2d(at as tf.Tensor4D, [1, 3, 2, 0], { mode }), { at: x });
  });

  it("refuses to mirror more than there is", () => {
    expect(() => pad2d(image([1, 2], 1, 2), [0, 0, 2, 0], { mode: "reflect" })).toThrow(
      /smaller than the image/,
    );
    expect(() => pad2d(image([1, 2], 1, 2), [0, 0, -1, 0])).toThrow(/at least 0/);
  });
});

describeOnBackends("pixelShuffle", () => {
  it("moves channels in PyTorch's order", async () => {
    const x = tf.tensor4d([0, 1, 2, 3, 4, 5, 6, 7], [1, 1, 1, 8]);
    const y = pixelShuffle(x, 2);
    expect(y.shape).toEqual([1, 2, 2, 2]);
    await expectClose(y, [0, 4, 1, 5, 2, 6, 3, 7]);
  });

  it("has exact gradients", async () => {
    await expectGradient(({ at }) => pixelShuffle(at as tf.Tensor4D, 3), {
      at: seededTensor([2, 2, 3, 18], 1),
    });
  });

  it("refuses channels that do not divide", () => {
    expect(() => pixelShuffle(tf.ones([1, 1, 1, 6]), 2)).toThrow(/factor/);
  });
});

describeOnBackends("dropout and dropPath", () => {
  const training = { training: true, seed: 3 };

  it("do nothing outside training, or at rate 0", async () => {
    const x = seededTensor([4, 5], 1);
    await expectClose(dropout(x, 0.5, { training: false, seed: 3 }), x);
    await expectClose(dropPath(x, 0, training), x);
    await expectNoTensorGrowth(() => dropPath(x, 0, training));
  });

  it("drop about the share asked for and keep the mean", async () => {
    const y = await dropout(tf.ones([100, 100]), 0.3, training).data();
    const kept = [...y].filter((value) => value !== 0);
    expect(kept.length / y.length).toBeCloseTo(0.7, 1);
    await expectClose(kept, new Float32Array(kept.length).fill(1 / 0.7));
  });

  it("drop whole samples", async () => {
    const y = dropPath(tf.ones([64, 2, 3]), 0.5, training);
    const sums = [...(await tf.sum(y, [1, 2]).data())];
    expect(sums.every((sum) => sum === 0 || sum === 12)).toBe(true);
    expect(sums.filter((sum) => sum === 0).length).toBeGreaterThan(16);
  });

  it("repeat themselves for a seed, and differ for another", async () => {
    const x = tf.ones([200]);
    const draw = (seed: number): Promise<ArrayLike<number>> =>
      dropout(x, 0.5, { training: true, seed }).data();
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
  });

  it("pass the gradient of what was kept", async () => {
    await expectGradient(({ x }) => dropout(x!, 0.4, training), { x: seededTensor([30], 1) });
    await expectGradient(({ x }) => dropPath(x!, 0.4, training), { x: seededTensor([6, 5], 1) });
  });

  it("drop all at rate 1, and refuse what is no probability", async () => {
    await expectClose(dropout(tf.ones([3]), 1, training), [0, 0, 0]);
    expect(() => dropPath(tf.ones([3]), 1.2, training)).toThrow(/probability/);
  });
});
