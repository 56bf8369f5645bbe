import { GlofError } from "@glof/core";
import { type ParamSpec, type Params, resizeBilinear, resizeNearest } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { decoderFrom, overDefaults, requireInput, requireSizes } from "./check.js";
import { applyConv, applyUnit, type ConvUnit, convSpecs, unitSpecs } from "./conv_unit.js";
import { applyScse, scseSpecs } from "./scse.js";
import type { Decoder, DecoderInput, DecoderMode } from "./types.js";

/** Config of `buildUnetDecoder`; plain JSON. */
export interface UnetDecoderConfig {
  /** Channels of the pyramid, shallow to deep, without the image itself: `[64, 64, 128, 256, 512]` for a ResNet-34. */
  readonly encoderChannels: readonly number[];
  /** Channels of each block, deep to shallow; as many as the pyramid has levels. Default `[256, 128, 64, 32, 16]`. */
  readonly decoderChannels: readonly number[];
  /** Batch normalisation after each convolution. Default true. */
  readonly batchNorm: boolean;
  /** Two more convolutions at the deepest level. Default false. */
  readonly centerBlock: boolean;
  /** Default "nearest". */
  readonly interpolation: "nearest" | "bilinear";
  /** Attention on what is joined and on what comes out. Default null. */
  readonly attention: "scse" | null;
  /** K of a last 3x3 convolution, or null: the last block's features are the result. Default null. */
  readonly classes: number | null;
}

/** A `UnetDecoderConfig` as a caller writes it. */
export type UnetDecoderOptions = Pick<UnetDecoderConfig, "encoderChannels"> & Partial<UnetDecoderConfig>;

/** Defaults of `buildUnetDecoder`. */
export const unetDecoderDefaults = {
  decoderChannels: [256, 128, 64, 32, 16],
  batchNorm: true,
  centerBlock: false,
  interpolation: "nearest",
  attention: null,
  classes: null,
} as const satisfies Partial<UnetDecoderConfig>;

/**
 * The U-Net decoder of segmentation_models.pytorch over a pyramid: each block resizes to the size of the next shallower
 * map, joins it behind the upsampled one, and convolves twice. The last block has the image's size and no skip. Names are
 * smp's: `blocks.0.conv1.0.weight` (convolution), `blocks.0.conv1.1.weight` (normalisation).
 * Source: segmentation_models_pytorch/decoders/unet/decoder.py.
 *
 * The image gives its size only.
 *
 * @throws GlofError `bad-config`; its forward `shape-mismatch`
 */
export function buildUnetDecoder(options: UnetDecoderOptions): Decoder<UnetDecoderConfig> {
  const config: UnetDecoderConfig = overDefaults(unetDecoderDefaults, options);
  checkConfig(config);
  const blocks = planBlocks(config);
  return decoderFrom(config, unetDecoderSpecs(config, blocks), (params, input, mode) => {
    requireInput("buildUnetDecoder", input, config.encoderChannels);
    return tf.tidy(() => forward(config, blocks, params, input, mode));
  });
}

function checkConfig({ encoderChannels, decoderChannels, classes, attention }: UnetDecoderConfig): void {
  const where = "buildUnetDecoder";
  requireSizes(where, { encoderChannels, decoderChannels, classes: classes ?? 1 });
  const isSquare = encoderChannels.length === decoderChannels.length;
  if (isSquare && (attention === null || Math.min(...encoderChannels, ...decoderChannels) >= 16)) return;
  throw new GlofError(
    "bad-config",
    `${where}: expected as many decoderChannels as encoderChannels, and 16 or more of each for attention, ` +
      `got ${decoderChannels.length} for ${encoderChannels.length}: [${decoderChannels}] and [${encoderChannels}]. Correct the config.`,
    { encoderChannels, decoderChannels },
  );
}

/** One doubling with its convolutions. */
export interface UnetBlock {
  readonly at: string;
  readonly convs: readonly [ConvUnit, ConvUnit];
  /** Channels after joining. */
  readonly joinedWidth: number;
  readonly outWidth: number;
}

/** All units, deep to shallow. */
export interface Plan {
  readonly center: readonly ConvUnit[];
  readonly blocks: readonly UnetBlock[];
}

/** Units and widths of a config. */
export function planBlocks({
  encoderChannels,
  decoderChannels,
  batchNorm,
  centerBlock,
}: UnetDecoderConfig): Plan {
  const normKind = batchNorm ? "batch" : "none";
  const unit = (at: string, inWidth: number, outWidth: number): ConvUnit => ({
    conv: `${at}.0`,
    norm: `${at}.1`,
    inWidth,
    outWidth,
    normKind,
  });
  const deepToShallow = [...encoderChannels].reverse();
  const head = deepToShallow[0]!;
  return {
    center: centerBlock ? [unit("center.0", head, head), unit("center.1", head, head)] : [],
    blocks: decoderChannels.map((outWidth, index) => {
      const at = `blocks.${index}`;
      const joinedWidth =
        (index === 0 ? head : decoderChannels[index - 1]!) + (deepToShallow[index + 1] ?? 0);
      const convs = [
        unit(`${at}.conv1`, joinedWidth, outWidth),
        unit(`${at}.conv2`, outWidth, outWidth),
      ] as const;
      return { at, convs, joinedWidth, outWidth };
    }),
  };
}

function unetDecoderSpecs(
  { attention, classes }: UnetDecoderConfig,
  { center, blocks }: Plan,
): readonly ParamSpec[] {
  const hasAttention = attention === "scse";
  return [
    ...center.flatMap(unitSpecs),
    ...blocks.flatMap(({ at, convs, joinedWidth, outWidth }) => [
      ...unitSpecs(convs[0]),
      ...(hasAttention ? scseSpecs(`${at}.attention1.attention`, joinedWidth) : []),
      ...unitSpecs(convs[1]),
      ...(hasAttention ? scseSpecs(`${at}.attention2.attention`, outWidth) : []),
    ]),
    ...(classes === null
      ? []
      : convSpecs("segmentation_head.0", [classes, blocks.at(-1)!.outWidth, 3], true)),
  ];
}

function forward(
  config: UnetDecoderConfig,
  { center, blocks }: Plan,
  params: Params,
  { features, image }: DecoderInput,
  mode: DecoderMode,
): tf.Tensor4D {
  const [deepest, ...skips] = features.map(({ map }) => map).reverse();
  let x = center.reduce((current, unit) => applyUnit(unit, params, current, mode), deepest!);
  for (const [index, block] of blocks.entries()) {
    const next = tf.tidy(() => runBlock(config, block, params, x, skips[index], image, mode));
    if (x !== deepest) x.dispose();
    x = next;
  }
  return config.classes === null ? x : applyConv(params, "segmentation_head.0", x, { padding: 1 });
}

function runBlock(
  { interpolation, attention }: UnetDecoderConfig,
  { at, convs }: UnetBlock,
  params: Params,
  x: tf.Tensor4D,
  skip: tf.Tensor4D | undefined,
  image: tf.Tensor4D,
  mode: DecoderMode,
): tf.Tensor4D {
  const [, rows, cols] = (skip ?? image).shape;
  const resize = interpolation === "nearest" ? resizeNearest : resizeBilinear;
  const upsampled = resize(x, [rows, cols]);
  const joined = skip ? tf.concat([upsampled, skip], 3) : upsampled;
  const hasAttention = attention === "scse";
  // As the original has it, the last block owns attention weights for its input and does not use them.
  const attended = hasAttention && skip ? applyScse(params, `${at}.attention1.attention`, joined) : joined;
  const out = applyUnit(convs[1], params, applyUnit(convs[0], params, attended, mode), mode);
  return hasAttention ? applyScse(params, `${at}.attention2.attention`, out) : out;
}
