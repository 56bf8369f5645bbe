import { bceWithLogits, lovaszHinge, weightedSum } from "@glof/losses";
import {
  disposeParams,
  type ForwardMode,
  type Model,
  type Params,
  partition,
  subParams,
  valueAndGrad,
} from "@glof/nn";
import { buildLora } from "@glof/peft";
import { buildLakeSegmenter, type SegmenterConfig } from "@glof/segmenter";
import {
  adamW,
  clipByGlobalNorm,
  disposeOptimizerState,
  type OptimizerState,
  type TrainableRules,
} from "@glof/train";
import { buildVitUnet } from "@glof/unet-decoder";
import { buildDinov2 } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import { type Learning, trainConfig } from "../suites/train_config.js";
import type { PrepareWork } from "./serve.js";
import { numberOf, tensorOf, textOf } from "./tf_tools.js";

type Segmenter = Pick<Model<tf.Tensor4D, tf.Tensor4D>, "forward">;

/** What learns, and the model that is trained. */
interface Lesson {
  readonly model: Segmenter;
  readonly params: Params;
  readonly rules: TrainableRules;
}

/** One optimiser step of a lake segmenter of random weights. */
export const glofTrain: PrepareWork = (args) => {
  const config = trainConfig(textOf(args, "model"));
  const learning = textOf(args, "learning") as Learning;
  const mode: ForwardMode = { training: true, seed: 1, checkpointBlocks: args.lean === true };
  const { model, params, rules } = lessonOf(config, learning);
  const { trainable: first, frozen } = partition(params, rules);
  const shape = [numberOf(args, "batch"), config.trainPx, config.trainPx] as const;
  const images = tensorOf(tf, [...shape, config.bands.length], 1) as tf.Tensor4D;
  const target = tf.tidy(() => tf.cast(tf.greater(tensorOf(tf, [...shape, 1], 2), 0.4), "float32"));
  const loss = weightedSum([
    [1, bceWithLogits],
    [1, lovaszHinge],
  ]);
  const optimizer = adamW({ lr: 1e-4 });
  let [trainable, state]: [Params, OptimizerState] = [first, {}];
  return {
    async run() {
      const forward = forwardOf(model, config, learning, frozen, images, mode);
      const { value, grads } = valueAndGrad((given) => loss(forward.logits(given), target), trainable);
      value.dispose();
      forward.dispose();
      const { grads: clipped } = await clipByGlobalNorm(grads, 1);
      disposeParams(grads);
      const next = optimizer.update(trainable, clipped, state);
      disposeParams(clipped);
      disposeParams(trainable);
      disposeOptimizerState(state);
      [trainable, state] = [next.params, next.state];
    },
    facts: () => ({
      learning: Object.values(trainable).reduce((sum, { size }) => sum + size, 0),
      tensorBytes: tf.memory().numBytes,
    }),
    dispose: () => tf.dispose([images, target]),
  };
};

function lessonOf(config: SegmenterConfig, learning: Learning): Lesson {
  const model = buildLakeSegmenter(config);
  const params = model.init(1);
  const last = new RegExp(`^backbone\\.blocks\\.${config.backbone.depth - 1}\\.`);
  if (learning === "LoRA") {
    const lora = buildLora(model, { rank: 8, targets: ["qkv", "proj"] });
    return { model: lora, params: lora.attach(params, 2), rules: [[/^decoder\./, "train"], ...lora.rules] };
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
  return { model, params, rules: rules[learning] };
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
