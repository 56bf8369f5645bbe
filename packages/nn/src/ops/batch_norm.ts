import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import { isRecomputing } from "../checkpointing.js";
import { useGradientKernel, useKernel } from "../kernels/door.js";
import { withGradient } from "../with_gradient.js";
import { activationPullback, activationValue } from "./activations.js";
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
  /** Applied to the result, in the same pass where the backend can. Default none. */
  readonly activation?: "relu";
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
  const { training = false, momentum = 0.1, epsilon = 1e-5, activation, onStatistics } = options;
  checkShapes(x, params, training);
  const { weight, bias, runningMean, runningVar } = params;
  const report = isRecomputing() ? undefined : onStatistics;
  const how = { epsilon, activation, fixed: !training };
  return withGradient<T, "x" | "weight" | "bias", keyof Normalised>({
    inputs: { x, weight, bias },
    forward: () => {
      const { mean, variance } = training
        ? batchMoments(x, params, momentum, report)
        : { mean: runningMean, variance: runningVar };
      const saved = { x, weight, bias, mean, variance };
      return { value: normalisedValue(saved, how), saved };
    },
    backward: (dy, saved, wants) => pullBack(dy, saved, how, wants),
  });
}

/** What a result comes from. */
interface Normalised extends Moments {
  readonly x: tf.Tensor;
  readonly weight: tf.Tensor;
  readonly bias: tf.Tensor;
}

interface HowToNormalise {
  readonly epsilon: number;
  readonly activation: "relu" | undefined;
  /** Mean and variance are given numbers, not those of x. */
  readonly fixed: boolean;
}

function normalisedValue(
  { x, mean, variance, weight, bias }: Normalised,
  { epsilon, activation }: HowToNormalise,
): tf.Tensor {
  const kernel = useKernel("GlofNormalise");
  if (kernel !== undefined) {
    const inputs = { x: toRows(x), mean, variance, gamma: weight, beta: bias };
    return tf.reshape(kernel(inputs, { epsilon, activation: activation ?? "none" }), x.shape);
  }
  const factor = tf.mul(weight, tf.rsqrt(tf.add(variance, epsilon)));
  const value = tf.add(tf.mul(tf.sub(x, mean), factor), bias);
  return activation === undefined ? value : activationValue(activation, value);
}

function pullBack(
  dy: tf.Tensor,
  saved: Normalised,
  { epsilon, activation, fixed }: HowToNormalise,
  wants: (name: "x" | "weight" | "bias") => boolean,
): Partial<Record<"x" | "weight" | "bias", tf.Tensor | undefined>> {
  const { x, mean, variance, weight, bias } = saved;
  const kernel = useGradientKernel("GlofNormaliseGrad");
  if (kernel !== undefined) {
    const inputs = { x: toRows(x), mean, variance, gamma: weight, beta: bias, dy: toRows(dy) };
    const [dx, dWeight, dBias] = kernel(inputs, { epsilon, activation: activation ?? "none", fixed });
    return { x: tf.reshape(dx!, x.shape), weight: dWeight, bias: dBias };
  }
  const leading = leadingAxes(dy);
  const inverseStd = tf.rsqrt(tf.add(variance, epsilon));
  const normed = tf.mul(tf.sub(x, mean), inverseStd);
  const value = (): tf.Tensor => tf.add(tf.mul(normed, weight), bias);
  const passed = activation === undefined ? dy : activationPullback(activation, value(), dy);
  const byNormed = tf.mul(passed, weight);
  const byX = (): tf.Tensor =>
    fixed ? tf.mul(byNormed, inverseStd) : normPullback(byNormed, normed, inverseStd, leading);
  return {
    x: wants("x") ? byX() : undefined,
    weight: wants("weight") ? tf.sum(tf.mul(passed, normed), leading) : undefined,
    bias: wants("bias") ? tf.sum(passed, leading) : undefined,
  };
}

/** [..., C] -> [M, C]. */
const toRows = (x: tf.Tensor): tf.Tensor => tf.reshape(x, [-1, x.shape.at(-1)!]);

const leadingAxes = (x: tf.Tensor): number[] => x.shape.slice(0, -1).map((_, axis) => axis);

/** Mean and biased variance per channel, each [C]. */
interface Moments {
  readonly mean: tf.Tensor;
  readonly variance: tf.Tensor;
}

/** The moments of a batch; `report` hears of the running statistics that follow from them. */
function batchMoments(
  x: tf.Tensor,
  params: BatchNormParams,
  momentum: number,
  report: BatchNormOptions["onStatistics"],
): Moments {
  const kernel = useGradientKernel("GlofMoments");
  if (kernel !== undefined) {
    const { runningMean, runningVar } = params;
    const [mean, variance, nextMean, nextVar] = kernel(
      { x: toRows(x), runningMean, runningVar },
      { momentum },
    );
    report?.({ runningMean: tf.keep(nextMean!), runningVar: tf.keep(nextVar!) });
    return { mean: mean!, variance: variance! };
  }
  const mean = tf.mean(x, leadingAxes(x));
  const moments = { mean, variance: tf.mean(tf.square(tf.sub(x, mean)), leadingAxes(x)) };
  report?.(newStatistics(moments, x.size / params.weight.size, params, momentum));
  return moments;
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
