import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkpointFromTensors } from "@glof/checkpoint";
import { saveParams, sigmoid } from "@glof/nn";
import { serializeOnnx, writeOnnx } from "@glof/onnx";
import { selectBackend } from "@glof/runtime";
import { expectClose } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildLakeSegmenter } from "../build_lake_segmenter.js";
import { normaliseReflectance } from "../normalise.js";
import type { SegmenterConfig } from "../segmenter_config.js";
import { madeUpWindow, tinyConfig } from "../test_segmenter.js";
import { buildSegmenterOnnx, type SegmenterOnnxOptions } from "./segmenter_onnx.js";

const tolerance = { atol: 1e-5, rtol: 1e-4 };

beforeAll(async () => {
  await selectBackend({ require: "cpu" });
});

const nchw = (x: tf.Tensor4D): tf.Tensor4D => tf.transpose(x, [0, 3, 1, 2]);

async function modelOf(config: SegmenterConfig) {
  const model = buildLakeSegmenter(config);
  const params = model.init(3);
  const checkpoint = checkpointFromTensors(await saveParams(model.specs, params));
  return {
    checkpoint,
    logits: (image: tf.Tensor4D) => model.forward(params, image),
    onnx: (options: SegmenterOnnxOptions = {}) => buildSegmenterOnnx(config, checkpoint, options),
  };
}

async function runOrt(
  source: Uint8Array | string,
  image: tf.Tensor,
): Promise<ort.InferenceSession.OnnxValueMapType> {
  const options = { intraOpNumThreads: 1 };
  const session =
    typeof source === "string"
      ? await ort.InferenceSession.create(source, options)
      : await ort.InferenceSession.create(source, options);
  try {
    return await session.run({
      image: new ort.Tensor("float32", (await image.data()) as Float32Array, image.shape),
    });
  } finally {
    await session.release();
  }
}

describe("buildSegmenterOnnx, run by ONNX Runtime", () => {
  for (const norm of ["group", "batch", "none"] as const) {
    it(`gives the logits of a segmenter with norm ${norm}`, async () => {
      const fusion = norm === "batch" ? "concat" : "sum";
      const widths = { patch: 8, half: 8, full: 4 };
      const model = await modelOf(tinyConfig({ decoder: { widths, norm, fusion } }));
      const image = tf.randomNormal([2, 28, 42, 4], 0, 1, "float32", 1) as tf.Tensor4D;
      const file = await serializeOnnx(model.onnx({ size: [28, 42], output: "logits", opset: 17 }));
      const { logits } = await runOrt(file, nchw(image));
      expect(logits!.dims).toEqual([2, 1, 28, 42]);
      await expectClose(logits!.data as Float32Array, model.logits(image), tolerance);
    });
  }

  it("takes reflectance, channels last, and gives probabilities at the config's tile", async () => {
    const config = tinyConfig();
    const model = await modelOf(config);
    const window = madeUpWindow(28, 28);
    window.bandsRefl[0]![3] = 7; // far above the clip
    const interleaved = new Float32Array(28 * 28 * 4);
    window.bandsRefl.forEach((refl, band) => {
      for (const [pixel, value] of refl.entries()) interleaved[4 * pixel + band] = value;
    });
    const file = await serializeOnnx(model.onnx({ normalise: true, layout: "nhwc", attention: "fused" }));
    const { prob } = await runOrt(file, tf.tensor4d(interleaved, [1, 28, 28, 4]));
    expect(prob!.dims).toEqual([1, 28, 28, 1]);
    const { pixels } = normaliseReflectance(window, config.normalisation);
    const expected = sigmoid(model.logits(tf.tensor4d(pixels, [1, 28, 28, 4])));
    await expectClose(prob!.data as Float32Array, expected, tolerance);
  });

  it("says in the file what to feed it", async () => {
    const { onnx } = await modelOf(tinyConfig());
    expect(onnx().metadata).toEqual({
      model: "tiny",
      bands: "B02,B03,B04,B08",
      input: "normalised",
      normalisation: JSON.stringify(tinyConfig().normalisation),
      threshold: "0.5",
      tilePx: "28",
    });
    expect(onnx({ normalise: true }).metadata.input).toBe("reflectance");
  });

  it("refuses the weights of another model", async () => {
    const { checkpoint } = await modelOf(tinyConfig());
    expect(() => buildSegmenterOnnx(tinyConfig({ depth: 3 }), checkpoint)).toThrow(
      /blocks\.2\.norm1\.weight/,
    );
  });
});

describe("writeOnnx of a segmenter", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "glof-onnx-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("writes one file or two, which give the same", async () => {
    const model = await modelOf(tinyConfig());
    const image = tf.randomNormal([1, 28, 28, 4], 0, 1, "float32", 2) as tf.Tensor4D;
    const [one] = await writeOnnx(join(folder, "one.onnx"), model.onnx());
    const [two, data] = await writeOnnx(join(folder, "two.onnx"), model.onnx(), { externalData: true });
    expect(data).toBe(join(folder, "two.onnx.data"));
    const got = await Promise.all([one!, two!].map((path) => runOrt(path, nchw(image))));
    const expected = sigmoid(model.logits(image));
    for (const { prob } of got) await expectClose(prob!.data as Float32Array, expected, tolerance);
  });
});
