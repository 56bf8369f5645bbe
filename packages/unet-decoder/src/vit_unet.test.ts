import { disposeParams, valueAndGrad } from "@glof/nn";
import { describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { buildVitUnet } from "./vit_unet.js";

const config = {
  inChannels: [12, 20],
  imageChannels: 4,
  numClasses: 2,
  widths: { patch: 16, half: 8, full: 4 },
};

function randomInput(rows: number, cols: number) {
  const [h, w] = [rows / 14, cols / 14];
  return {
    image: tf.randomNormal<tf.Rank.R4>([2, rows, cols, 4], 0, 1, "float32", 1),
    features: [12, 20].map((channels, index) => ({
      map: tf.randomNormal<tf.Rank.R4>([2, h, w, channels], 0, 1, "float32", 2 + index),
      stridePx: 14,
    })),
  };
}

describeOnBackends("buildVitUnet", () => {
  it.each([
    [28, 42],
    [14, 14],
  ])("gives logits of the image's size, %d x %d, and leaves no tensor behind", (rows, cols) => {
    const decoder = buildVitUnet(config);
    const params = decoder.init(1);
    const input = randomInput(rows, cols);
    const before = tf.memory().numTensors;
    const logits = decoder.forward(params, input);
    expect(logits.shape).toEqual([2, rows, cols, 2]);
    expect(tf.memory().numTensors).toBe(before + 1);
    tf.dispose([logits, input.image, input.features.map(({ map }) => map)]);
    disposeParams(params);
  });

  it("sends a gradient into every parameter", async () => {
    const decoder = buildVitUnet(config);
    const params = decoder.init(3);
    const input = randomInput(28, 28);
    const { value, grads } = valueAndGrad(
      (trainable) => tf.mean(tf.square(decoder.forward(trainable, input))) as tf.Scalar,
      params,
    );
    for (const [name, grad] of Object.entries(grads)) {
      const size = (await tf.tidy(() => tf.sum(tf.abs(grad))).data())[0]!;
      expect(size, name).toBeGreaterThan(0);
    }
    expect(Object.keys(grads)).toHaveLength(decoder.specs.length);
    tf.dispose([value, input.image, input.features.map(({ map }) => map)]);
    disposeParams(grads);
    disposeParams(params);
  });

  it("says what does not fit", () => {
    const decoder = buildVitUnet(config);
    const params = decoder.init(1);
    const { image, features } = randomInput(28, 28);
    expect(() => decoder.forward(params, { image, features: features.slice(1) })).toThrow(
      /2 maps of one size/,
    );
    expect(() => buildVitUnet({ ...config, inChannels: [] })).toThrow(/at least one feature map/);
    tf.dispose([image, features.map(({ map }) => map)]);
    disposeParams(params);
  });
});
