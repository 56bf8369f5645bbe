import { isGlofError } from "@glof/core";
import type { TilePredictor } from "@glof/inference";
import { disposeParams, type Params, softplus, valueAndGrad } from "@glof/nn";
import { selectBackend } from "@glof/runtime";
import { describeOnBackends, expectClose, expectNoTensorGrowth, type TestBackend } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildLakeSegmenter } from "./build_lake_segmenter.js";
import { LakeSegmenter, type PredictSceneOptions } from "./lake_segmenter.js";
import { normaliseReflectance } from "./normalise.js";
import { isLake, madeUpScene, madeUpWindow, tinyConfig } from "./test_segmenter.js";

const config = tinyConfig();

async function sceneProb(
  segmenter: LakeSegmenter,
  width: number,
  height: number,
  options: Partial<PredictSceneOptions> = {},
): Promise<Float32Array> {
  const prob = new Float32Array(width * height).fill(-1);
  await segmenter.predictScene(madeUpScene(width, height), {
    onRows: async (rows) => prob.set(rows.prob, rows.y * width),
    ...options,
  });
  return prob;
}

const newSegmenter = (): LakeSegmenter =>
  new LakeSegmenter({ config, params: buildLakeSegmenter(config).init(3) });

describeOnBackends(
  "LakeSegmenter beside the CPU's",
  (backend) => {
    it("gives the same probabilities", async () => {
      const probOn = async (name: TestBackend): Promise<Float32Array> => {
        await selectBackend({ require: name });
        const segmenter = newSegmenter();
        const prob = await segmenter.predictTile(madeUpWindow(28, 28), [28, 28]);
        segmenter.dispose();
        return prob;
      };
      const want = await probOn("cpu");
      await expectClose(await probOn(backend), want, { atol: 1e-5, rtol: 0 });
    });
  },
  { backends: ["wasm", "webgpu"] },
);

describeOnBackends(
  "LakeSegmenter",
  () => {
    let segmenter: LakeSegmenter;
    beforeAll(() => {
      segmenter = newSegmenter();
    });
    afterAll(() => segmenter.dispose());

    it("gives a probability for every pixel of an image of any size", async () => {
      for (const [rows, cols] of [
        [28, 28],
        [1, 1],
        [9, 31],
      ] as const) {
        const prob = await segmenter.predictTile(madeUpWindow(cols, rows), [rows, cols]);
        expect(prob).toHaveLength(rows * cols);
        expect(prob.every((value) => value > 0 && value < 1)).toBe(true);
      }
    });

    it("gives the same for a scene of one tile as for the tile", async () => {
      const tile = await segmenter.predictTile(madeUpWindow(28, 28), [28, 28]);
      expect(await sceneProb(segmenter, 28, 28)).toEqual(tile);
    });

    it("maps a scene of several tiles, and not the bands it does not need", async () => {
      const prob = await sceneProb(segmenter, 45, 28, { batchSize: 2 });
      expect(prob.every((value) => value > 0 && value < 1)).toBe(true);
      const more = madeUpScene(20, 20, ["B02", "B03", "B04", "B08", "B11"]);
      await segmenter.predictScene(more, { onRows: async () => {} });
    });

    it("maps the same where tiles run elsewhere on the same weights", async () => {
      const elsewhere = newSegmenter();
      const predictor: TilePredictor = {
        concurrency: 2,
        predict: (pixels, shape) => elsewhere.predictPixels(pixels, shape),
      };
      expect(await sceneProb(segmenter, 60, 28, { predictor })).toEqual(await sceneProb(segmenter, 60, 28));
      elsewhere.dispose();
      await expect(elsewhere.predictPixels(new Float32Array(4), [1, 1, 1, 4])).rejects.toSatisfy((error) =>
        isGlofError(error, "bad-argument"),
      );
    });

    it("gives NaN where there is no data, and what is there does not matter", async () => {
      const window = madeUpWindow(28, 28);
      window.validMask.fill(0, 0, 100);
      const prob = await segmenter.predictTile(window, [28, 28]);
      expect(prob.subarray(0, 100).every(Number.isNaN)).toBe(true);
      expect(prob.subarray(100).some(Number.isNaN)).toBe(false);
      for (const refl of window.bandsRefl) refl.fill(77, 0, 100);
      expect(await segmenter.predictTile(window, [28, 28])).toEqual(prob);
    });

    it("refuses scenes, tiles and windows that do not fit", async () => {
      const onRows = async (): Promise<void> => {};
      const refused = (promise: Promise<unknown>, code: Parameters<typeof isGlofError>[1]) =>
        expect(promise).rejects.toSatisfy((error) => isGlofError(error, code));
      await refused(segmenter.predictScene(madeUpScene(30, 30, ["B02", "B03"]), { onRows }), "missing-band");
      await refused(sceneProb(segmenter, 30, 30, { tilePx: 30 }), "bad-config");
      await refused(sceneProb(segmenter, 30, 30, { overlapPx: 28 }), "bad-config");
      await refused(segmenter.predictTile(madeUpWindow(5, 5), [5, 6]), "shape-mismatch");
      await refused(segmenter.predictTile(madeUpWindow(5, 5, 3), [5, 5]), "shape-mismatch");
      await refused(sceneProb(segmenter, 30, 30, { signal: AbortSignal.abort() }), "aborted");
    });

    it("leaves no tensor behind", async () => {
      await expectNoTensorGrowth(async () => void (await sceneProb(segmenter, 30, 28)));
    });
  },
  { backends: ["cpu", "wasm"] },
);

describeOnBackends(
  "buildLakeSegmenter",
  () => {
    it("learns one image by plain gradient descent: gradients reach every weight", async () => {
      const model = buildLakeSegmenter(config);
      const { pixels } = normaliseReflectance(madeUpWindow(28, 28), config.normalisation);
      const images = tf.tensor4d(pixels, [1, 28, 28, 4]);
      const truth = tf.tensor4d(
        Float32Array.from({ length: 784 }, (_, pixel) => (isLake(pixel, 28, 28) ? 1 : 0)),
        [1, 28, 28, 1],
      );
      // Binary cross entropy on logits: softplus(z) - z y.
      const loss = (params: Params): tf.Scalar => {
        const logits = model.forward(params, images);
        return tf.mean(tf.sub(softplus(logits), tf.mul(logits, truth)));
      };
      let params = model.init(5);
      const losses: number[] = [];
      const unreached = new Set(Object.keys(params));
      for (let step = 0; step < 100; step++) {
        const { value, grads } = valueAndGrad(loss, params);
        losses.push((await value.data())[0]!);
        for (const name of unreached) {
          if ((await grads[name]!.data()).some((one) => one !== 0)) unreached.delete(name);
        }
        const next = Object.fromEntries(
          Object.entries(params).map(([name, tensor]) => [
            name,
            tf.tidy(() => tf.sub(tensor, tf.mul(grads[name]!, 0.2))),
          ]),
        );
        tf.dispose([value, grads]);
        disposeParams(params);
        params = next;
      }
      expect(losses.at(-1)).toBeLessThan(losses[0]! / 10);
      // Only masked images use the mask token.
      expect([...unreached]).toEqual(["backbone.mask_token"]);
      tf.dispose([images, truth]);
      disposeParams(params);
    });
  },
  { backends: ["wasm"] },
);
