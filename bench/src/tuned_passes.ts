import { storeForPrediction, valueAndGrad, type WebgpuPrecision } from "@glof/nn";
import { buildLakeSegmenter, buildSmallLakeSegmenterConfig } from "@glof/segmenter";
import { buildDinov2 } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import { modelSizes } from "./suites/model_sizes.js";
import { trainConfig } from "./suites/train_config.js";

/** A pass whose products and attention the benchmark computes again and again. */
export interface TunedPass {
  readonly name: string;
  readonly precision: WebgpuPrecision;
  /** Weights and images as the precision in force wants them. */
  prepare(): Promise<{ run(): void; dispose(): void }>;
}

type VitSize = "S" | "B" | "L";

/** What the suites `model` and `train` compute on a GPU, and what most runs of `glof` do; what takes longest there comes first. */
export function tunedPasses(): TunedPass[] {
  return [
    ...(["L", "B", "S"] as const).flatMap((size) => [forwardOf(size, "f16"), forwardOf(size, "f32")]),
    trainingOf("S", 8),
    shippedForward(),
    trainingOf("small", 4),
    trainingOf("B", 8),
    trainingOf("L", 8),
  ];
}

/** One block on a 518 x 518 image: the other blocks have the same products. */
export function forwardOf(size: VitSize | "T", precision: WebgpuPrecision, px = 518): TunedPass {
  const { embedDim, heads } = modelSizes[size];
  return {
    name: `ViT-${size}, ${precision}`,
    precision,
    async prepare() {
      const model = buildDinov2({ embedDim, heads, depth: 1 });
      const params = await storeForPrediction(model.init(1));
      const image = tf.zeros<tf.Rank.R4>([1, px, px, 3]);
      return {
        run: () => tf.dispose({ ...model.forward(params, image) }),
        dispose: () => tf.dispose([image, { ...params }]),
      };
    },
  };
}

/** A tile through the architecture of the segmenter that comes with glof. */
function shippedForward(): TunedPass {
  return {
    name: "shipped segmenter, f32",
    precision: "f32",
    async prepare() {
      const config = buildSmallLakeSegmenterConfig();
      const model = buildLakeSegmenter(config);
      const params = await storeForPrediction(model.init(1));
      const images = tf.zeros<tf.Rank.R4>([1, config.tilePx, config.tilePx, config.bands.length]);
      return {
        run: () => model.forward(params, images).dispose(),
        dispose: () => tf.dispose([images, { ...params }]),
      };
    },
  };
}

/** A segmenter of the suite `train`, forwards and backwards, with a block for each map that its decoder gets. */
export function trainingOf(name: VitSize | "small" | "tiny", batch: number): TunedPass {
  return {
    name: `training ${name}, ${batch} chips, f32`,
    precision: "f32",
    async prepare() {
      const whole = trainConfig(name);
      const { embedDim, heads } = whole.backbone;
      const config = buildSmallLakeSegmenterConfig({
        ...{ embedDim, heads, trainPx: whole.trainPx },
        depth: whole.featureLayers.length,
        featureLayers: whole.featureLayers.map((_, index) => index),
      });
      const model = buildLakeSegmenter(config);
      const params = model.init(1);
      const images = tf.zeros<tf.Rank.R4>([batch, whole.trainPx, whole.trainPx, config.bands.length]);
      const mode = { training: true, seed: 1 };
      return {
        run() {
          const { value, grads } = valueAndGrad(
            (given) => tf.mean(tf.square(model.forward(given, images, mode))) as tf.Scalar,
            params,
          );
          tf.dispose([value, { ...grads }]);
        },
        dispose: () => tf.dispose([images, { ...params }]),
      };
    },
  };
}
