import { GlofError } from "@glof/core";
import { type ParamSpec, type Params, resizeBilinear, resizeNearest } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { decoderFrom, overDefaults, requireInput, requireSizes } from "./check.js";
import { applyConv, applyUnit, type ConvUnit, convSpecs, unitSpecs } from "./conv_unit.js";
import type { NormKind } from "./norm.js";
import type { Decoder, DecoderInput, DecoderMode } from "./types.js";

/** Channels at the three scales of `buildVitUnet`. */
export interface VitUnetWidths {
  /** At the patch grid and at twice its size. Default 64. */
  readonly patch: number;
  /** At half the image's size. Default 32. */
  readonly half: number;
  /** At the image's size. Default 16. */
  readonly full: number;
}

/** Config of `buildVitUnet`; plain JSON. */
export interface VitUnetConfig {
  /** Channels of each feature map, shallow to deep: `[192, 192, 192]`. */
  readonly featureChannels: readonly number[];
  /** C of the image. */
  readonly imageChannels: number;
  /** K. Default 1. */
  readonly classes: number;
  readonly widths: VitUnetWidths;
  /** How the projected maps come together: added, or side by side. Default "sum". */
  readonly fusion: "sum" | "concat";
  /** Default "group" (up to 8 groups): it needs no running statistics and any batch will do. */
  readonly norm: NormKind;
}

/** A `VitUnetConfig` as a caller writes it. */
export type VitUnetOptions = Pick<VitUnetConfig, "featureChannels" | "imageChannels"> &
  Partial<Omit<VitUnetConfig, "widths">> & { readonly widths?: Partial<VitUnetWidths> };

/** Defaults of `buildVitUnet`. */
export const vitUnetDefaults = {
  classes: 1,
  widths: { patch: 64, half: 32, full: 16 },
  fusion: "sum",
  norm: "group",
} as const satisfies Partial<VitUnetConfig>;

/**
 * A U-Net over the features of a plain ViT, with the image as its fine end.
 *
 * A ViT's maps share one coarse stride, so what a U-Net takes from the early stages of an encoder comes here from two
 * small stems on the image: stride 2 and stride 1.
 *
 * ```
 * maps (stride 14) -1x1-> fused -3x3-> x2 -3x3-> (stride 7) -1x1-> bilinear to stride 2
 *   ++ half stem of the image  -3x3-> -1x1-> x2 (stride 1) ++ full stem -3x3-> -3x3-> -1x1-> logits [N, H, W, K]
 * ```
 *
 * With the defaults, four maps of 192 channels and a 4-band image of 252 x 252 it takes 1.9 GFLOP.
 *
 * @throws GlofError `bad-config`; its forward `shape-mismatch`
 */
export function buildVitUnet(options: VitUnetOptions): Decoder<VitUnetConfig> {
  const config = toVitUnetConfig(options);
  const parts = partsOf(config);
  return decoderFrom(config, vitUnetSpecs(config, parts), (params, input, mode) => {
    requireInput("buildVitUnet", input, config.featureChannels, config.imageChannels);
    return tf.tidy(() => forward(config, parts, params, input, mode));
  });
}

function toVitUnetConfig(options: VitUnetOptions): VitUnetConfig {
  const widthsGiven = overDefaults(vitUnetDefaults.widths, options.widths ?? {});
  const config: VitUnetConfig = { ...overDefaults(vitUnetDefaults, options), widths: widthsGiven };
  const { featureChannels, imageChannels, classes, widths } = config;
  requireSizes("buildVitUnet", { featureChannels, imageChannels, classes, ...widths });
  const isKnown =
    ["group", "batch", "none"].includes(config.norm) && ["sum", "concat"].includes(config.fusion);
  if (isKnown) return config;
  throw new GlofError(
    "bad-config",
    `buildVitUnet: expected norm "group", "batch" or "none" and fusion "sum" or "concat", ` +
      `got "${config.norm}" and "${config.fusion}". Correct the config.`,
    { norm: config.norm, fusion: config.fusion },
  );
}

/** The convolutions, by their names. */
export interface Parts {
  readonly patch: ConvUnit;
  readonly quarter: ConvUnit;
  readonly halfStem: readonly ConvUnit[];
  readonly half: ConvUnit;
  readonly fullStem: ConvUnit;
  readonly full: readonly ConvUnit[];
}

/** Units of a config, by their places. */
export function partsOf({ featureChannels, imageChannels, widths, fusion, norm }: VitUnetConfig): Parts {
  const { patch, half, full } = widths;
  const unit = (at: string, inWidth: number, outWidth: number, stride = 1): ConvUnit => ({
    conv: `${at}.conv`,
    norm: `${at}.norm`,
    inWidth,
    outWidth,
    stride,
    normKind: norm,
  });
  return {
    patch: unit("patch", fusion === "sum" ? patch : patch * featureChannels.length, patch),
    quarter: unit("quarter", patch, patch),
    halfStem: [unit("half_stem.0", imageChannels, full, 2), unit("half_stem.1", full, half)],
    half: unit("half", 2 * half, half),
    fullStem: unit("full_stem", imageChannels, full),
    full: [unit("full.0", 2 * full, full), unit("full.1", full, full)],
  };
}

function vitUnetSpecs(
  { featureChannels, widths, classes }: VitUnetConfig,
  parts: Parts,
): readonly ParamSpec[] {
  const { patch, half, full } = widths;
  const xavier = { kind: "xavier-uniform" } as const;
  return [
    ...featureChannels.flatMap((width, index) =>
      convSpecs(`lateral.${index}`, [patch, width, 1], true, xavier),
    ),
    ...unitSpecs(parts.patch),
    ...unitSpecs(parts.quarter),
    ...convSpecs("to_half", [half, patch, 1], true, xavier),
    ...parts.halfStem.flatMap(unitSpecs),
    ...unitSpecs(parts.half),
    ...convSpecs("to_full", [full, half, 1], true, xavier),
    ...unitSpecs(parts.fullStem),
    ...parts.full.flatMap(unitSpecs),
    ...convSpecs("logits", [classes, full, 1], true, { kind: "normal", std: 0.01 }),
  ];
}

function forward(
  config: VitUnetConfig,
  parts: Parts,
  params: Params,
  { features, image }: DecoderInput,
  mode: DecoderMode,
): tf.Tensor4D {
  const run = (units: readonly ConvUnit[], x: tf.Tensor4D): tf.Tensor4D =>
    tf.tidy(() => units.reduce((current, unit) => applyUnit(unit, params, current, mode), x));
  const coarse = tf.tidy(() => {
    const fused = run([parts.patch], fuse(config, params, features));
    const doubled = resizeNearest(fused, [2 * fused.shape[1], 2 * fused.shape[2]]);
    return applyConv(params, "to_half", run([parts.quarter], doubled));
  });
  const atHalf = tf.tidy(() => {
    const stem = run(parts.halfStem, image);
    const resized = resizeBilinear(coarse, [stem.shape[1], stem.shape[2]]);
    return applyConv(params, "to_full", run([parts.half], tf.concat([resized, stem], 3)));
  });
  coarse.dispose();
  const [, rows, cols] = image.shape;
  const atFull = tf.tidy(() => {
    const stem = run([parts.fullStem], image);
    return run(parts.full, tf.concat([resizeNearest(atHalf, [rows, cols]), stem], 3));
  });
  return applyConv(params, "logits", atFull);
}

/** Every map through its own 1x1 convolution; maps of another grid are resized to the deepest one's. */
function fuse({ fusion }: VitUnetConfig, params: Params, features: DecoderInput["features"]): tf.Tensor4D {
  const [, rows, cols] = features.at(-1)!.map.shape;
  const projected = features.map(({ map }, index) => {
    const lateral = applyConv(params, `lateral.${index}`, map);
    const isThere = lateral.shape[1] === rows && lateral.shape[2] === cols;
    return isThere ? lateral : resizeBilinear(lateral, [rows, cols]);
  });
  if (fusion === "concat") return projected.length === 1 ? projected[0]! : tf.concat(projected, 3);
  return projected.reduce((sum, map) => tf.add(sum, map));
}
