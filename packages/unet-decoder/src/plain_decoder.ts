import { GlofError } from "@glof/core";
import {
  convTranspose2d,
  convTransposeBatchNorm,
  type ParamSpec,
  type Params,
  resizeBilinear,
} from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { decoderFrom, overDefaults, requireInput, requireSizes } from "./check.js";
import { applyConv, applyUnit, type ConvUnit, convSpecs, unitSpecs } from "./conv_unit.js";
import { applyNorm, batchNormParams, type NormKind, normSpecs } from "./norm.js";
import type { Decoder, DecoderMode } from "./types.js";

/** Config of `buildPlainDecoder`; plain JSON. */
export interface PlainDecoderConfig {
  /** Channels of the deepest feature map, the only one that is used. */
  readonly featureChannels: number;
  /** K. Default 1. */
  readonly classes: number;
  /** A first 1x1 convolution to this many channels; null leaves it out. */
  readonly project: number | null;
  /** Channels after each doubling. */
  readonly stages: readonly number[];
  /** A learned 2x2 convolution of stride 2 with norm and ReLU, or bilinear interpolation. */
  readonly upsampling: "transposed" | "bilinear";
  /** 3x3 convolutions with norm and ReLU after each doubling. */
  readonly convsPerStage: number;
  readonly norm: NormKind;
  /**
   * How the image's size is met: `resize` the last map; let the last stage go straight to it instead of doubling
   * (`last-stage`, bilinear only); or `crop` the centre of a last map that is larger.
   */
  readonly fit: "resize" | "last-stage" | "crop";
}

/** A `PlainDecoderConfig` as a caller writes it: from a preset, and with what differs. */
export type PlainDecoderOptions = Pick<PlainDecoderConfig, "featureChannels"> &
  Partial<PlainDecoderConfig> & { readonly preset?: PlainDecoderPreset };

/** Decoders that people use on DINOv2's last block, for a 37 x 37 grid and 518 x 518 images. */
export const plainDecoderPresets = {
  /** 1x1 to 512, three transposed stages to 256, 128, 64 (37, 74, 148, 296), bilinear to 518. */
  guide: {
    project: 512,
    stages: [256, 128, 64],
    upsampling: "transposed",
    convsPerStage: 1,
    norm: "batch",
    fit: "resize",
  },
  /** Bilinear to 74, 148, 296 and 518 with two convolutions each: 512, 256, 128, 64. */
  bilinear: {
    project: null,
    stages: [512, 256, 128, 64],
    upsampling: "bilinear",
    convsPerStage: 2,
    norm: "batch",
    fit: "last-stage",
  },
  /** Four transposed stages to 592, the centre 518 cut out. */
  crop: {
    project: null,
    stages: [512, 256, 128, 64],
    upsampling: "transposed",
    convsPerStage: 0,
    norm: "batch",
    fit: "crop",
  },
} as const satisfies Record<string, Partial<PlainDecoderConfig>>;

/** Name of a preset. Default "guide". */
export type PlainDecoderPreset = keyof typeof plainDecoderPresets;

/**
 * A decoder without skips: the deepest map is doubled stage by stage, brought to the image's size and classified.
 *
 * @throws GlofError `bad-config`; its forward `shape-mismatch`
 */
export function buildPlainDecoder({
  preset = "guide",
  ...options
}: PlainDecoderOptions): Decoder<PlainDecoderConfig> {
  const config: PlainDecoderConfig = overDefaults({ classes: 1, ...plainDecoderPresets[preset] }, options);
  checkConfig(config);
  return decoderFrom(config, plainDecoderSpecs(config), (params, { features, image }, mode) => {
    const deepest = features.slice(-1);
    requireInput("buildPlainDecoder", { features: deepest, image }, [config.featureChannels]);
    const size = [image.shape[1], image.shape[2]] as const;
    return tf.tidy(() => forward(config, params, deepest[0]!.map, size, mode));
  });
}

function checkConfig(config: PlainDecoderConfig): void {
  const { featureChannels, classes, project, stages, convsPerStage, upsampling, fit } = config;
  requireSizes("buildPlainDecoder", { featureChannels, classes, stages, project: project ?? 1 });
  const fits = fit !== "last-stage" || upsampling === "bilinear";
  if (fits && Number.isSafeInteger(convsPerStage) && convsPerStage >= 0) return;
  throw new GlofError(
    "bad-config",
    `buildPlainDecoder: expected 0 or more convsPerStage, and bilinear upsampling for fit "last-stage", ` +
      `got ${convsPerStage}, "${upsampling}" and "${fit}". Correct the config.`,
    { convsPerStage, upsampling, fit },
  );
}

const stageInput = ({ featureChannels, project, stages }: PlainDecoderConfig, stage: number): number =>
  stage === 0 ? (project ?? featureChannels) : stages[stage - 1]!;

/** Units behind the doubling of a stage. */
export function stageUnits(config: PlainDecoderConfig, stage: number): ConvUnit[] {
  const { stages, upsampling, convsPerStage, norm } = config;
  const outWidth = stages[stage]!;
  return Array.from({ length: convsPerStage }, (_, index) => ({
    conv: `stages.${stage}.convs.${index}.conv`,
    norm: `stages.${stage}.convs.${index}.norm`,
    inWidth: index === 0 && upsampling === "bilinear" ? stageInput(config, stage) : outWidth,
    outWidth,
    normKind: norm,
  }));
}

function plainDecoderSpecs(config: PlainDecoderConfig): readonly ParamSpec[] {
  const { featureChannels, project, stages, upsampling, norm, classes } = config;
  const xavier = { kind: "xavier-uniform" } as const;
  return [
    ...(project === null ? [] : convSpecs("project", [project, featureChannels, 1], true, xavier)),
    ...stages.flatMap((width, stage) => [
      ...(upsampling === "transposed" ? upSpecs(stage, stageInput(config, stage), width, norm) : []),
      ...stageUnits(config, stage).flatMap(unitSpecs),
    ]),
    ...convSpecs("logits", [classes, lastWidth(config), 1], true, { kind: "normal", std: 0.01 }),
  ];
}

/** Bilinear stages without convolutions keep their channels. */
function lastWidth(config: PlainDecoderConfig): number {
  const { stages, upsampling, convsPerStage } = config;
  return upsampling === "bilinear" && convsPerStage === 0 ? stageInput(config, 0) : stages.at(-1)!;
}

function upSpecs(stage: number, inWidth: number, outWidth: number, norm: NormKind): ParamSpec[] {
  const at = `stages.${stage}.up`;
  const shape = [inWidth, outWidth, 2, 2];
  // Each result pixel of a 2x2 stride-2 transposed convolution sums over the input channels alone.
  const init = { kind: "normal", std: Math.sqrt(2 / inWidth) } as const;
  return [
    { name: `${at}.weight`, shape, kind: "weight", layout: "conv-transpose2d", init },
    { name: `${at}.bias`, shape: [outWidth], kind: "weight", layout: "as-is", init: { kind: "zeros" } },
    ...normSpecs(norm, `stages.${stage}.norm`, outWidth),
  ];
}

function forward(
  config: PlainDecoderConfig,
  params: Params,
  features: tf.Tensor4D,
  size: readonly [rows: number, cols: number],
  mode: DecoderMode,
): tf.Tensor4D {
  const { project, stages, fit } = config;
  let x = project === null ? features : applyConv(params, "project", features);
  for (const stage of stages.keys()) {
    const toImage = fit === "last-stage" && stage === stages.length - 1;
    const target = toImage ? size : ([2 * x.shape[1], 2 * x.shape[2]] as const);
    const next = tf.tidy(() => {
      const upsampled = upsample(config, params, stage, x, target, mode);
      return stageUnits(config, stage).reduce(
        (current, unit) => applyUnit(unit, params, current, mode),
        upsampled,
      );
    });
    if (x !== features) x.dispose();
    x = next;
  }
  return applyConv(params, "logits", fit === "crop" ? cropCentre(x, size) : resizeTo(x, size));
}

function upsample(
  { upsampling, norm }: PlainDecoderConfig,
  params: Params,
  stage: number,
  x: tf.Tensor4D,
  target: readonly [rows: number, cols: number],
  mode: DecoderMode,
): tf.Tensor4D {
  if (upsampling === "bilinear") return resizeBilinear(x, target);
  const at = `stages.${stage}.up`;
  const normAt = `stages.${stage}.norm`;
  const [w, b] = [params[`${at}.weight`] as tf.Tensor4D, params[`${at}.bias`]];
  if (norm === "batch" && !mode.training) {
    const running = batchNormParams(params, normAt);
    return convTransposeBatchNorm(x, w, b, running, { stride: 2, activation: "relu" });
  }
  return applyNorm(norm, params, normAt, convTranspose2d(x, w, b, { stride: 2 }), mode, "relu");
}

function resizeTo(x: tf.Tensor4D, [rows, cols]: readonly [rows: number, cols: number]): tf.Tensor4D {
  return x.shape[1] === rows && x.shape[2] === cols ? x : resizeBilinear(x, [rows, cols]);
}

function cropCentre(x: tf.Tensor4D, [rows, cols]: readonly [rows: number, cols: number]): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  if (height < rows || width < cols) {
    throw new GlofError(
      "shape-mismatch",
      `buildPlainDecoder: expected a last map of at least ${rows} x ${cols} to crop, got ${height} x ${width}. ` +
        'Add stages, or set fit to "resize".',
    );
  }
  const top = Math.floor((height - rows) / 2);
  const left = Math.floor((width - cols) / 2);
  return tf.slice(x, [0, top, left, 0], [batch, rows, cols, channels]);
}
