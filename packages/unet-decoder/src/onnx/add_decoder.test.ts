import { disposeParams, type Params, saveParams } from "@glof/nn";
import { OnnxGraph, serializeOnnx } from "@glof/onnx";
import { selectBackend } from "@glof/runtime";
import { expectClose } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import {
  addDecoder,
  buildLinearHead,
  buildPlainDecoder,
  buildUnetDecoder,
  buildVitUnet,
  type Decoder,
  type DecoderToAdd,
} from "../index.js";

const tolerance = { atol: 2e-5, rtol: 1e-4 };

beforeAll(async () => {
  await selectBackend({ require: "cpu" });
});

/** Weights and statistics away from zero and one, variances above zero. */
function lively<Config>(decoder: Decoder<Config>): Params {
  const fresh = decoder.init(1);
  const entries = Object.entries(fresh).map(([name, tensor], index) => {
    const noise = tf.randomUniform(tensor.shape, 0, 0.4, "float32", index);
    return [name, tf.add(tensor, noise)] as const;
  });
  disposeParams(fresh);
  return Object.fromEntries(entries);
}

interface Input {
  readonly features: readonly tf.Tensor4D[];
  readonly image: tf.Tensor4D;
}

function inputOf(
  maps: readonly (readonly [number, number, number])[],
  image: readonly [number, number, number],
): Input {
  const picture = (shape: readonly number[], seed: number): tf.Tensor4D =>
    tf.randomNormal([2, ...shape] as [number, number, number, number], 0, 1, "float32", seed);
  return { features: maps.map((shape, index) => picture(shape, index)), image: picture(image, 99) };
}

const nchw = (x: tf.Tensor4D): tf.Tensor4D => tf.transpose(x, [0, 3, 1, 2]);

/** Runs the same weights and input here and by ONNX Runtime. */
async function expectSame<Config>(
  decoder: Decoder<Config>,
  toAdd: DecoderToAdd,
  { features, image }: Input,
  opset: number,
): Promise<void> {
  const params = lively(decoder);
  const weights = await saveParams(decoder.specs, params);
  const graph = new OnnxGraph({ opset });
  const inputs = [...features, image].map(nchw);
  const values = inputs.map(({ shape: [, ...rest] }, index) => graph.input(`in${index}`, ["batch", ...rest]));
  const read = async (name: string): Promise<Float32Array> => weights[name]!.values as Float32Array;
  const logits = addDecoder(graph, toAdd, { read, features: values.slice(0, -1), image: values.at(-1)! });
  graph.output("logits", logits);
  const session = await ort.InferenceSession.create(await serializeOnnx(graph.finish()), {
    intraOpNumThreads: 1,
  });
  const feeds = inputs.map(async (tensor, index) => {
    const pixels = (await tensor.data()) as Float32Array;
    return [`in${index}`, new ort.Tensor("float32", pixels, tensor.shape)] as const;
  });
  const got = (await session.run(Object.fromEntries(await Promise.all(feeds)))).logits!;
  const maps = features.map((map) => ({ map, stridePx: 14 }));
  const expected = nchw(decoder.forward(params, { features: maps, image }));
  expect(got.dims).toEqual(expected.shape);
  expect(["batch", ...expected.shape.slice(1)]).toEqual(logits.shape);
  await expectClose(got.data as Float32Array, expected, tolerance);
  await session.release();
}

describe("addDecoder, run by ONNX Runtime", () => {
  for (const norm of ["group", "batch", "none"] as const) {
    it(`gives the logits of the ViT U-Net with norm ${norm}`, async () => {
      const decoder = buildVitUnet({
        featureChannels: [12, 12],
        imageChannels: 4,
        classes: 2,
        widths: { patch: 16, half: 12, full: 8 },
        fusion: norm === "batch" ? "concat" : "sum",
        norm,
      });
      const input = inputOf(
        [
          [3, 2, 12],
          [2, 3, 12],
        ],
        [28, 42, 4],
      );
      await expectSame(decoder, { kind: "vit-unet", config: decoder.config }, input, 17);
    });
  }

  it("gives the logits of the ViT U-Net on an odd image, where nearest is no repetition", async () => {
    const decoder = buildVitUnet({
      featureChannels: [8],
      imageChannels: 3,
      widths: { patch: 8, half: 8, full: 4 },
    });
    const input = inputOf([[3, 5, 8]], [21, 35, 3]);
    await expectSame(decoder, { kind: "vit-unet", config: decoder.config }, input, 22);
  });

  for (const preset of ["guide", "bilinear", "crop"] as const) {
    it(`gives the logits of the plain decoder ${preset}`, async () => {
      const decoder = buildPlainDecoder({
        preset,
        featureChannels: 12,
        stages: [12, 8, 8, 4],
        ...(preset === "guide" && { project: 16 }),
      });
      const input = inputOf([[3, 2, 12]], [42, 28, 4]);
      await expectSame(decoder, { kind: "plain", config: decoder.config }, input, 20);
    });
  }

  for (const batchNorm of [true, false]) {
    it(`gives the logits of the linear head ${batchNorm ? "with" : "without"} batch norm`, async () => {
      const decoder = buildLinearHead({ featureChannels: [8, 12], classes: 3, batchNorm });
      const input = inputOf(
        [
          [5, 4, 8],
          [3, 2, 12],
        ],
        [42, 28, 4],
      );
      await expectSame(decoder, { kind: "linear", config: decoder.config }, input, 20);
    });
  }

  for (const interpolation of ["nearest", "bilinear"] as const) {
    it(`gives the logits of the U-Net decoder, ${interpolation}`, async () => {
      const decoder = buildUnetDecoder({
        encoderChannels: [16, 24, 32],
        decoderChannels: [24, 16, 16],
        centerBlock: interpolation === "bilinear",
        batchNorm: interpolation === "nearest",
        attention: "scse",
        classes: 2,
        interpolation,
      });
      const input = inputOf(
        [
          [13, 15, 16],
          [7, 8, 24],
          [4, 4, 32],
        ],
        [26, 30, 3],
      );
      await expectSame(decoder, { kind: "unet", config: decoder.config }, input, 20);
    });
  }

  it("refuses maps that do not fit", () => {
    const { config } = buildVitUnet({ featureChannels: [8], imageChannels: 3 });
    const graph = new OnnxGraph();
    const image = graph.input("image", [1, 3, 28, 28]);
    const read = async (): Promise<Float32Array> => new Float32Array(0);
    const add = (features: Parameters<typeof addDecoder>[2]["features"]) => () =>
      addDecoder(graph, { kind: "vit-unet", config }, { read, features, image });
    expect(add([])).toThrow(/expected at least one feature map/);
    expect(add([graph.input("map", [1, 7, 2, 2])])).toThrow(/conv2d: expected/);
  });
});
