import { existsSync } from "node:fs";
import { openCheckpoint, writeTorch } from "@glof/checkpoint";
import { bceWithLogits, lovaszHinge, weightedSum } from "@glof/losses";
import {
  disposeParams,
  type ForwardMode,
  type Model,
  type Params,
  partition,
  saveParams,
  subParams,
  valueAndGrad,
} from "@glof/nn";
import { buildLora } from "@glof/peft";
import { buildLakeSegmenter, type SegmenterConfig } from "@glof/segmenter";
import { adamW, clipByGlobalNorm, type OptimizerState, type TrainableRules } from "@glof/train";
import { buildVitUnet } from "@glof/unet-decoder";
import { buildDinov2 } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import { type Learning, LORA_RANK, trainConfig } from "../suites/train_config.js";
import type { PrepareWork } from "./serve.js";
import { numberOf, tensorOf, textOf } from "./tf_tools.js";

type Segmenter = Pick<Model<tf.Tensor4D, tf.Tensor4D>, "forward" | "specs" | "init" | "load">;

/** What learns, and the model that is trained. */
interface Lesson {
  readonly model: Segmenter;
  readonly rules: TrainableRules;
}

/** One optimiser step of a lake segmenter with the weights of a file. */
export const glofTrain: PrepareWork = async (args) => {
  const config = trainConfig(textOf(args, "model"));
  const learning = textOf(args, "learning") as Learning;
  const mode: ForwardMode = { training: true, seed: 1, checkpointBlocks: args.lean === true };
  const { model, rules } = lessonOf(config, learning);
  const path = textOf(args, "path");
  if (!existsSync(path)) await writeWeights(model, path);
  const load = async () => {
    const checkpoint = await openCheckpoint(path);
    const loaded = await model.load(checkpoint);
    await checkpoint.close();
    return partition(loaded, rules);
  };
  const { trainable: first, frozen } = await load();
  const shape = [numberOf(args, "batch"), config.trainPx, config.trainPx] as const;
  const images = tensorOf(tf, [...shape, config.bands.length], 1) as tf.Tensor4D;
  const target = tf.tidy(() => tf.cast(tf.greater(tensorOf(tf, [...shape, 1], 2), 0.4), "float32"));
  const loss = weightedSum([
    [1, bceWithLogits],
    [1, lovaszHinge],
  ]);
  const maxNorm = typeof args.maxNorm === "number" ? args.maxNorm : 1;
  const optimizer = adamW({ lr: 1e-4 });
  let [trainable, state]: [Params, OptimizerState] = [first, {}];
  const gradients = (learned: Params) => {
    const forward = forwardOf(model, config, learning, frozen, images, mode);
    const found = valueAndGrad((given) => loss(forward.logits(given), target), learned);
    forward.dispose();
    return found;
  };
  return {
    async run() {
      const { value, grads } = gradients(trainable);
      value.dispose();
      const { grads: clipped } = await clipByGlobalNorm(grads, maxNorm, { donate: true });
      const next = optimizer.update(trainable, clipped, state, undefined, { donate: true });
      [trainable, state] = [next.params, next.state];
    },
    async output() {
      // At the weights of the file, whatever was learned since.
      const again = await load();
      disposeParams(again.frozen);
      const { value, grads } = gradients(again.trainable);
      disposeParams(again.trainable);
      const files = await saveParams(
        model.specs.filter(({ name }) => name in grads),
        grads,
      );
      const parts = [await value.data<"float32">()];
      for (const name of textOf(args, "compare").split(",")) parts.push(files[name]!.values as Float32Array);
      value.dispose();
      disposeParams(grads);
      return parts;
    },
    facts: () => ({
      learning: Object.values(trainable).reduce((sum, { size }) => sum + size, 0),
      tensorBytes: tf.memory().numBytes,
    }),
    dispose: () => tf.dispose([images, target]),
  };
};

/** Random weights in a file of our own, for all sides. Adapters change something: else half of their gradients were 0. */
async function writeWeights(model: Segmenter, path: string): Promise<void> {
  const params = model.init(1);
  const moved = Object.entries(params).map(([name, tensor], index) =>
    name.includes("lora_B") ? [name, tensorOf(tf, tensor.shape, index, 0.02)] : [name, tensor],
  );
  const tensors = await saveParams(model.specs, Object.fromEntries(moved) as Params);
  await writeTorch(path, tensors);
  disposeParams(params);
}

function lessonOf(config: SegmenterConfig, learning: Learning): Lesson {
  const model = buildLakeSegmenter(config);
  const last = new RegExp(`^backbone\\.blocks\\.${config.backbone.depth - 1}\\.`);
  if (learning === "LoRA") {
    const lora = buildLora(model, { rank: LORA_RANK, targets: ["qkv", "proj"] });
    return { model: lora, rules: [[/^decoder\./, "train"], ...lora.rules] };
  }
  const rules: Record<Exclude<Learning, "LoRA">, TrainableRules> = {
    decoder: [
      [/^decoder\./, "train"],
      [/./, "freeze"],
    ],
    "last block": [
      [/^decoder\./, "train"],
      [last, "train"],
      [/./, "freeze"],
    ],
    full: [[/./, "train"]],
  };
  return { model, rules: rules[learning] };
}

/** Logits by what learns; a frozen backbone runs before, off the tape. */
function forwardOf(
  model: Segmenter,
  config: SegmenterConfig,
  learning: Learning,
  frozen: Params,
  images: tf.Tensor4D,
  mode: ForwardMode,
): { logits(trainable: Params): tf.Tensor4D; dispose(): void } {
  if (learning !== "decoder") {
    return {
      logits: (given) => model.forward({ ...frozen, ...given }, images, mode),
      dispose: () => undefined,
    };
  }
  const layers = buildDinov2(config.backbone).intermediates(
    subParams(frozen, "backbone."),
    images,
    config.featureLayers,
  );
  const features = layers.map(({ patches }) => ({
    map: patches as tf.Tensor4D,
    stridePx: config.backbone.patchSizePx,
  }));
  const decoder = buildVitUnet(config.decoder);
  return {
    logits: (given) => decoder.forward(subParams(given, "decoder."), { features, image: images }, mode),
    dispose: () => {
      for (const { patches, clsToken } of layers) tf.dispose([patches, clsToken]);
    },
  };
}
