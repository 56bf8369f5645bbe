import { checkpointFromTensors } from "@glof/checkpoint";
import { disposeParams, type Params, saveParams } from "@glof/nn";
import { type OnnxModel, serializeOnnx } from "@glof/onnx";
import { selectBackend } from "@glof/runtime";
import { expectClose } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { buildDinov2, buildDinov2Onnx, type Dinov2Model, type Dinov2OnnxOptions } from "../index.js";

const sizes = { embedDim: 24, depth: 3, heads: 3, imageSizePx: 42, bands: ["B02", "B03", "B04", "B08"] };
const tolerance = { atol: 2e-5, rtol: 1e-4 };

/** Weights far from their starting values, so that every one of them shows in the result. */
function lively(model: Dinov2Model): Params {
  const fresh = model.init(1);
  const entries = Object.entries(fresh).map(([name, tensor], index) => {
    const noise = tf.randomNormal(tensor.shape, 0, 0.3, "float32", index);
    return [name, tf.tidy(() => tf.add(tensor, noise))] as const;
  });
  disposeParams(fresh);
  return Object.fromEntries(entries);
}

async function toOnnx(model: Dinov2Model, params: Params, options: Dinov2OnnxOptions): Promise<OnnxModel> {
  return buildDinov2Onnx(model.config, checkpointFromTensors(await saveParams(model.specs, params)), options);
}

async function runOrt(model: OnnxModel, image: tf.Tensor): Promise<ort.InferenceSession.OnnxValueMapType> {
  const session = await ort.InferenceSession.create(await serializeOnnx(model), { intraOpNumThreads: 1 });
  try {
    const pixels = (await image.data()) as Float32Array;
    return await session.run({ image: new ort.Tensor("float32", pixels, image.shape) });
  } finally {
    await session.release();
  }
}

const images = (rows: number, cols: number, batch = 2): tf.Tensor4D =>
  tf.randomNormal([batch, rows, cols, 4], 0, 1, "float32", 5);

beforeAll(async () => {
  await selectBackend({ require: "cpu" });
});

describe("buildDinov2Onnx, run by ONNX Runtime", () => {
  const kinds = [
    ["plain", {}],
    ["registers and SwiGLU", { registers: 2, ffn: "swiglu", positionOffset: 0, positionAntialias: true }],
    ["no biases, no LayerScale", { qkvBias: false, projBias: false, ffnBias: false, layerScale: null }],
  ] as const;
  const forms = [
    { attention: "standard", opset: 17, layout: "nchw" },
    { attention: "fused", opset: 20, layout: "nhwc" },
  ] as const;

  for (const [name, kind] of kinds) {
    for (const form of forms) {
      it(`gives the tokens of ${name} with ${form.attention} attention, opset ${form.opset}`, async () => {
        const model = buildDinov2({ ...sizes, ...kind });
        const params = lively(model);
        for (const [rows, cols] of [
          [42, 42],
          [28, 70],
        ] as const) {
          const image = images(rows, cols);
          const onnx = await toOnnx(model, params, { ...form, size: [rows, cols] });
          const given = form.layout === "nchw" ? tf.transpose(image, [0, 3, 1, 2]) : image;
          const got = await runOrt(onnx, given);
          const expected = model.forward(params, image);
          const registers = model.config.registers;
          expect(Object.keys(got)).toEqual([
            "cls_token",
            ...(registers > 0 ? ["register_tokens"] : []),
            "patch_tokens",
          ]);
          expect(got.cls_token!.dims).toEqual(expected.clsToken.shape);
          expect(got.patch_tokens!.dims).toEqual(expected.patchTokens.shape);
          await expectClose(got.cls_token!.data as Float32Array, expected.clsToken, tolerance);
          await expectClose(got.patch_tokens!.data as Float32Array, expected.patchTokens, tolerance);
          if (registers > 0)
            await expectClose(got.register_tokens!.data as Float32Array, expected.registerTokens, tolerance);
        }
      });
    }
  }

  it("gives maps of layers, shallow to deep, and leaves out the blocks behind them", async () => {
    const model = buildDinov2(sizes);
    const params = lively(model);
    const image = images(28, 42, 1);
    const onnx = await toOnnx(model, params, { size: [28, 42], layers: [1, 0], batch: 1 });
    expect(onnx.stored.some(({ name }) => name.startsWith("blocks.2."))).toBe(false);
    const got = await runOrt(onnx, tf.transpose(image, [0, 3, 1, 2]));
    expect(Object.keys(got)).toEqual(["layer_0", "layer_1"]);
    for (const { layer, patches } of model.intermediates(params, image, [0, 1])) {
      const { dims, data } = got[`layer_${layer}`]!;
      expect(dims).toEqual([1, 24, 2, 3]);
      await expectClose(data as Float32Array, tf.transpose(patches, [0, 3, 1, 2]), tolerance);
    }
  });

  it("adds blocks and bands as a load does", async () => {
    const small = buildDinov2({ ...sizes, bands: ["B04", "B03", "B02"] });
    const params = lively(small);
    const checkpoint = checkpointFromTensors(await saveParams(small.specs, params));
    const model = buildDinov2({ ...sizes, depth: 4, baseDepth: 3 });
    const image = images(42, 42, 1);
    const loaded = await model.load(checkpoint);
    const onnx = buildDinov2Onnx(model.config, checkpoint);
    expect(onnx.metadata).toMatchObject({ bands: "B02,B03,B04,B08" });
    const got = await runOrt(onnx, tf.transpose(image, [0, 3, 1, 2]));
    const expected = model.forward(loaded, image);
    await expectClose(got.patch_tokens!.data as Float32Array, expected.patchTokens, tolerance);
  });
});

describe("buildDinov2Onnx", () => {
  const model = buildDinov2(sizes);
  let params: Params;
  beforeAll(() => {
    params = model.init(1);
  });

  it("refuses sizes, layers and weights that do not fit", async () => {
    await expect(toOnnx(model, params, { size: [28, 30] })).rejects.toMatchObject({ code: "shape-mismatch" });
    await expect(toOnnx(model, params, { layers: [3] })).rejects.toMatchObject({ code: "bad-argument" });
    await expect(toOnnx(model, params, { layers: [] })).rejects.toMatchObject({ code: "bad-argument" });
    await expect(toOnnx(model, params, { opset: 16 })).rejects.toMatchObject({ code: "bad-argument" });
    const tensors = await saveParams(model.specs, params);
    const { "norm.bias": _bias, ...rest } = tensors;
    const checkpoint = checkpointFromTensors({
      ...rest,
      "norm.weight": { shape: [3], values: new Float32Array(3) },
    });
    expect(() => buildDinov2Onnx(model.config, checkpoint)).toThrow(
      /got none for norm\.bias; other shapes: norm\.weight \[3\], not \[24\]/,
    );
  });
});
