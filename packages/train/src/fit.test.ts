import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCheckpoint } from "@glof/checkpoint";
import { isGlofError } from "@glof/core";
import { bceWithLogits, diceLoss, lovaszHinge, weightedSum } from "@glof/losses";
import {
  batchNorm,
  conv2d,
  disposeParams,
  initParams,
  loadParams,
  type Model,
  type ParamSpec,
} from "@glof/nn";
import { describeOnBackends } from "@glof/test-kit";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { adamW } from "./adam.js";
import { chipBatches } from "./chip_batches.js";
import { bandStatistics, type Chip, type ChipSet, openChipSet } from "./chips.js";
import { fit, runFit } from "./fit.js";
import type { FitOptions } from "./fit_options.js";
import { warmupCosineLr } from "./schedules.js";
import type { TrainEvent } from "./types.js";
import { chipValidator } from "./validate_chips.js";

const spec = (name: string, shape: number[], rest: Partial<ParamSpec> = {}): ParamSpec => ({
  name,
  shape,
  kind: "weight",
  layout: "as-is",
  init: { kind: "zeros" },
  ...rest,
});

/** conv 3x3 -> batch norm -> relu by max -> conv 1x1 */
const model: Pick<Model<tf.Tensor4D, tf.Tensor>, "specs" | "forward"> = {
  specs: [
    spec("first.weight", [4, 2, 3, 3], { layout: "conv2d", init: { kind: "kaiming-normal" } }),
    spec("norm.weight", [4], { init: { kind: "ones" } }),
    spec("norm.bias", [4]),
    spec("norm.running_mean", [4], { kind: "buffer" }),
    spec("norm.running_var", [4], { kind: "buffer", init: { kind: "ones" } }),
    spec("last.weight", [1, 4, 1, 1], { layout: "conv2d", init: { kind: "kaiming-normal" } }),
    spec("last.bias", [1]),
  ],
  forward: (params, images, mode) => {
    const hidden = conv2d(images, params["first.weight"] as tf.Tensor4D, undefined, { padding: 1 });
    const normed = batchNorm(
      hidden,
      {
        weight: params["norm.weight"]!,
        bias: params["norm.bias"]!,
        runningMean: params["norm.running_mean"]!,
        runningVar: params["norm.running_var"]!,
      },
      {
        training: mode?.training ?? false,
        onStatistics: ({ runningMean, runningVar }) => {
          mode?.onBuffer?.("norm.running_mean", runningMean);
          mode?.onBuffer?.("norm.running_var", runningVar);
        },
      },
    );
    return conv2d(
      tf.maximum(normed, 0),
      params["last.weight"] as tf.Tensor4D,
      params["last.bias"] as tf.Tensor1D,
    );
  },
};

/** Lakes are where the first band is above the second; a corner does not count. */
function makeChip(id: string, phase: number, size = 20): Chip {
  const refl = new Float32Array(size * size * 2);
  const mask = new Uint8Array(size * size);
  for (let pixel = 0; pixel < size * size; pixel++) {
    const wave = Math.sin(((pixel % size) + phase) / 3) * Math.cos(Math.floor(pixel / size) / 4);
    refl[2 * pixel] = 0.2 + 0.1 * wave;
    refl[2 * pixel + 1] = 0.2 - 0.1 * wave;
    mask[pixel] = pixel < 12 ? 255 : wave > 0.2 ? 1 : 0;
  }
  return { id, bands: ["B03", "B08"], width: size, height: size, refl, mask, group: id };
}

const loss = weightedSum([
  [0.5, lovaszHinge],
  [0.3, diceLoss],
  [0.2, bceWithLogits],
]);

let set: ChipSet;
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glof-train-"));
  set = await openChipSet([makeChip("a", 0), makeChip("b", 5)]);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function options(more: Partial<FitOptions<tf.Tensor4D>> = {}): FitOptions<tf.Tensor4D> {
  const normalization = bandStatistics(set);
  const steps = more.steps ?? 12;
  return {
    model,
    params: initParams(model.specs, 1),
    batches: chipBatches(set, {
      batchSize: 2,
      cropPx: 12,
      normalization,
      seed: 3,
      radiometry: { gain: 0.1 },
    }),
    loss,
    optimizer: adamW({ lr: 0.05 }),
    schedule: warmupCosineLr({ warmupSteps: 3, steps: 40, minLr: 1e-4 }),
    steps,
    clipNorm: 1,
    validate: chipValidator(set, { forward: model.forward, normalization, cropPx: 16, loss }),
    ...more,
  };
}

const losses = (events: readonly TrainEvent[]): number[] =>
  events.flatMap((event) => (event.kind === "step" ? [event.loss] : []));

describeOnBackends(
  "fit",
  () => {
    it("learns, and leaves no tensor behind", async () => {
      const given = options({ steps: 40 });
      const before = tf.memory().numTensors;
      const result = await runFit(given);
      const all = losses(result.events);
      expect(all.at(-1)!).toBeLessThan(0.5 * all[0]!);
      expect(result.best!.iou).toBeGreaterThan(0.85);
      disposeParams(result.params);
      expect(tf.memory().numTensors).toBe(before);
      disposeParams(given.params);
    });
  },
  { backends: ["cpu", "wasm"] },
);

describeOnBackends(
  "fit",
  () => {
    // Between validations, and where one is due.
    it.each([5, 4])("gives the same losses resumed after step %i as uninterrupted", async (lastStep) => {
      const dir = (name: string) => join(folder, name);
      const common = { steps: 10, validateEvery: 4, ema: 0.9, accumulate: 2 };
      const whole = await runFit(options({ ...common, checkpointDir: dir("whole") }));
      const stop = new AbortController();
      const first: TrainEvent[] = [];
      const half = { ...common, checkpointDir: dir("half"), logPath: dir("log.jsonl") };
      const interrupted = (async () => {
        for await (const event of fit(options({ ...half, signal: stop.signal }))) {
          first.push(event);
          if (event.kind === "step" && event.step === lastStep) stop.abort();
        }
      })();
      await expect(interrupted).rejects.toSatisfy((error) => isGlofError(error, "aborted"));
      const rest = await runFit(options({ ...half, resumeFrom: join(dir("half"), "last.safetensors") }));
      expect([...losses(first), ...losses(rest.events)]).toEqual(losses(whole.events));
      expect(rest.best).toEqual(whole.best);
      const validations = (events: readonly TrainEvent[]) =>
        events.filter(({ kind }) => kind === "validation").length;
      expect(validations(first) + validations(rest.events)).toBe(validations(whole.events));
      for (const name of Object.keys(whole.params)) {
        expect(await rest.params[name]!.data(), name).toEqual(await whole.params[name]!.data());
      }
      const lines = (await readFile(dir("log.jsonl"), "utf8")).trim().split("\n");
      const steps = lines.map((line) => JSON.parse(line) as TrainEvent).filter(({ kind }) => kind === "step");
      expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    });

    it("writes best weights that the model loads, with running statistics learned", async () => {
      const result = await runFit(options({ checkpointDir: folder, validateEvery: 3 }));
      const file = await openCheckpoint(join(folder, "best.safetensors"));
      const best = await loadParams(model.specs, file);
      await file.close();
      expect(await best["last.weight"]!.data()).toEqual(await result.params["last.weight"]!.data());
      expect((await best["norm.running_mean"]!.data()).some((value) => value !== 0)).toBe(true);
    });

    it("freezes by rules", async () => {
      const given = options({
        rules: [
          [/^last\./, "train"],
          [/(?:)/, "freeze"],
        ],
        steps: 2,
        validate: undefined,
      });
      const { params, events } = await runFit(given);
      expect(events[0]).toMatchObject({ kind: "start", trainable: 5, frozen: 72 + 4 + 4 + 8 });
      expect(await params["first.weight"]!.data()).toEqual(await given.params["first.weight"]!.data());
      expect(await params["last.weight"]!.data()).not.toEqual(await given.params["last.weight"]!.data());
    });

    it("averages micro-batches like one batch of their size", async () => {
      const plain = (batchSize: number, accumulate: number) => {
        const normalization = bandStatistics(set);
        const single = chipBatches(set, { batchSize: 1, cropPx: 12, normalization, seed: 1 });
        return runFit(
          options({
            batches: async ({ step, micro }) => {
              if (batchSize === 1) return single({ step, micro });
              const [a, b] = [await single({ step, micro: 0 }), await single({ step, micro: 1 })];
              return { input: tf.concat([a.input, b.input]), target: tf.concat([a.target, b.target]) };
            },
            // Linear in the pixels, unlike Dice; and no batch statistics.
            loss: (logits, target) => bceWithLogits(logits, target, { normalizeBy: "all" }),
            model: { ...model, forward: (params, images) => model.forward(params, images) },
            accumulate,
            steps: 3,
            validate: undefined,
          }),
        );
      };
      const [together, apart] = [await plain(2, 1), await plain(1, 2)];
      const [a, b] = [losses(together.events), losses(apart.events)];
      for (const [index, value] of a.entries()) expect(b[index]!).toBeCloseTo(value, 5);
    });

    it("stops early, once, after `patience` validations without progress", async () => {
      let calls = 0;
      const ious = [0.1, 0.5, 0.4, 0.5, 0.9];
      const validate = async () => ({ iou: ious[calls++]!, f1: 0, precision: 0, recall: 0, accuracy: 0 });
      const result = await runFit(options({ validate, validateEvery: 1, patience: 2, steps: 20 }));
      expect(result).toMatchObject({ reason: "early-stop", best: { step: 2, iou: 0.5 } });
      expect(calls).toBe(4);
    });

    it("names the step at which the loss is not finite, and disposes everything", async () => {
      const before = tf.memory().numTensors;
      const given = options({
        loss: (logits, target) => {
          const fine = bceWithLogits(logits, target);
          return calls++ < 2 ? fine : tf.mul(fine, Number.NaN);
        },
      });
      let calls = 0;
      const failure = await runFit(given).catch((error: unknown) => error);
      expect(isGlofError(failure, "not-finite")).toBe(true);
      expect(failure).toMatchObject({ details: { step: 3 } });
      disposeParams(given.params);
      expect(tf.memory().numTensors).toBe(before);
    });

    it("disposes everything when the loop is left early", async () => {
      const given = options();
      const before = tf.memory().numTensors;
      for await (const event of fit(given)) if (event.kind === "step" && event.step === 2) break;
      expect(tf.memory().numTensors).toBe(before);
      disposeParams(given.params);
    });

    it("refuses a state of another seed, and what is no state", async () => {
      await runFit(options({ checkpointDir: folder, steps: 1 }));
      const resumeFrom = join(folder, "last.safetensors");
      const other = runFit(options({ resumeFrom, seed: 9 }));
      await expect(other).rejects.toSatisfy((error) => isGlofError(error, "bad-config"));
      const wrong = runFit(options({ resumeFrom: join(folder, "best.safetensors") }));
      await expect(wrong).rejects.toSatisfy((error) => isGlofError(error, "unsupported-format"));
    });
  },
  { backends: ["cpu"] },
);

describe("options of fit", () => {
  it.each([{ steps: 0 }, { accumulate: 1.5 }, { patience: 0 }, { ema: 1 }])("refuses %o", async (wrong) => {
    await expect(runFit(options(wrong))).rejects.toSatisfy((error) => isGlofError(error, "bad-argument"));
  });
});
