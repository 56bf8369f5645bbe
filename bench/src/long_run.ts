import { isGlofError } from "@glof/core";
import { bceWithLogits } from "@glof/losses";
import {
  buildLakeSegmenter,
  buildSmallLakeSegmenterConfig,
  LakeSegmenter,
  type SegmenterConfig,
} from "@glof/segmenter";
import type { Scene } from "@glof/sentinel2";
import { adamW, type FitOptions, fit } from "@glof/train";
import * as tf from "@tensorflow/tfjs-core";
import { type MemorySample, takeSample } from "./memory_sample.js";
import { fillValues } from "./protocol.js";
import { tensorOf } from "./sides/tf_tools.js";

/** Options of a long run. */
export interface LongRunOptions {
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

/** Runs a tiny segmenter again and again on new pixels. */
export async function manyForwards(options: LongRunOptions): Promise<MemorySample[]> {
  const segmenter = new LakeSegmenter({ config, params: buildLakeSegmenter(config).init(1) });
  try {
    return await sampled(options, async (index) => {
      const pixels = fillValues(trainPx * trainPx * bandCount, index);
      await segmenter.predictPixels(pixels, [1, trainPx, trainPx, bandCount]);
    });
  } finally {
    segmenter.dispose();
  }
}

/** Trains a tiny segmenter, all of it, on made-up chips. */
export async function manySteps(options: LongRunOptions): Promise<MemorySample[]> {
  const model = buildLakeSegmenter(config);
  const params = model.init(1);
  const events = fit({ ...lesson(model, params), steps: options.repeats + 1 });
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
  const model = buildLakeSegmenter(config);
  const params = model.init(1);
  const segmenter = new LakeSegmenter({ config, params });
  const once = kind === "train" ? () => cancelTraining(model, params) : () => cancelMapping(segmenter);
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

type Segmenter = ReturnType<typeof buildLakeSegmenter>;

function lesson(
  model: Segmenter,
  params: FitOptions<tf.Tensor4D>["params"],
): Omit<FitOptions<tf.Tensor4D>, "steps"> {
  return {
    model,
    params,
    optimizer: adamW({ lr: 1e-4 }),
    loss: (logits, target) => bceWithLogits(logits, target),
    clipNorm: 1,
    batches: ({ step }) => ({
      input: tensorOf(tf, [1, trainPx, trainPx, bandCount], step) as tf.Tensor4D,
      target: tf.tidy(() =>
        tf.cast(tf.greater(tensorOf(tf, [1, trainPx, trainPx, 1], -1 - step), 0.4), "float32"),
      ),
    }),
  };
}

async function nextStep(events: ReturnType<typeof fit>): Promise<void> {
  for (;;) {
    const { value, done } = await events.next();
    if (done || value.kind === "step") return;
  }
}

async function cancelTraining(model: Segmenter, params: FitOptions<tf.Tensor4D>["params"]): Promise<void> {
  const stop = new AbortController();
  const events = fit({ ...lesson(model, params), steps: 1000, signal: stop.signal });
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
