import { planTiles } from "@glof/inference";
import { linear } from "@glof/nn";
import type { LakeSegmenter } from "@glof/segmenter";
import {
  buildDinov2Vitb14,
  buildDinov2Vitg14,
  buildDinov2Vitl14,
  buildDinov2Vits14,
  flopsOf,
} from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";

/** Something that `glof bench` measures. */
export interface BenchCase {
  readonly name: string;
  /** Floating-point operations of one run; a multiply-add counts as two. */
  readonly flop: number;
  /** Runs it once, to the end: on a GPU until the result is there. */
  run(): Promise<void>;
  dispose(): void;
}

/** [tokens, width] of ViT-S/14 at 518 x 518: 37 x 37 patches and the class token. */
const [tokens, width] = [37 * 37 + 1, 384];

/** The product that most of a transformer's time goes to: the first layer of ViT-S's MLP, on all tokens or some. */
export function productCase(rows = tokens): BenchCase {
  const hidden = 4 * width;
  const x = tf.randomNormal<tf.Rank.R2>([rows, width], 0, 1, "float32", 1);
  const w = tf.randomNormal<tf.Rank.R2>([width, hidden], 0, 0.02, "float32", 2);
  return {
    name: `matrix product ${rows} x ${width} x ${hidden}`,
    flop: 2 * rows * width * hidden,
    run: () => finish(() => linear(x, w)),
    dispose: () => tf.dispose([x, w]),
  };
}

/** Backbones by their sizes. */
export const builders = {
  S: buildDinov2Vits14,
  B: buildDinov2Vitb14,
  L: buildDinov2Vitl14,
  g: buildDinov2Vitg14,
};

/** A DINOv2 backbone by its size. */
export type VitSize = keyof typeof builders;

/** Every size. */
export const vitSizes = Object.keys(builders) as readonly VitSize[];

/** One block of a ViT/14 on a 518 x 518 image, patch embedding and norm included. */
export function blockCase(size: VitSize = "S"): BenchCase {
  const model = builders[size]({ depth: 1 });
  const params = model.init(1);
  const image = tf.randomNormal<tf.Rank.R4>([1, 518, 518, 3], 0, 1, "float32", 3);
  return {
    name: `ViT-${size}/14 block, 518 x 518`,
    flop: flopsOf(model.config, [518, 518]),
    run: () => finish(() => model.forward(params, image).prenorm),
    dispose: () => {
      image.dispose();
      tf.dispose({ ...params });
    },
  };
}

/** One tile through a lake segmenter, pixels in and probabilities out. FLOP are those of its backbone. */
export function tileCase(segmenter: LakeSegmenter): BenchCase {
  const { name, backbone, tilePx, bands } = segmenter.config;
  const pixels = new Float32Array(tilePx * tilePx * bands.length).fill(0.5);
  return {
    name: `${name}, tile of ${tilePx} x ${tilePx}`,
    flop: flopsOf(backbone, [tilePx, tilePx]),
    run: async () => void (await segmenter.predictPixels(pixels, [1, tilePx, tilePx, bands.length])),
    dispose: () => segmenter.dispose(),
  };
}

/** Tiles of a whole Sentinel-2 product, 10980 x 10980 pixels. */
export function tilesOfScene({ config: { tilePx, overlapPx } }: LakeSegmenter): number {
  const { tileX, tileY } = planTiles({ width: 10980, height: 10980, tilePx, overlapPx });
  return tileX.length * tileY.length;
}

/** Computes in a tidy and waits for one value of the result: the device is through with all before it. */
async function finish(compute: () => tf.Tensor): Promise<void> {
  const corner = tf.tidy(() => {
    const result = compute();
    return tf.slice(result, new Array(result.rank).fill(0), new Array(result.rank).fill(1));
  });
  await corner.data();
  corner.dispose();
}
