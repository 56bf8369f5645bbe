import * as z from "zod";

const bandNames = z.array(z.string()).min(1);

/** One labelled image, or a folder of scenes as `glof synth` writes them. */
const chipSourceSchema = z.union([
  z.strictObject({
    /** Folder whose subfolders each hold `scene.tif` and `truth.tif`. */
    scenes: z.string(),
    group: z.string().optional(),
    weight: z.number().positive().optional(),
  }),
  z.strictObject({
    image: z.string(),
    mask: z.string(),
    /** Names of the image's bands where the file has none. */
    bands: bandNames.optional(),
    offset: z.number().optional(),
    quantification: z.number().positive().optional(),
    /** Mask values that mean lake; default 1. */
    lake: z.array(z.number()).default([1]),
    /** Mask values that mean anything else; default 0. All other values do not count. */
    other: z.array(z.number()).default([0]),
    group: z.string().optional(),
    weight: z.number().positive().optional(),
  }),
]);

/** Where labelled pixels come from. */
export type ChipSource = z.infer<typeof chipSourceSchema>;

/** Settings of `glof train`, the YAML file. Paths are relative to the file. */
export const trainConfigSchema = z.strictObject({
  /** Folder for checkpoints, log and the finished bundle. */
  out: z.string(),
  name: z.string().default("lake-segmenter"),
  seed: z.int().min(0).default(0),
  backend: z.enum(["webgpu", "tensorflow", "wasm", "cpu"]).optional(),
  bands: bandNames.default(["B02", "B03", "B04", "B08"]),
  /** A bundle to start from; `model` must then be left out. */
  init: z.string().optional(),
  /** Shape of a new model; see `smallLakeSegmenterConfig`. */
  model: z
    .strictObject({
      embedDim: z.int().positive().optional(),
      depth: z.int().positive().optional(),
      numHeads: z.int().positive().optional(),
      featureLayers: z.array(z.int().min(0)).min(1).optional(),
      widths: z
        .strictObject({ patch: z.int().positive(), half: z.int().positive(), full: z.int().positive() })
        .optional(),
      norm: z.enum(["group", "none"]).optional(),
      tile: z.int().positive().optional(),
      overlap: z.int().min(0).optional(),
      dropPath: z.number().min(0).max(1).optional(),
    })
    .optional(),
  train: z.array(chipSourceSchema).min(1),
  validation: z.array(chipSourceSchema).min(1),
  crop: z.int().min(14).default(252),
  batch: z.int().min(1).default(4),
  accumulate: z.int().min(1).default(1),
  /** Compute activations twice instead of keeping them. */
  checkpointBlocks: z.boolean().default(false),
  steps: z.int().min(1),
  validateEvery: z.int().min(1).optional(),
  /** Stop after so many validations without a better IoU. */
  patience: z.int().min(1).optional(),
  learningRate: z.number().positive().default(3e-4),
  /** Steps over which the learning rate rises from 0. */
  warmup: z.int().min(0).default(0),
  weightDecay: z.number().min(0).default(1e-4),
  clipNorm: z.number().positive().optional(),
  ema: z.number().gt(0).lt(1).optional(),
  /** Weights of the loss, Lovasz hinge + Dice + binary cross-entropy. */
  loss: z
    .strictObject({ lovasz: z.number().min(0), dice: z.number().min(0), bce: z.number().min(0) })
    .default({ lovasz: 0.5, dice: 0.3, bce: 0.2 }),
  /** Share of crops placed over a lake pixel. */
  lakeShare: z.number().min(0).max(1).default(0.5),
  /** Random gain, offset and noise of the reflectances. */
  radiometry: z
    .strictObject({
      gain: z.number().min(0).optional(),
      bandGain: z.number().min(0).optional(),
      offset: z.number().min(0).optional(),
      bandOffset: z.number().min(0).optional(),
      gamma: z.number().min(0).optional(),
      noise: z.number().min(0).optional(),
    })
    .optional(),
  /** Flips and quarter turns are always drawn; more may be. */
  geometry: z
    .strictObject({
      rotateDeg: z.number().min(0).max(180).optional(),
      zoom: z.tuple([z.number().positive(), z.number().positive()]).optional(),
    })
    .optional(),
  /** Names of parameters to train, as regular expressions; all others are frozen. Default: all train. */
  trainable: z.array(z.string()).optional(),
});

/** Settings of `glof train`. */
export type TrainConfig = z.infer<typeof trainConfigSchema>;
