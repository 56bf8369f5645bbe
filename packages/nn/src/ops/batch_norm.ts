import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { isRecomputing } from "../checkpointing.js";
import { withGradient } from "../with_gradient.js";
import { normPullback } from "./layer_norm.js";

/** Weights and state of a batch normalisation, each [C]. */
export interface BatchNormParams {
  readonly weight: tf.Tensor;
  readonly bias: tf.Tensor;
  readonly runningMean: tf.Tensor;
  readonly runningVar: tf.Tensor;
}

/** Running statistics after a training step. */
export interface BatchNormStatistics {
  readonly runningMean: tf.Tensor;
  readonly runningVar: tf.Tensor;
}

/** Options of `batchNorm`. */
export interface BatchNormOptions {
  /** Normalise by the batch (and report new running statistics) or by the running statistics. Default false. */
  readonly training?: boolean;
  /** Share of the batch in the new running statistics. Default 0.1. */
  readonly momentum?: number;
  /** Added to the variance inside the square root. Default 1e-5. */
  readonly epsilon?: number;
  /**
   * Receives the new running statistics of a training pass; the receiver disposes them (they outlive any tidy). Called
   * once, not again when a checkpointed block is recomputed.
   */
  readonly onStatistics?: (statistics: BatchNormStatistics) => void;
}

/**
 * Batch normalisation over all axes but the last (Ioffe and Szegedy 2015), as PyTorch: the batch is normalised by its
 * biased variance, while the running variance takes the unbiased one: running = (1 - momentum) running + momentum batch.
 *
 * @param x [..., C]
 * @throws GlofError `shape-mismatch`; `bad-argument` when training on one value per channel
 */
export function batchNorm<T extends tf.Tensor>(
  x: T,
  params: BatchNormParams,
  options: BatchNormOptions = {},
): T {
  const { training = false, momentum = 0.1, epsilon = 1e-5, onStatistics } = options;
  checkShapes(x, params, training);
  if (!training) return normaliseByRunning(x, params, epsilon);
  const report = isRecomputing() ? undefined : onStatistics;
  return normaliseByBatch(x, params, epsilon, (moments) =>
    report?.(newStatistics(moments, x.size / params.weight.size, params, momentum)),
  );
}

function normaliseByRunning<T extends tf.Tensor>(x: T, params: BatchNormParams, epsilon: number): T {
  const { weight, bias, runningMean, runningVar } = params;
  type Saved = "x" | "weight" | "mean" | "inverseStd";
  return withGradient<T, "x" | "weight" | "bias", Saved>({
    inputs: { x, weight, bias },
    forward: () => {
      const inverseStd = tf.rsqrt(tf.add(runningVar, epsilon));
      const factor = tf.mul(weight, inverseStd);
      const value = tf.add(tf.mul(tf.sub(x, runningMean), factor), bias);
      return { value, saved: { x, weight, mean: runningMean, inverseStd } };
    },
    backward: (dy, saved, wants) => {
      const leading = leadingAxes(dy);
      const normed = (): tf.Tensor => tf.mul(tf.sub(saved.x, saved.mean), saved.inverseStd);
      return {
        x: wants("x") ? tf.mul(dy, tf.mul(saved.weight, saved.inverseStd)) : undefined,
        weight: wants("weight") ? tf.sum(tf.mul(dy, normed()), leading) : undefined,
        bias: wants("bias") ? tf.sum(dy, leading) : undefined,
      };
    },
  });
}

function normaliseByBatch<T extends tf.Tensor>(
  x: T,
  params: BatchNormParams,
  epsilon: number,
  onMoments: (moments: Moments) => void,
): T {
  const { weight, bias } = params;
  return withGradient<T, "x" | "weight" | "bias", "x" | "weight" | "mean" | "inverseStd">({
    inputs: { x, weight, bias },
    forward: () => {
      const moments = batchMoments(x);
      onMoments(moments);
      const { mean, variance } = moments;
      const inverseStd = tf.rsqrt(tf.add(variance, epsilon));
      const value = tf.add(tf.mul(tf.sub(x, mean), tf.mul(inverseStd, weight)), bias);
      return { value, saved: { x, weight, mean, inverseStd } };
    },
    backward: (dy, saved, wants) => {
      const leading = leadingAxes(dy);
      const normed = tf.mul(tf.sub(saved.x, saved.mean), saved.inverseStd);
      return {
        x: wants("x") ? normPullback(tf.mul(dy, saved.weight), normed, saved.inverseStd, leading) : undefined,
        weight: wants("weight") ? tf.sum(tf.mul(dy, normed), leading) : undefined,
        bias: wants("bias") ? tf.sum(dy, leading) : undefined,
      };
    },
  });
}

const leadingAxes = (x: tf.Tensor): number[] => x.shape.slice(0, -1).map((_, axis) => axis);

/** Mean and biased variance per channel, each [C]. */
interface Moments {
  readonly mean: tf.Tensor;
  readonly variance: tf.Tensor;
}

function batchMoments(x: tf.Tensor): Moments {
  const mean = tf.mean(x, leadingAxes(x));
  return { mean, variance: tf.mean(tf.square(tf.sub(x, mean)), leadingAxes(x)) };
}

/** @param count values per channel */
function newStatistics(
  { mean, variance }: Moments,
  count: number,
  { runningMean, runningVar }: BatchNormParams,
  momentum: number,
): BatchNormStatistics {
  return tf.tidy(() => {
    const mix = (running: tf.Tensor, batch: tf.Tensor): tf.Tensor =>
      tf.keep(tf.add(tf.mul(running, 1 - momentum), tf.mul(batch, momentum)));
    return {
      runningMean: mix(runningMean, mean),
      runningVar: mix(runningVar, tf.mul(variance, count / (count - 1))),
    };
  });
}

function checkShapes(x: tf.Tensor, params: BatchNormParams, training: boolean): void {
  checkNormWidth(params, x.shape);
  if (training && x.size / params.weight.size < 2) {
    throw new GlofError(
      "bad-argument",
      `batchNorm: expected more than one value per channel in training, got x [${x.shape}]. Use a larger batch or image.`,
    );
  }
}

/** Throws `shape-mismatch` unless every tensor of a norm has one number per channel of `shape`, the last axis. */
export function checkNormWidth(params: BatchNormParams, shape: readonly number[]): void {
  const width = shape.at(-1);
  for (const [name, tensor] of Object.entries(params) as [string, tf.Tensor][]) {
    if (tensor.rank === 1 && tensor.shape[0] === width) continue;
    throw new GlofError(
      "shape-mismatch",
      `batchNorm: expected ${name} [C] for x [..., C], got x [${shape}] and [${tensor.shape}]. Images are NHWC.`,
    );
  }
}
