import { type Params, valueAndGrad } from "@glof/nn";
import { buildLakeSegmenter, type SegmenterConfig } from "@glof/segmenter";
import { flopsOf } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import { type BenchCase, builders, type VitSize } from "./bench_cases.js";

/** Chips of a training step, and their side: what `glof train` takes by default. */
const [batch, chipPx] = [4, 252];

/** One block of a ViT/14 forwards and backwards, gradients of every weight included. */
export function blockGradientCase(size: VitSize, px = chipPx): BenchCase {
  const model = builders[size]({ depth: 1 });
  return gradientCase(`ViT-${size}/14 block with its gradient, ${batch} x ${px} x ${px}`, {
    params: model.init(1),
    shape: [batch, px, px, 3],
    flop: 3 * batch * flopsOf(model.config, [px, px]),
    forward: (params, images) => model.forward(params, images).prenorm,
  });
}

/** A lake segmenter forwards and backwards, gradients of every weight included. FLOP are those of its backbone. */
export function segmenterGradientCase(config: SegmenterConfig, px = chipPx): BenchCase {
  const model = buildLakeSegmenter(config);
  return gradientCase(`${config.name} with its gradient, ${batch} x ${px} x ${px}`, {
    params: model.init(1),
    shape: [batch, px, px, config.bands.length],
    flop: 3 * batch * flopsOf(config.backbone, [px, px]),
    forward: (params, images) => model.forward(params, images, { training: true, seed: 1 }),
  });
}

interface GradientOf {
  readonly params: Params;
  readonly shape: [number, number, number, number];
  readonly flop: number;
  readonly forward: (params: Params, images: tf.Tensor4D) => tf.Tensor;
}

function gradientCase(name: string, { params, shape, flop, forward }: GradientOf): BenchCase {
  const images = tf.randomNormal<tf.Rank.R4>(shape, 0, 1, "float32", 3);
  const loss = (given: Params): tf.Scalar => tf.mean(tf.square(forward(given, images))) as tf.Scalar;
  return {
    name,
    flop,
    run: async () => {
      const { value, grads } = valueAndGrad(loss, params);
      // The device computes in order: with one number of the last gradient it is through with all.
      const last = Object.values(grads).at(-1)!;
      const corner = tf.tidy(() => tf.slice(tf.reshape(last, [-1]), [0], [1]));
      await corner.data();
      tf.dispose([value, corner, { ...grads }]);
    },
    dispose: () => tf.dispose([images, { ...params }]),
  };
}
