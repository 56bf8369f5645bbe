import { disposeParams, type Params, valueAndGrad } from "@glof/nn";
import { describeOnBackends, expectClose, expectNoTensorGrowth } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import {
  buildLinearClassifier,
  buildLinearHead,
  buildPlainDecoder,
  buildUnetDecoder,
  type Decoder,
  type DecoderInput,
} from "./index.js";

function exampleInput(
  maps: readonly (readonly [rows: number, cols: number, width: number])[],
  size: readonly [number, number],
): DecoderInput {
  return {
    features: maps.map(([rows, cols, width], index) => ({
      map: tf.randomNormal([2, rows, cols, width], 0, 1, "float32", 3 + index) as tf.Tensor4D,
      stridePx: size[0] / rows,
    })),
    image: tf.zeros([2, size[0], size[1], 3]),
  };
}

/** Names of the weights that get no gradient from a mean square of the logits in training. */
async function unreached(decoder: Decoder<unknown>, params: Params, input: DecoderInput): Promise<string[]> {
  const names = decoder.specs.filter(({ kind }) => kind === "weight").map(({ name }) => name);
  const weights: Params = Object.fromEntries(names.map((name) => [name, params[name]!]));
  const { value, grads } = valueAndGrad((trainable) => {
    const logits = decoder.forward({ ...params, ...trainable }, input, { training: true, seed: 0 });
    return tf.mean(tf.square(logits));
  }, weights);
  const found: string[] = [];
  for (const name of names) if (((await tf.max(tf.abs(grads[name]!)).data())[0] ?? 0) === 0) found.push(name);
  disposeParams(grads);
  value.dispose();
  return found;
}

const backends = { backends: ["cpu", "wasm"] } as const;

describeOnBackends(
  "buildPlainDecoder",
  () => {
    const cases = [
      ["guide", { project: 6, stages: [5, 4] }, [28, 42]],
      ["bilinear", { stages: [5, 4] }, [28, 42]],
      ["crop", { stages: [5, 4, 4] }, [15, 22]],
    ] as const;
    it.each(cases)(
      "%s: logits of the image's size, gradients to all weights, no tensor left",
      async (preset, widths, size) => {
        const decoder = buildPlainDecoder({ preset, featureChannels: 6, classes: 3, ...widths });
        const params = decoder.init(1);
        const input = exampleInput([[2, 3, 6]], size);
        expect(decoder.forward(params, input).shape).toEqual([2, ...size, 3]);
        // A batch normalisation takes away the bias before it.
        expect((await unreached(decoder, params, input)).filter((name) => !name.endsWith("up.bias"))).toEqual(
          [],
        );
        await expectNoTensorGrowth(() => decoder.forward(params, input));
        disposeParams(params);
      },
    );

    it("uses the deepest of several maps", async () => {
      const decoder = buildPlainDecoder({ featureChannels: 6, project: null, stages: [4] });
      const params = decoder.init(1);
      const input = exampleInput(
        [
          [2, 3, 6],
          [2, 3, 6],
        ],
        [8, 12],
      );
      const alone = { ...input, features: input.features.slice(1) };
      await expectClose(decoder.forward(params, input), decoder.forward(params, alone), { atol: 0, rtol: 0 });
    });

    it("cuts the centre out", async () => {
      const options = {
        featureChannels: 2,
        project: null,
        stages: [2],
        convsPerStage: 0,
        norm: "none",
      } as const;
      const crop = buildPlainDecoder({ ...options, preset: "crop" });
      const params = crop.init(2);
      const input = exampleInput([[3, 4, 2]], [4, 5]);
      const whole = crop.forward(params, { ...input, image: tf.zeros([2, 6, 8, 3]) });
      await expectClose(crop.forward(params, input), tf.slice(whole, [0, 1, 1, 0], [2, 4, 5, 1]), {
        atol: 0,
        rtol: 0,
      });
      expect(() => crop.forward(params, { ...input, image: tf.zeros([2, 7, 8, 3]) })).toThrow(
        /at least 7 x 8/,
      );
    });
  },
  backends,
);

describeOnBackends(
  "buildLinearHead",
  () => {
    it("is one linear layer per cell, resized", async () => {
      const head = buildLinearHead({ featureChannels: [3, 2], classes: 4, batchNorm: false });
      const params = head.init(1);
      const input = exampleInput(
        [
          [2, 3, 3],
          [2, 3, 2],
        ],
        [2, 3],
      );
      const joined = tf.concat(
        input.features.map(({ map }) => map),
        3,
      );
      const weights = tf.reshape(params["conv_seg.weight"]!, [5, 4]);
      const expected = tf.reshape(
        tf.matMul(tf.reshape(joined, [12, 5]), weights as tf.Tensor2D),
        [2, 2, 3, 4],
      );
      await expectClose(head.forward(params, input), expected);
      expect(head.forward(params, { ...input, image: tf.zeros([2, 28, 42, 3]) }).shape).toEqual([
        2, 28, 42, 4,
      ]);
    });

    it("has the names of DINOv2's heads", () => {
      expect(buildLinearHead({ featureChannels: [3] }).specs.map(({ name }) => name)).toEqual([
        "bn.weight",
        "bn.bias",
        "bn.running_mean",
        "bn.running_var",
        "conv_seg.weight",
        "conv_seg.bias",
      ]);
    });
  },
  backends,
);

describeOnBackends(
  "buildUnetDecoder",
  () => {
    const pyramid = [
      [8, 12, 16],
      [4, 6, 20],
    ] as const;
    const options = { encoderChannels: [16, 20], decoderChannels: [18, 16] };

    it("hands over new running statistics in training", () => {
      const decoder = buildUnetDecoder(options);
      const params = decoder.init(1);
      const heard = new Map<string, tf.Tensor>();
      const onBuffer = (name: string, value: tf.Tensor) => heard.set(name, value);
      decoder.forward(params, exampleInput(pyramid, [16, 24]), { training: true, seed: 0, onBuffer });
      const buffers = decoder.specs.filter(({ kind }) => kind === "buffer").map(({ name }) => name);
      expect([...heard.keys()].sort()).toEqual(buffers.sort());
      heard.clear();
      decoder.forward(params, exampleInput(pyramid, [16, 24]), { training: false, seed: 0, onBuffer });
      expect(heard.size).toBe(0);
    });

    it("attends with weights that start in the middle: sigmoid(0) twice is the identity", async () => {
      const plain = buildUnetDecoder({ ...options, batchNorm: false });
      const attentive = buildUnetDecoder({ ...options, batchNorm: false, attention: "scse" });
      const params = attentive.init(1);
      const zeroed = Object.fromEntries(
        Object.entries(params).map(([name, value]) => [
          name,
          name.includes("SE.") ? tf.zerosLike(value) : value,
        ]),
      );
      const input = exampleInput(pyramid, [16, 24]);
      await expectClose(attentive.forward(zeroed, input), plain.forward(params, input));
      // A bias above zero keeps the few squeezed channels alive behind their ReLU.
      const alive = Object.fromEntries(
        Object.entries(params).map(([name, value]) => [
          name,
          name.endsWith("cSE.1.bias") ? tf.fill(value.shape, 5) : value,
        ]),
      );
      // The last block has no skip to attend to and keeps those weights unused, as the original does.
      const idle = await unreached(attentive, alive, input);
      expect(idle.filter((name) => !name.startsWith("blocks.1.attention1."))).toEqual([]);
      expect(idle).toHaveLength(6);
    });

    it("takes odd sizes and a head", async () => {
      const decoder = buildUnetDecoder({
        ...options,
        classes: 2,
        interpolation: "bilinear",
        centerBlock: true,
      });
      const params = decoder.init(1);
      const input = exampleInput(
        [
          [7, 11, 16],
          [3, 5, 20],
        ],
        [15, 23],
      );
      expect(decoder.forward(params, input).shape).toEqual([2, 15, 23, 2]);
      await expectNoTensorGrowth(() => decoder.forward(params, input));
    });
  },
  backends,
);

describe("configs", () => {
  it("are checked", () => {
    expect(() => buildPlainDecoder({ featureChannels: 0 })).toThrow(/featureChannels/);
    expect(() => buildPlainDecoder({ featureChannels: 4, fit: "last-stage" })).toThrow(/bilinear upsampling/);
    expect(() => buildPlainDecoder({ featureChannels: 4, stages: [] })).toThrow(/stages/);
    expect(() => buildLinearHead({ featureChannels: [] })).toThrow(/featureChannels/);
    expect(() => buildLinearClassifier({ featureDim: 4, classes: 0.5 })).toThrow(/whole numbers/);
    expect(() => buildUnetDecoder({ encoderChannels: [4, 4] })).toThrow(/as many decoderChannels/);
    expect(() => buildUnetDecoder({ encoderChannels: [8], decoderChannels: [8], attention: "scse" })).toThrow(
      /16 or more/,
    );
  });
});
