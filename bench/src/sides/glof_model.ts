import { existsSync } from "node:fs";
import { type Checkpoint, openCheckpoint, writeTorch } from "@glof/checkpoint";
import { saveParams, storeForPrediction } from "@glof/nn";
import { buildDinov2, type Dinov2Model } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import { type ModelSize, modelSizes } from "../suites/model_sizes.js";
import type { PrepareWork } from "./serve.js";
import { numberOf, tensorOf, textOf } from "./tf_tools.js";

/** A DINOv2 model from a .pth, with the time of each stage. */
export const glofModel: PrepareWork = async (args) => {
  const { embedDim, heads } = modelSizes[textOf(args, "size") as ModelSize];
  const model = buildDinov2({ embedDim, heads, depth: numberOf(args, "depth") });
  const path = textOf(args, "path");
  if (!existsSync(path)) await writeRandom(model, path);
  const started = performance.now();
  const checkpoint = await openCheckpoint(path);
  const openMs = performance.now() - started;
  const clock = { readMs: 0 };
  // As those who predict do: in half precision weights are kept as halves.
  const params = await storeForPrediction(await model.load(withReadClock(checkpoint, clock)));
  const uploadMs = performance.now() - started - openMs - clock.readMs;
  await checkpoint.close();
  const loadPeakBytes = process.resourceUsage().maxRSS * 1024;
  const image = tensorOf(tf, [1, 518, 518, 3], 1) as tf.Tensor4D;
  return {
    run: () => tf.dispose({ ...model.forward(params, image) }),
    async output() {
      const features = model.forward(params, image);
      const values = await features.patchTokens.data<"float32">();
      tf.dispose({ ...features });
      return values;
    },
    facts: () => ({ openMs, ...clock, uploadMs, loadPeakBytes }),
    dispose: () => {
      tf.dispose([image]);
      tf.dispose({ ...params });
    },
  };
};

/** The checkpoint, with the time that reading takes added up. Reads may overlap: only the time with any under way counts. */
function withReadClock(checkpoint: Checkpoint, clock: { readMs: number }): Checkpoint {
  let underWay = 0;
  let since = 0;
  const timed = async <T>(read: () => Promise<T>): Promise<T> => {
    if (underWay++ === 0) since = performance.now();
    try {
      return await read();
    } finally {
      if (--underWay === 0) clock.readMs += performance.now() - since;
    }
  };
  return {
    ...checkpoint,
    entries: checkpoint.entries,
    readFloat32: (name) => timed(() => checkpoint.readFloat32(name)),
    readBytes: (name) => timed(() => checkpoint.readBytes(name)),
    close: () => checkpoint.close(),
  };
}

/** Random weights in a file of our own, where there is no torch to write one. */
async function writeRandom(model: Dinov2Model, path: string): Promise<void> {
  const params = model.init(0);
  await writeTorch(path, await saveParams(model.specs, params));
  tf.dispose({ ...params });
}
