import { join } from "node:path";
import { GlofError } from "@glof/core";
import { sha256File } from "@glof/core/node";
import { bceWithLogits, diceLoss, type Loss, lovaszHinge, weightedSum } from "@glof/losses";
import { countParams, disposeParams, type Params } from "@glof/nn";
import { buildLakeSegmenter, openBundle, type SegmenterConfig, saveBundle } from "@glof/segmenter";
import { requireBandName } from "@glof/sentinel2";
import {
  adamW,
  bandStatistics,
  type ChipSet,
  chipBatches,
  chipValidator,
  fit,
  noDecayOnVectors,
  openChipSet,
  type TrainEvent,
  warmupCosineLr,
} from "@glof/train";
import type { TrainConfig } from "../config/train_config.js";
import type { Console } from "../terminal/console.js";
import { beginProgress, type ProgressView } from "../terminal/progress.js";
import { programVersions } from "../version.js";
import { loadChips } from "./load_chips.js";
import { newSegmenterConfig } from "./new_segmenter_config.js";
import {
  checkFolder,
  readSegmenterConfig,
  removeEarlierRun,
  TRAIN_FILES,
  writeSegmenterConfig,
} from "./train_files.js";

/** How a training run was started. */
export interface TrainRun {
  readonly console: Console;
  readonly signal: AbortSignal;
  readonly resume: boolean;
  readonly overwrite: boolean;
  readonly configPath: string;
}

/**
 * Trains as a config says and writes log, checkpoints and bundle into its `out` folder. Paths of the config are absolute.
 *
 * @throws GlofError `already-exists`, `bad-config`, `bundle-mismatch`, `not-finite`, `aborted`, and what reading and
 * writing files throws
 */
export async function trainSegmenter(config: TrainConfig, run: TrainRun): Promise<void> {
  const { console, signal, resume, overwrite } = run;
  const bands = config.bands.map((band) => requireBandName(band, "glof train"));
  if (!resume) await checkFolder(config.out, { overwrite });
  const chipOptions = { bands, logger: console.logger, signal };
  const trainSet = await openChipSet(loadChips(config.train, chipOptions), { bands });
  const validationSet = await openChipSet(loadChips(config.validation, chipOptions), { bands });
  console.say(`${trainSet.chips.length} images to train on, ${validationSet.chips.length} to validate on`);

  const start = resume ? await earlierStart(config) : await newStart(config, trainSet);
  const model = buildLakeSegmenter(start.config);
  const params = start.params ?? model.init(config.seed);
  console.say(`${start.config.name}: ${countParams(model.specs).weights.toLocaleString("en")} parameters`);
  const normalization = start.config.normalisation;
  const loss = combinedLoss(config);
  const progress = beginProgress(console);
  try {
    const events = fit({
      model,
      params,
      batches: chipBatches(trainSet, {
        batchSize: config.batch,
        cropPx: config.crop,
        normalization,
        seed: config.seed,
        lakeShare: config.lakeShare,
        geometry: config.geometry,
        radiometry: config.radiometry,
      }),
      loss,
      optimizer: adamW({
        lr: config.learningRate,
        weightDecay: config.weightDecay,
        groups: [noDecayOnVectors],
      }),
      schedule: warmupCosineLr({ warmupSteps: config.warmup, steps: config.steps }),
      steps: config.steps,
      rules: config.trainable === undefined ? undefined : trainableRules(config.trainable),
      accumulate: config.accumulate,
      checkpointBlocks: config.checkpointBlocks,
      clipNorm: config.clipNorm,
      ema: config.ema,
      seed: config.seed,
      validate: chipValidator(validationSet, {
        forward: (weights, images) => model.forward(weights, images),
        normalization,
        cropPx: config.crop,
        loss,
      }),
      validateEvery: config.validateEvery,
      patience: config.patience,
      checkpointDir: config.out,
      resumeFrom: resume ? join(config.out, TRAIN_FILES.last) : undefined,
      logPath: join(config.out, TRAIN_FILES.log),
      signal,
    });
    for await (const event of events) {
      showEvent(event, config, console, progress);
      if (event.kind === "end") await saveFinished(event, start.config, config, run);
    }
  } finally {
    progress.end();
    disposeParams(params);
  }
}

/** What a run begins with. */
interface StartingPoint {
  readonly config: SegmenterConfig;
  readonly params: Params | undefined;
}

/** Shape and normalisation of the run that goes on; its weights are in the training state. */
async function earlierStart(config: TrainConfig): Promise<StartingPoint> {
  return { config: await readSegmenterConfig(config.out), params: undefined };
}

/** A new model with the statistics of the training images, or a bundle to start from. */
async function newStart(config: TrainConfig, trainSet: ChipSet): Promise<StartingPoint> {
  const start =
    config.init === undefined
      ? { config: newSegmenterConfig(config, bandStatistics(trainSet)), params: undefined }
      : await startFromBundle(config, config.init, trainSet);
  checkCrop(config.crop, start);
  await removeEarlierRun(config.out);
  await writeSegmenterConfig(config.out, start.config);
  return start;
}

function checkCrop(crop: number, { config, params }: StartingPoint): void {
  const patchPx = config.backbone.patchSizePx;
  if (crop % patchPx === 0) return;
  if (params) disposeParams(params);
  throw new GlofError(
    "bad-config",
    `glof train: expected crop to be a multiple of the model's patch of ${patchPx} pixels, got ${crop}. Choose ${Math.ceil(crop / patchPx) * patchPx}.`,
  );
}

async function startFromBundle(config: TrainConfig, init: string, trainSet: ChipSet): Promise<StartingPoint> {
  if (config.model !== undefined) {
    throw new GlofError(
      "bad-config",
      "glof train: expected init or model, got both. A bundle brings its own shape: leave model out.",
    );
  }
  const bundle = await openBundle(init);
  try {
    const bands = trainSet.bands.join(", ");
    if (bundle.config.bands.join(", ") !== bands) {
      throw new GlofError(
        "bundle-mismatch",
        `glof train: expected init to be a bundle of the bands ${bands}, got ${bundle.config.bands.join(", ")}. Set bands to those.`,
      );
    }
    const segmenterConfig = { ...bundle.config, name: config.name };
    return {
      config: segmenterConfig,
      params: await buildLakeSegmenter(segmenterConfig).load(bundle.checkpoint),
    };
  } finally {
    await bundle.checkpoint.close();
  }
}

function combinedLoss({ loss: { lovasz, dice, bce } }: TrainConfig): Loss {
  const ignore = 255;
  const parts = [
    [lovasz, (logits, target) => lovaszHinge(logits, target, { ignore })],
    [dice, (logits, target) => diceLoss(logits, target, { ignore })],
    [bce, (logits, target) => bceWithLogits(logits, target, { ignore })],
  ] as const satisfies readonly (readonly [number, Loss])[];
  return weightedSum(parts.filter(([weight]) => weight > 0));
}

const trainableRules = (patterns: readonly string[]) => [
  ...patterns.map((pattern) => [new RegExp(pattern), "train"] as const),
  [/^/, "freeze"] as const,
];

function showEvent(event: TrainEvent, config: TrainConfig, console: Console, progress: ProgressView): void {
  if (console.asJson && event.kind !== "end") console.json(event);
  if (event.kind === "step") {
    const note = `loss ${event.loss.toFixed(4)}  lr ${event.lr.toExponential(1)}`;
    progress.onProgress({ stage: "train", done: event.step, total: config.steps, unit: "steps", note });
  }
  if (event.kind === "validation") {
    const { iou, precision, recall, groups = {} } = event.validation;
    const ofGroups = Object.entries(groups).map(([name, one]) => `${name || "other"} ${one.iou.toFixed(3)}`);
    progress.say(
      `step ${event.step}: IoU ${iou.toFixed(4)}  precision ${precision.toFixed(3)}  recall ${recall.toFixed(3)}` +
        `${ofGroups.length > 0 ? `  (${ofGroups.join(", ")})` : ""}${event.isBest ? "  best so far" : ""}`,
    );
  }
}

async function saveFinished(
  event: Extract<TrainEvent, { kind: "end" }>,
  segmenterConfig: SegmenterConfig,
  config: TrainConfig,
  { console, configPath }: TrainRun,
): Promise<void> {
  try {
    const path = join(config.out, TRAIN_FILES.model);
    const scores: Record<string, number> =
      event.best === undefined ? {} : { validationIou: event.best.iou, bestStep: event.best.step };
    await saveBundle(path, {
      config: segmenterConfig,
      params: event.params,
      card: {
        description: `Trained by glof train from ${config.train.length} sources of labelled images.`,
        trainedWith: programVersions(),
        configSha256: await sha256File(configPath),
        seed: config.seed,
        steps: event.step,
        scores,
      },
    });
    console.say(`${event.reason === "finished" ? "finished" : "stopped early"}: ${path}`);
    if (console.asJson)
      console.json({ kind: "end", step: event.step, reason: event.reason, model: path, ...scores });
  } finally {
    disposeParams(event.params);
  }
}
