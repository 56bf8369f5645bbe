import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shippedModelPath } from "@glof/cli";
import type { TilePredictor } from "@glof/inference";
import { mapScene } from "@glof/mapping";
import { LakeSegmenter } from "@glof/segmenter";
import { openScene } from "@glof/sentinel2";
import type { Facts } from "../protocol.js";
import type { PrepareWork } from "./serve.js";
import { textOf } from "./tf_tools.js";

/** The whole job on a scene, with the time that the model takes told from the rest. */
export const glofScene: PrepareWork = async (args) => {
  const folder = mkdtempSync(join(tmpdir(), "glof-bench-"));
  const segmenter = await LakeSegmenter.load(shippedModelPath());
  let facts: Facts = {};
  return {
    async run() {
      const scene = await openScene(textOf(args, "scene"));
      const clock = { predictMs: 0, tiles: 0 };
      const predictor: TilePredictor = {
        concurrency: 1,
        async predict(pixels, shape) {
          const started = performance.now();
          const prob = await segmenter.predictPixels(pixels, shape);
          clock.predictMs += performance.now() - started;
          clock.tiles += shape[0];
          return prob;
        },
      };
      const outDir = join(folder, "map");
      const { run, lakes } = await mapScene({ scene, segmenter, outDir, predictor, overwrite: true });
      await scene.close();
      const stages = Object.entries(run.seconds).map(([stage, seconds]) => [`${stage}Ms`, seconds * 1e3]);
      const totalMs = (run.seconds.total ?? Number.NaN) * 1e3;
      const besideModel = (totalMs - clock.predictMs) / clock.predictMs;
      facts = { ...clock, lakes: lakes.length, restOverModel: besideModel, ...Object.fromEntries(stages) };
    },
    facts: () => facts,
    dispose: () => {
      segmenter.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
