import type { ParamSpec } from "@glof/nn";
import { buildLakeSegmenter, buildSmallLakeSegmenterConfig } from "@glof/segmenter";
import { buildDinov2 } from "@glof/vit-dinov2";
import type * as tf from "@tensorflow/tfjs-core";
import { type ModelSize, modelSizes } from "../suites/model_sizes.js";
import { trainConfig } from "../suites/train_config.js";
import { hostWork, memoryShape } from "./null_gpu.js";
import type { PrepareWork, Work } from "./serve.js";
import { stockLosses } from "./stock_losses.js";
import { forwardTokens, type Weights } from "./stock_model.js";
import { stockSegmenter } from "./stock_segmenter.js";
import { textOf } from "./tf_tools.js";

/** What it hands over depends on the depth alone, and at 518 its results exceed what the null backend lends. */
const imagePx = 252;

/** What a model in public functions of TensorFlow.js hands over, of zeros. */
export function stockHost(engine: typeof tf): PrepareWork {
  return (args) => {
    const model = textOf(args, "model");
    if (args.trains === true) return trainingStep(engine, model);
    if (model === "shipped") {
      const config = trainConfig("small");
      const weights = zeroWeights(engine, buildLakeSegmenter(config).specs);
      const image = engine.zeros<tf.Rank.R4>([1, imagePx, imagePx, config.bands.length]);
      return hostWork(engine, () =>
        engine.tidy(() => stockSegmenter(engine, config, weights, image)).dispose(),
      );
    }
    const { embedDim, depth, heads } = modelSizes[model as ModelSize];
    const { specs } = buildDinov2({ embedDim, depth, heads, imageSizePx: imagePx });
    const weights = zeroWeights(engine, specs);
    const image = engine.zeros<tf.Rank.R4>([1, imagePx, imagePx, 3]);
    return hostWork(engine, () =>
      engine.tidy(() => forwardTokens(engine, weights, image, depth, heads)).dispose(),
    );
  };
}

/**
 * Forward, gradients, clipping, and AdamW as its users write it: decay, then Adam. Dice in place of Lovasz: on WebGPU its tape
 * refuses values that were gathered by a sort's indices.
 */
function trainingStep(engine: typeof tf, model: string): Promise<Work> {
  // Half as wide as ours: what the tape keeps of 252 x 252 exceeds what the null backend lends.
  const side = model === "small" ? 126 : trainConfig(model).trainPx;
  const config = model === "small" ? buildSmallLakeSegmenterConfig({ trainPx: side }) : trainConfig(model);
  const { bands } = config;
  const image = engine.zeros<tf.Rank.R4>([1, side, side, bands.length]);
  const target = engine.zeros([1, side, side, 1]);
  const zeros = zeroWeights(engine, buildLakeSegmenter(config).specs);
  const weights = Object.fromEntries(
    Object.entries(zeros).map(([name, tensor]) => [name, engine.variable(tensor)]),
  );
  const { bce, dice } = stockLosses(engine);
  const optimizer = engine.train.adam(1e-4, 0.9, 0.999, 1e-8);
  return hostWork(
    engine,
    () =>
      void engine.tidy(() => {
        const { grads } = engine.variableGrads(() => {
          const logits = stockSegmenter(engine, config, weights, image);
          return engine.add<tf.Scalar>(bce(logits, target), dice(logits, target));
        });
        const squares = Object.values(grads).map((grad) => engine.sum(engine.square(grad)));
        const norm = engine.sqrt(squares.reduce((a, b) => engine.add(a, b)));
        const factor = engine.minimum(1, engine.div(1, engine.add(norm, 1e-6)));
        for (const one of Object.values(weights)) one.assign(engine.mul(one, 1 - 1e-6));
        const clipped = Object.entries(grads).map(([name, grad]) => ({
          name,
          tensor: engine.mul(grad, factor),
        }));
        optimizer.applyGradients(clipped);
      }),
    TRAINING_WARM_UPS,
  );
}

const TRAINING_WARM_UPS = 15;

/** Blocks share theirs: the null backend lends no more than half a gigabyte. */
function zeroWeights(engine: typeof tf, specs: readonly ParamSpec[]): Weights {
  const first = new Map<string, tf.Tensor>();
  return Object.fromEntries(
    specs.map((spec) => {
      const role = spec.name.replace(/blocks\.\d+\./, "blocks.0.");
      const tensor = first.get(role) ?? engine.zeros(memoryShape(spec));
      first.set(role, tensor);
      return [spec.name, tensor];
    }),
  );
}
