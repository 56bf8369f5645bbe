import type { ParamSpec, Params } from "@glof/nn";
import { buildLakeSegmenter, buildSmallLakeSegmenterConfig } from "@glof/segmenter";
import { buildDinov2 } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import type { TaskArgs } from "../protocol.js";
import { type ModelSize, modelSizes } from "../suites/model_sizes.js";
import { glofTrain } from "./glof_train.js";
import { hostWork, memoryShape } from "./null_gpu.js";
import type { PrepareWork, Work } from "./serve.js";
import { textOf } from "./tf_tools.js";

/** A forward pass of a model whose weights are zeros: what it costs the processor does not depend on them. */
export const glofHost: PrepareWork = (args) => {
  const model = textOf(args, "model");
  if (args.trains === true) return trainingWork(args);
  return model === "shipped" ? segmenterWork() : backboneWork(model as ModelSize);
};

function backboneWork(size: ModelSize): Promise<Work> {
  const { embedDim, heads, depth } = modelSizes[size];
  const model = buildDinov2({ embedDim, heads, depth });
  const params = zeroParams(model.specs);
  const image = tf.zeros<tf.Rank.R4>([1, 518, 518, 3]);
  return hostWork(tf, () => tf.dispose({ ...model.forward(params, image) }));
}

function segmenterWork(): Promise<Work> {
  const model = buildLakeSegmenter(buildSmallLakeSegmenterConfig());
  const params = zeroParams(model.specs);
  const image = tf.zeros<tf.Rank.R4>([1, 518, 518, 4]);
  return hostWork(tf, () => tf.dispose(model.forward(params, image)));
}

/**
 * The step of the training suite. The device's numbers are all zeros: so is the norm of the gradients, and only a limit near
 * it has them scaled, as real ones are.
 */
async function trainingWork(args: TaskArgs): Promise<Work> {
  const work = await glofTrain({ ...args, maxNorm: 1e-9 });
  return hostWork(tf, () => work.run(), 15);
}

/** Zeros for a model. Blocks share theirs: the null backend lends no more than half a gigabyte. */
function zeroParams(specs: readonly ParamSpec[]): Params {
  const first = new Map<string, tf.Tensor>();
  const entries = specs.map((spec) => {
    const role = spec.name.replace(/blocks\.\d+\./, "blocks.0.");
    const shared = first.get(role) ?? tf.zeros(memoryShape(spec));
    first.set(role, shared);
    return [spec.name, shared.clone()] as const;
  });
  return Object.fromEntries(entries);
}
