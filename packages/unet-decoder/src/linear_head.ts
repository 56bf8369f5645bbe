import { type ParamSpec, resizeBilinear } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { decoderFrom, overDefaults, requireInput, requireSizes } from "./check.js";
import { applyConv, convSpecs } from "./conv_unit.js";
import { applyNorm, normSpecs } from "./norm.js";
import type { Decoder } from "./types.js";

/** Config of `buildLinearHead`; plain JSON. */
export interface LinearHeadConfig {
  /** Channels of each feature map, shallow to deep; they are put side by side. */
  readonly featureChannels: readonly number[];
  /** K. Default 1. */
  readonly classes: number;
  /** Batch normalisation of the features, as DINOv2's segmentation heads have it. Default true. */
  readonly batchNorm: boolean;
}

/** A `LinearHeadConfig` as a caller writes it. */
export type LinearHeadOptions = Pick<LinearHeadConfig, "featureChannels"> & Partial<LinearHeadConfig>;

/**
 * The linear segmentation head of DINOv2's evaluations: features side by side, batch normalisation, one linear layer per
 * cell, logits resized bilinearly to the image. Parameters are named as there: `bn.*`, `conv_seg.*`.
 * Source: dinov2/eval/segmentation/models/decode_heads/linear_head.py (`BNHead`).
 *
 * @throws GlofError `bad-config`; its forward `shape-mismatch`
 */
export function buildLinearHead(options: LinearHeadOptions): Decoder<LinearHeadConfig> {
  const config: LinearHeadConfig = overDefaults({ classes: 1, batchNorm: true }, options);
  const { featureChannels, classes } = config;
  requireSizes("buildLinearHead", { featureChannels, classes });
  const norm = config.batchNorm ? "batch" : "none";
  const width = featureChannels.reduce((sum, channels) => sum + channels, 0);
  const specs: readonly ParamSpec[] = [
    ...normSpecs(norm, "bn", width),
    ...convSpecs("conv_seg", [classes, width, 1], true, { kind: "normal", std: 0.01 }),
  ];
  return decoderFrom(config, specs, (params, input, mode) => {
    requireInput("buildLinearHead", input, featureChannels);
    return tf.tidy(() => {
      const [, rows, cols] = input.features.at(-1)!.map.shape;
      const maps = input.features.map(({ map }) =>
        map.shape[1] === rows && map.shape[2] === cols ? map : resizeBilinear(map, [rows, cols]),
      );
      const normed = applyNorm(norm, params, "bn", maps.length === 1 ? maps[0]! : tf.concat(maps, 3), mode);
      return resizeBilinear(applyConv(params, "conv_seg", normed), [
        input.image.shape[1],
        input.image.shape[2],
      ]);
    });
  });
}
