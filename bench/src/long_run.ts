import { isGlofError } from "@glof/core";
import { bceWithLogits } from "@glof/losses";
import type { Model } from "@glof/nn";
import {
  buildLakeSegmenter,
  buildSmallLakeSegmenterConfig,
  LakeSegmenter,
  type SegmenterConfig,
} from "@glof/segmenter";
import type { Scene } from "@glof/sentinel2";
import { adamW, type FitOptions, fit } from "@glof/train";
import { buildDinov2Classifier, toDinov2Config } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import { type MemorySample, takeSample } from "./memory_sample.js";
import { fillValues } from "./protocol.js";
import { tensorOf } from "./sides/tf_tools.js";

/**
 * What is run: a whole segmenter, or a backbone with a linear head, which has no convolution beyond its patches. A software
 * GPU takes ten times as long for the first.
 */
export type Subject = "segmenter" | "classifier";

/** Options of a long run. */
export interface LongRunOptions {
  /** Default `"segmenter"`. */
  readonly subject?: Subject;
  readonly repeats: number;
  /** A sample is taken every so many repeats. */
  readonly every: number;
  readonly onSample?: (sample: MemorySample) => void;
}

/** The least that has every part of a segmenter: on a software GPU the shaders alone take half a minute. */
const trainPx = 28;
const config: SegmenterConfig = buildSmallLakeSegmenterConfig({
  ...{ name: "least", embedDim: 24, depth: 1, heads: 2, trainPx, tilePx: trainPx, overlapPx: 0 },
  decoder: { widths: { patch: 8, half: 8, full: 4 } },
});
const bandCount = config.bands.length;

/** A model of a long run, and the shapes of what it takes and answers. */
interface Learner {
  readonly model: Model<tf.Tensor4D, tf.Tensor, unknown>;
  readonly image: [number, number, number, number];
  readonly answer: number[];
}

function learnerOf(subject: Subject): Learner {
  if (subject === "segmenter") {
    return {
      model: buildLakeSegmenter(config),
      image: [1, trainPx, trainPx, bandCount],
      answer: [1, trainPx, trainPx, 1],
    };
  }
  const [classes, patchPx] = [3, config.backbone.patchSizePx];
  const backbone = toDinov2Config({ ...config.backbone, embedDim: 4, heads: 1, imageSizePx: patchPx });
  return {
    model: buildDinov2Classifier({ backbone, layers: 1, classes }),
    image: [1, patchPx, patchPx, bandCount],
    answer: [1, classes],
  };
}

/** Runs a tiny model again and again on new pixels. */
export async function manyForwards(options: LongRunOptions): Promise<MemorySample[]> {
  const { model, image } = learnerOf(options.subject ?? "segmenter");
  const params = model.init(1);
  try {
    return await sampled(options, async (index) => {
      const pixels = fillValues(tf.util.sizeFromShape(image), index);
      const answer = tf.tidy(() => tf.sigmoid(model.forward(params, tf.tensor4d(pixels, image))));
      await answer.data();
      answer.dispose();
    });
  } finally {
    tf.dispose({ ...params });
  }
}

/** Trains a tiny model, all of it, on made-up chips. */
export async function manySteps(options: LongRunOptions): Promise<MemorySample[]> {
  const learner = learnerOf(options.subject ?? "segmenter");
  const params = learner.model.init(1);
  const events = fit({ ...lesson(learner, params), steps: options.repeats + 1 });
  try {
    // The first step makes the optimiser's memory.
    await nextStep(events);
    return await sampled(options, () => nextStep(events));
  } finally {
    await events.return();
    tf.dispose({ ...params });
  }
}

/** What is held before a run and after it was cancelled in its middle. */
export async function cancelledRun(
  kind: "train" | "map",
): Promise<{ before: MemorySample; after: MemorySample }> {
  const learner = learnerOf("segmenter");
  const params = learner.model.init(1);
  const segmenter = new LakeSegmenter({ config, params });
  const once = kind === "train" ? () => cancelTraining(learner, params) : () => cancelMapping(segmenter);
  try {
    // Once before: pools, pipelines and caches stay, on purpose.
    await once();
    const before = takeSample(0);
    await once();
    return { before, after: takeSample(1) };
  } finally {
    segmenter.dispose();
  }
}

async function sampled(
  { repeats, every, onSample }: LongRunOptions,
  once: (index: number) => Promise<void>,
): Promise<MemorySample[]> {
  const samples: MemorySample[] = [];
  for (let index = 1; index <= repeats; index++) {
    await once(index);
    if (index % every !== 0) continue;
    // Reads that ended give their buffers back in tasks of their own.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const sample = takeSample(index);
    samples.push(sample);
    onSample?.(sample);
  }
  return samples;
}

function lesson(
  { model, image, answer }: Learner,
  params: FitOptions<tf.Tensor4D>["params"],
): Omit<FitOptions<tf.Tensor4D>, "steps"> {
  return {
    model,
    params,
    optimizer: adamW({ lr: 1e-4 }),
    loss: (logits, target) => bceWithLogits(logits, target),
    clipNorm: 1,
    batches: ({ step }) => ({
      input: tensorOf(tf, image, step) as tf.Tensor4D,
      target: tf.tidy(() => tf.cast(tf.greater(tensorOf(tf, answer, -1 - step), 0.4), "float32")),
    }),
  };
}

async function nextStep(events: ReturnType<typeof fit>): Promise<void> {
  for (;;) {
    const { value, done } = await events.next();
    if (done || value.kind === "step") return;
  }
}

async function cancelTraining(learner: Learner, params: FitOptions<tf.Tensor4D>["params"]): Promise<void> {
  const stop = new AbortController();
  const events = fit({ ...lesson(learner, params), steps: 1000, signal: stop.signal });
  await expectAborted(async () => {
    for await (const event of events) if (event.step === 3) stop.abort();
  });
}

async function cancelMapping(segmenter: LakeSegmenter): Promise<void> {
  const stop = new AbortController();
  const side = 5 * trainPx;
  await expectAborted(() =>
    segmenter.predictScene(madeUpScene(side), {
      tilePx: trainPx,
      overlapPx: 0,
      batchSize: 2,
      signal: stop.signal,
      onRows: async () => {},
      onProgress: ({ done }) => done >= 6 && stop.abort(),
    }),
  );
}

async function expectAborted(work: () => Promise<unknown>): Promise<void> {
  const error = await work().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isGlofError(error, "aborted")) throw error ?? new Error("expected the run to be cancelled in time");
}

/** A square scene of noise in memory. */
function madeUpScene(side: number): Scene {
  return {
    id: "noise",
    grid: { width: side, height: side, geoTransform: [0, 10, 0, 0, 0, -10], crs: undefined },
    bands: config.bands,
    level: "L2A",
    radiometry: {},
    acquiredAt: undefined,
    inputs: [],
    blockRows: 1,
    readReflectance: async ({ width, height, y }, bands) => ({
      bandsRefl: bands.map((_, band) => fillValues(width * height, 10 * y + band, 0.3)),
      validMask: new Uint8Array(width * height).fill(1),
    }),
    close: async () => {},
  };
}
