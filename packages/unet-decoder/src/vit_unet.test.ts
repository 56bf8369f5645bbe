import { checkpointFromTensors } from "@glof/checkpoint";
import { disposeParams, type Params, saveParams, valueAndGrad } from "@glof/nn";
import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { buildVitUnet, type DecoderInput } from "./index.js";

const small = { featureChannels: [6, 6], imageChannels: 4, widths: { patch: 8, half: 6, full: 4 } };

function exampleInput(batch = 2, rows = 28, cols = 42, channels = [6, 6]): DecoderInput {
  return {
    features: channels.map((width, index) => ({
      map: tf.randomNormal([batch, rows / 14, cols / 14, width], 0, 1, "float32", 5 + index),
      stridePx: 14,
    })),
    image: tf.randomNormal([batch, rows, cols, 4], 0, 1, "float32", 9),
  };
}

describeOnBackends("buildVitUnet", () => {
  for (const norm of ["group", "batch", "none"] as const) {
    it(`gives logits of the image's size, and a gradient to every weight (${norm})`, async () => {
      const decoder = buildVitUnet({
        ...small,
        norm,
        fusion: norm === "none" ? "concat" : "sum",
        classes: 3,
      });
      const params = decoder.init(1);
      const input = exampleInput();
      const logits = decoder.forward(params, input);
      expect(logits.shape).toEqual([2, 28, 42, 3]);
      const weights: Params = Object.fromEntries(
        decoder.specs.filter(({ kind }) => kind === "weight").map(({ name }) => [name, params[name]!]),
      );
      const { grads } = valueAndGrad(
        (trainable) =>
          tf.mean(
            tf.square(decoder.forward({ ...params, ...trainable }, input, { training: true, seed: 0 })),
          ),
        weights,
      );
      for (const name of Object.keys(weights)) {
        const most = (await tf.max(tf.abs(grads[name]!)).data())[0]!;
        expect(most, name).toBeGreaterThan(0);
      }
    });
  }

  it("leaves no tensor behind", async () => {
    const decoder = buildVitUnet(small);
    const params = decoder.init(1);
    const input = exampleInput();
    await expectNoTensorGrowth(() => decoder.forward(params, input));
    disposeParams(params);
  });

  it("gives the same logits after saving and loading", async () => {
    const decoder = buildVitUnet({ ...small, norm: "batch" });
    const params = decoder.init(3);
    const saved = checkpointFromTensors(await saveParams(decoder.specs, params));
    const loaded = await decoder.load(saved);
    const input = exampleInput();
    await expectClose(decoder.forward(loaded, input), decoder.forward(params, input), { atol: 0, rtol: 0 });
  });

  it("treats images of a batch apart", async () => {
    const decoder = buildVitUnet(small);
    const params = decoder.init(4);
    const input = exampleInput();
    const second = {
      image: tf.slice(input.image, [1, 0, 0, 0], [1, -1, -1, -1]),
      features: input.features.map(({ map, stridePx }) => ({
        stridePx,
        map: tf.slice(map, [1, 0, 0, 0], [1, -1, -1, -1]),
      })),
    };
    const both = decoder.forward(params, input);
    await expectClose(decoder.forward(params, second), tf.slice(both, [1, 0, 0, 0], [1, -1, -1, -1]));
  });

  it("takes odd sizes", () => {
    const decoder = buildVitUnet({ ...small, featureChannels: [6] });
    const input = { ...exampleInput(1, 14, 14, [6]), image: tf.zeros([1, 21, 35, 4]) as tf.Tensor4D };
    expect(decoder.forward(decoder.init(1), input).shape).toEqual([1, 21, 35, 1]);
  });

  it("refuses other channels and bad configs", () => {
    const decoder = buildVitUnet(small);
    const params = decoder.init(1);
    expect(() => decoder.forward(params, exampleInput(1, 14, 14, [6]))).toThrow(
      /expected 2 maps of 6, 6 channels/,
    );
    expect(() => decoder.forward({}, exampleInput())).toThrow(/expected a parameter "lateral.0.weight"/);
    expect(() => buildVitUnet({ ...small, widths: { half: 0 } })).toThrow(/half/);
    // As a config from a file may have it.
    const noList = { 0: 6 } as unknown as number[];
    expect(() => buildVitUnet({ ...small, featureChannels: noList })).toThrow(/featureChannels/);
    expect(() => buildVitUnet({ ...small, norm: "layer" as "group" })).toThrow(/norm/);
  });
});
