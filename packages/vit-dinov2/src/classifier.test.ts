import { checkpointFromTensors, openCheckpoint, type TensorToWrite } from "@glof/checkpoint";
import { disposeParams, saveParams } from "@glof/nn";
import { describeOnBackends, expectClose, expectNoTensorGrowth, hasShared, sharedPath } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import {
  buildDinov2,
  buildDinov2Classifier,
  buildDinov2Vits14,
  classifierFeatures,
  toNames,
} from "./index.js";

const micro = { embedDim: 32, depth: 5, heads: 2, imageSizePx: 224 };
const folder = "fixtures/dinov2";
const here = hasShared(folder);

const heads = [
  [4, "micro.linear4_head.pth", "linear_classifier_layers4"],
  [1, "micro.linear_head.pth", "linear_classifier_layers1"],
] as const;

describe.skipIf(!here)("the hub's classifiers", () => {
  describeOnBackends("buildDinov2Classifier", () => {
    it.each(heads)(
      "%d layers: backbone and head from their own files, logits of the original",
      async (...[layers, head, id]) => {
        const golden = await openCheckpoint(sharedPath(`${folder}/${id}.safetensors`));
        const backboneFile = await openCheckpoint(sharedPath(`${folder}/models/micro.pth`));
        const headFile = await openCheckpoint(sharedPath(`${folder}/models/${head}`));
        const model = buildDinov2Classifier({ backbone: micro, layers, classes: 7 });
        const params = await model.loadParts(backboneFile, headFile);
        const bytes = tf.tensor4d(await golden.readFloat32("in.image_u8"), [2, 3, 98, 70]);
        const images = tf.transpose(tf.div(tf.sub(bytes, 128), 64), [0, 2, 3, 1]) as tf.Tensor4D;
        const logits = model.forward(params, images);
        expect(logits.shape).toEqual([2, 7]);
        const expected = tf.tensor2d(await golden.readFloat32("out.logits"), [2, 7]);
        await expectClose(logits, expected, { atol: 1e-5, rtol: 1e-5 });
        for (const file of [golden, backboneFile, headFile]) await file.close();
        disposeParams(params);
      },
    );
  });
});

describeOnBackends(
  "classifier",
  () => {
    const small = { embedDim: 6, depth: 4, heads: 2, imageSizePx: 28 };
    const model = buildDinov2Classifier({ backbone: small, classes: 3 });
    const images = (): tf.Tensor4D => tf.randomNormal([2, 28, 42, 3], 0, 1, "float32", 5);

    it("is one linear layer over classifierFeatures", async () => {
      const params = model.init(2);
      const backbone = buildDinov2(small);
      const own = Object.fromEntries(backbone.specs.map(({ name }) => [name, params[`backbone.${name}`]!]));
      const features = classifierFeatures(backbone, own, images(), 4);
      expect(features.shape).toEqual([2, 30]);
      const logits = tf.add(
        tf.matMul(features, params["linear_head.weight"] as tf.Tensor2D),
        params["linear_head.bias"]!,
      );
      await expectClose(model.forward(params, images()), logits);
      const pictures = images();
      await expectNoTensorGrowth(() => model.forward(params, pictures));
      disposeParams(params);
    });

    it("loads the whole classifier from one file, as it saves it", async () => {
      const params = model.init(3);
      const file = checkpointFromTensors(await saveParams(model.specs, params));
      const again = await model.load(file);
      expect(Object.keys(again).sort()).toEqual(Object.keys(params).sort());
      await expectClose(model.forward(again, images()), model.forward(params, images()), {
        atol: 0,
        rtol: 0,
      });
      disposeParams(again);
      disposeParams(params);
    });

    it("loads Hugging Face's file of both", async () => {
      const one = buildDinov2Classifier({ backbone: small, layers: 1, classes: 3 });
      const params = one.init(3);
      const saved = await saveParams(one.specs, params);
      const own = Object.fromEntries(
        Object.entries(saved).map(([name, tensor]) => [name.replace("backbone.", ""), tensor]),
      );
      const { "linear_head.weight": weight, "linear_head.bias": bias, ...rest } = own;
      const backbone = toNames(checkpointFromTensors(rest), "hugging-face");
      const tensors: Record<string, TensorToWrite> = {
        "classifier.weight": weight!,
        "classifier.bias": bias!,
      };
      for (const [name, { shape }] of backbone.entries) {
        tensors[`dinov2.${name}`] = { shape, values: await backbone.readFloat32(name) };
      }
      const again = await one.load(checkpointFromTensors(tensors));
      await expectClose(one.forward(again, images()), one.forward(params, images()), { atol: 0, rtol: 0 });
      disposeParams(again);
      disposeParams(params);
    });

    it("says when a head does not fit, and keeps nothing in memory", async () => {
      const params = model.init(3);
      const file = checkpointFromTensors(await saveParams(model.specs, params));
      disposeParams(params);
      const before = tf.memory().numTensors;
      const one = buildDinov2Classifier({ backbone: small, layers: 1, classes: 3 });
      await expect(one.load(file)).rejects.toThrow(/weight, expected \[3,12\], got \[3,30\]/);
      const deeper = buildDinov2Classifier({ backbone: { ...small, depth: 5 }, classes: 3 });
      await expect(deeper.load(file)).rejects.toMatchObject({ code: "parameter-mismatch" });
      expect(tf.memory().numTensors).toBe(before);
    });
  },
  { backends: ["cpu"] },
);

describe("sizes", () => {
  it("are the official ones by default", () => {
    const { specs, config } = buildDinov2Classifier({ backbone: buildDinov2Vits14().config });
    expect(config).toMatchObject({ layers: 4, classes: 1000 });
    expect(specs.slice(-2).map(({ name, shape }) => [name, shape])).toEqual([
      ["linear_head.weight", [1000, 1920]],
      ["linear_head.bias", [1000]],
    ]);
  });

  it("are checked", () => {
    const backbone = { embedDim: 6, depth: 3, heads: 2 };
    expect(() => buildDinov2Classifier({ backbone })).toThrow(/backbone of 3 blocks/);
    expect(() => buildDinov2Classifier({ backbone, layers: 1, classes: 0 })).toThrow(/classes 0/);
  });
});
