import type { SegmenterConfig } from "@glof/segmenter";
import type * as tf from "@tensorflow/tfjs-core";
import { embedTokens, stockBlock, type Weights } from "./stock_model.js";
import { stockGroupNorm, stockLayerNorm } from "./stock_ops.js";

/** Backbone, decoder and names of glof's segmenter, in public functions of TensorFlow.js. One image; its positions must fit. */
export function stockSegmenter(
  engine: typeof tf,
  { backbone, featureLayers }: SegmenterConfig,
  weights: Weights,
  image: tf.Tensor4D,
): tf.Tensor4D {
  const w = (name: string): tf.Tensor => weights[`backbone.${name}`]!;
  let x = embedTokens(engine, w, image);
  const grid = [1, image.shape[1] / 14, image.shape[2] / 14, backbone.embedDim];
  const maps: tf.Tensor4D[] = [];
  for (let layer = 0; layer < backbone.depth; layer++) {
    x = stockBlock(engine, (name) => w(`blocks.${layer}.${name}`), x, backbone.heads);
    if (!featureLayers.includes(layer)) continue;
    const normed = stockLayerNorm(engine, x, w("norm.weight"), w("norm.bias"));
    maps.push(engine.reshape(engine.slice(normed, [0, 1, 0]), grid as [number, number, number, number]));
  }
  return decode(engine, weights, maps, image);
}

function decode(
  engine: typeof tf,
  weights: Weights,
  maps: readonly tf.Tensor4D[],
  image: tf.Tensor4D,
): tf.Tensor4D {
  const w = (name: string): tf.Tensor | undefined => weights[`decoder.${name}`];
  const conv = (y: tf.Tensor4D, at: string, stride = 1): tf.Tensor4D => {
    const filter = w(`${at}.weight`) as tf.Tensor4D;
    const padding = (filter.shape[0] - 1) / 2;
    const made = engine.conv2d(y, filter, stride, padding, "NHWC", 1, "floor");
    const bias = w(`${at}.bias`);
    return bias ? engine.add(made, bias) : made;
  };
  const unit = (y: tf.Tensor4D, at: string, stride = 1): tf.Tensor4D => {
    const made = conv(y, `${at}.conv`, stride);
    const [gamma, beta] = [w(`${at}.norm.weight`)!, w(`${at}.norm.bias`)!];
    return engine.relu(stockGroupNorm(engine, made, gamma, beta, Math.min(8, made.shape[3])));
  };
  const nearest = (y: tf.Tensor4D, rows: number, cols: number) =>
    engine.image.resizeNearestNeighbor(y, [rows, cols]);
  const fused = maps.map((map, index) => conv(map, `lateral.${index}`)).reduce((a, b) => engine.add(a, b));
  const patch = unit(fused, "patch");
  const quarter = unit(nearest(patch, 2 * patch.shape[1], 2 * patch.shape[2]), "quarter");
  const stem = unit(unit(image, "half_stem.0", 2), "half_stem.1");
  const [, rows, cols] = stem.shape;
  const resized = engine.image.resizeBilinear(conv(quarter, "to_half"), [rows, cols], false, true);
  const half = conv(unit(engine.concat([resized, stem], 3), "half"), "to_full");
  const full = nearest(half, image.shape[1], image.shape[2]);
  const joined = engine.concat([full, unit(image, "full_stem")], 3);
  return conv(unit(unit(joined, "full.0"), "full.1"), "logits");
}
