import { GlofError } from "@glof/core";
import {
  avgPool2d,
  initParams,
  loadParams,
  type Model,
  type ParamSpec,
  type Params,
  resizeBilinear,
} from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { convUnit, convUnitSpecs, type DecoderNorm, project, projectSpecs } from "./layers.js";
import type { DecoderInput, FeatureMap } from "./types.js";

/** Channels on the way up. */
export interface VitUnetWidths {
  /** At the stride of the patches and half of it. */
  readonly patch: number;
  /** At half the image's resolution. */
  readonly half: number;
  /** At the image's resolution: every channel here costs most. */
  readonly full: number;
}

/** Settings of `buildVitUnet`. */
export interface VitUnetConfig {
  /** Channels of each feature map, shallow to deep. */
  readonly inChannels: readonly number[];
  /** Channels of the image. */
  readonly imageChannels: number;
  /** Classes; 1 for a binary mask. Default 1. */
  readonly numClasses?: number;
  /** Default { patch: 64, half: 32, full: 16 }. */
  readonly widths?: VitUnetWidths;
  /** Default "group". */
  readonly norm?: DecoderNorm;
}

/** Channels by default: about 1.5 GFLOP forward at 252 x 252. */
export const DEFAULT_VIT_UNET_WIDTHS: VitUnetWidths = { patch: 64, half: 32, full: 16 };

/**
 * A U-Net for plain vision transformers. All their maps have one stride (14 pixels), too coarse for a shore; so the skips
 * of the U-Net come from a small convolutional stem over the image itself, as in UNETR (Hatamizadeh et al. 2022).
 *
 * ```
 * maps, stride 14 ─ 1x1, sum ─ conv ─ x2 ─ conv ─ 1x1 ─ to 1/2 ─┬─ conv ─ 1x1 ─ to 1/1 ─┬─ conv ─ 1x1 ─ logits
 * image ─ conv ─┬─ mean 2x2 ─ conv ─────────────────────────────┘                       │
 *               └───────────────────────────────────────────────────────────────────────┘
 * ```
 *
 * Input: maps of one size, and the image [N, H, W, C] with even sides. Output: logits [N, H, W, K].
 */
export function buildVitUnet(config: VitUnetConfig): Model<DecoderInput, tf.Tensor4D, VitUnetConfig> {
  const specs = vitUnetSpecs(config);
  return {
    config,
    specs,
    init: (seed) => initParams(specs, seed),
    load: (checkpoint, options) => loadParams(specs, checkpoint, options),
    forward: (params, input) => {
      checkInput(input, config);
      return tf.tidy(() => decode(params, input));
    },
  };
}

function vitUnetSpecs(config: VitUnetConfig): ParamSpec[] {
  const {
    inChannels,
    imageChannels,
    numClasses = 1,
    widths = DEFAULT_VIT_UNET_WIDTHS,
    norm = "group",
  } = config;
  const { patch, half, full } = widths;
  const counts = [...inChannels, imageChannels, numClasses, patch, half, full];
  if (inChannels.length === 0 || !counts.every((count) => Number.isSafeInteger(count) && count > 0)) {
    throw new GlofError(
      "bad-config",
      `buildVitUnet: expected whole positive numbers of channels and at least one feature map, got ${JSON.stringify(config)}.`,
    );
  }
  return [
    ...convUnitSpecs("stem.full", imageChannels, full, norm),
    ...convUnitSpecs("stem.half", full, half, norm),
    ...inChannels.flatMap((channels, index) => projectSpecs(`lateral.${index}`, channels, patch)),
    ...convUnitSpecs("patch", patch, patch, norm),
    ...convUnitSpecs("middle", patch, patch, norm),
    ...projectSpecs("to_half", patch, half),
    ...convUnitSpecs("half", 2 * half, half, norm),
    ...projectSpecs("to_full", half, full),
    ...convUnitSpecs("full", 2 * full, full, norm),
    ...projectSpecs("head", full, numClasses),
  ];
}

function decode(params: Params, { features, image }: DecoderInput): tf.Tensor4D {
  const [, rows, cols] = image.shape;
  const stemFull = convUnit(params, "stem.full", image);
  const stemHalf = convUnit(params, "stem.half", avgPool2d(stemFull, 2, { stride: 2 }));
  const patch = convUnit(params, "patch", sumOfLaterals(params, features));
  const [, patchRows, patchCols] = patch.shape;
  const middle = convUnit(params, "middle", resizeBilinear(patch, [2 * patchRows, 2 * patchCols]));
  // Projecting before resizing is the same function at a fraction of the cost.
  const toHalf = resizeBilinear(project(params, "to_half", middle), [rows / 2, cols / 2]);
  const half = convUnit(params, "half", tf.concat([toHalf, stemHalf], 3));
  const toFull = resizeBilinear(project(params, "to_full", half), [rows, cols]);
  const full = convUnit(params, "full", tf.concat([toFull, stemFull], 3));
  return project(params, "head", full);
}

function sumOfLaterals(params: Params, features: readonly FeatureMap[]): tf.Tensor4D {
  return features
    .map(({ map }, index) => project(params, `lateral.${index}`, map))
    .reduce((sum, lateral) => tf.add(sum, lateral));
}

function checkInput({ features, image }: DecoderInput, { inChannels, imageChannels }: VitUnetConfig): void {
  const [, rows, cols, channels] = image.shape;
  const shapes = features.map(({ map }) => map.shape);
  const sameGrid = shapes.every(([, height, width]) => height === shapes[0]![1] && width === shapes[0]![2]);
  const sameChannels =
    shapes.length === inChannels.length && shapes.every((shape, index) => shape[3] === inChannels[index]);
  if (sameGrid && sameChannels && channels === imageChannels && rows % 2 === 0 && cols % 2 === 0) return;
  throw new GlofError(
    "shape-mismatch",
    `buildVitUnet: expected ${inChannels.length} maps of one size with ${inChannels.join(", ")} channels and an image ` +
      `[N, even, even, ${imageChannels}], got maps ${shapes.map((shape) => `[${shape}]`).join(", ")} and image [${image.shape}].`,
  );
}
