import { throwIfAborted } from "@glof/core";
import type { Loss } from "@glof/losses";
import {
  accuracy,
  addCounts,
  type Counts,
  confusionCounts,
  f1,
  iou,
  noCounts,
  precision,
  recall,
} from "@glof/metrics";
import type { Params } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { checkStatistics, toBatch } from "./chip_batches.js";
import type { BandStatistics, Chip, ChipSet } from "./chips.js";
import { type Crop, cutChip, plainPlacement } from "./cut_chip.js";
import type { Validation, Validator } from "./types.js";

/** Options of `chipValidator`. */
export interface ChipValidatorOptions {
  /** Logits [N, px, px, 1] of normalised images, such as `(params, images) => model.forward(params, images)`. */
  readonly forward: (params: Params, images: tf.Tensor4D) => tf.Tensor;
  readonly normalization: BandStatistics;
  /** Edge of the square windows, pixels. */
  readonly cropPx: number;
  /** Windows at once. Default 4. */
  readonly batchSize?: number;
  /** Probability from which a pixel is lake. Default 0.5. */
  readonly threshold?: number;
  /** Also report the mean of this loss over the windows' batches. */
  readonly loss?: Loss;
}

interface Window {
  readonly crop: Crop;
  readonly group: string;
}

/**
 * Scores a model on whole chips: windows side by side (the last of a row shifted inwards, each pixel counted once),
 * counts summed over all chips and then divided. Pixels of 255 count nowhere. IoU, F1 and recall without a single lake
 * pixel, true or found, are 0.
 */
export function chipValidator(set: ChipSet, options: ChipValidatorOptions): Validator {
  const { batchSize = 4, cropPx, normalization } = options;
  checkStatistics(set, normalization);
  return async (params, { signal }) => {
    const counts = new Map<string, Counts>();
    let [lossSum, lossCount] = [0, 0];
    for (const windows of batched(allWindows(set.chips, cropPx), batchSize)) {
      throwIfAborted(signal, "chipValidator");
      const { logits, loss } = await predict(params, windows, options);
      if (loss !== undefined) [lossSum, lossCount] = [lossSum + loss, lossCount + 1];
      for (const [index, { crop, group }] of windows.entries()) {
        const seen = logits.subarray(index * cropPx * cropPx, (index + 1) * cropPx * cropPx);
        counts.set(group, addCounts(counts.get(group) ?? noCounts, windowCounts(seen, crop, options)));
      }
    }
    const total = [...counts.values()].reduce(addCounts, noCounts);
    const loss = lossCount > 0 ? { loss: lossSum / lossCount } : {};
    if (counts.size < 2) return { ...score(total), ...loss };
    const groups = Object.fromEntries([...counts].map(([group, one]) => [group, score(one)]));
    return { ...score(total), ...loss, groups };
  };
}

function windowCounts(logits: Float32Array, crop: Crop, { threshold = 0.5 }: ChipValidatorOptions): Counts {
  return confusionCounts(logits, crop.mask, { threshold: Math.log(threshold / (1 - threshold)) });
}

/** Ratios of counts as training reports them. */
function score(counts: Counts): Validation {
  const zero = { zeroDivision: 0 };
  return {
    iou: iou(counts, zero),
    f1: f1(counts, zero),
    precision: precision(counts, zero),
    recall: recall(counts, zero),
    accuracy: accuracy(counts, zero),
  };
}

async function predict(
  params: Params,
  windows: readonly Window[],
  { forward, normalization, cropPx, loss }: ChipValidatorOptions,
): Promise<{ logits: Float32Array; loss: number | undefined }> {
  const crops = windows.map(({ crop }) => crop);
  const [logits, lossValue] = tf.tidy(() => {
    const { input, target } = toBatch(crops, cropPx, normalization);
    const seen = forward(params, input);
    return [seen, loss ? loss(seen, target) : tf.scalar(0)];
  }) as [tf.Tensor, tf.Scalar];
  try {
    const [values, [mean]] = await Promise.all([logits.data<"float32">(), lossValue.data()]);
    return { logits: values, loss: loss ? mean! : undefined };
  } finally {
    tf.dispose([logits, lossValue]);
  }
}

function* allWindows(chips: readonly Chip[], cropPx: number): Generator<Window> {
  for (const chip of chips) {
    for (const row of starts(chip.height, cropPx)) {
      for (const col of starts(chip.width, cropPx)) {
        const crop = cutChip(chip, plainPlacement(col.at, row.at, cropPx), cropPx);
        // What an earlier window has covered is not counted again.
        for (let y = 0; y < cropPx; y++) {
          for (let x = 0; x < cropPx; x++) {
            if (y < row.covered || x < col.covered) crop.mask[y * cropPx + x] = 255;
          }
        }
        yield { crop, group: chip.group ?? "" };
      }
    }
  }
}

/** Windows along one axis, and how many of their first pixels the one before has covered. */
function starts(length: number, cropPx: number): { at: number; covered: number }[] {
  const count = Math.max(1, Math.ceil(length / cropPx));
  return Array.from({ length: count }, (_, index) => {
    const at = Math.max(0, Math.min(index * cropPx, length - cropPx));
    return { at, covered: index * cropPx - at };
  });
}

function* batched<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
