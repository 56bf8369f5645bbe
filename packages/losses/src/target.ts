import { GlofError } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import type { LossMode } from "./types.js";

/** Target values and which of them count, both f32 of one shape. */
export interface MaskedTarget {
  /** 0 where it does not count. */
  readonly truth: tf.Tensor2D;
  /** 1 counts, 0 does not; [P, K], or [P, 1] when a pixel counts for all classes or none. */
  readonly valid: tf.Tensor2D;
}

/** Number of classes in the last axis. */
export const classCount = (logits: tf.Tensor): number => logits.shape[logits.rank - 1] ?? 1;

/** The target as f32. A cast copies on WASM, to the same type too. */
export function asFloats(target: tf.Tensor): tf.Tensor {
  return target.dtype === "float32" ? target : tf.cast(target, "float32");
}

/** [..., K] -> [P, K] for the modes with classes, [..] -> [P, 1] for binary. */
export function toRows(logits: tf.Tensor, mode: LossMode): tf.Tensor2D {
  return tf.reshape(logits, [-1, mode === "binary" ? 1 : classCount(logits)]);
}

/**
 * Target as rows beside the logits' rows: [P, K], one-hot for `multiclass`.
 *
 * @throws GlofError `shape-mismatch` when the counts do not fit
 */
export function maskedTarget(
  logits: tf.Tensor,
  target: tf.Tensor,
  mode: LossMode,
  ignore: number | null,
  where: string,
): MaskedTarget {
  checkTarget(logits, target, mode, where);
  const columns = mode === "multilabel" ? classCount(logits) : 1;
  const values = tf.reshape<tf.Rank.R2>(asFloats(target), [-1, columns]);
  const valid = validity(values, ignore);
  if (mode === "multiclass") return { truth: tf.mul(oneHotRows(values, classCount(logits)), valid), valid };
  return { truth: tf.where(tf.cast(valid, "bool"), values, tf.zerosLike(values)), valid };
}

/** 1 where the target counts, as f32 of the target's shape. */
export function validity<T extends tf.Tensor>(target: T, ignore: number | null): T {
  return ignore === null ? tf.onesLike(target) : (tf.cast(tf.notEqual(target, ignore), "float32") as T);
}

/** [P, 1] class numbers -> [P, K]; a number that is no class gives a row of zeros. */
export function oneHotRows(classes: tf.Tensor2D, count: number): tf.Tensor2D {
  const numbers = tf.reshape(tf.range(0, count, 1, "float32"), [1, count]);
  return tf.cast(tf.equal(classes, numbers), "float32") as tf.Tensor2D;
}

/** Throws unless the target has as many values as the mode asks for. */
export function checkTarget(logits: tf.Tensor, target: tf.Tensor, mode: LossMode, where: string): void {
  const expected = mode === "multiclass" ? logits.size / classCount(logits) : logits.size;
  if (target.size === expected) return;
  throw new GlofError(
    "shape-mismatch",
    `${where}: expected a target of ${expected} values for logits [${logits.shape}] in mode ${mode}, ` +
      `got [${target.shape}]. Images are [N, H, W, K] here, channels last.`,
    { logits: logits.shape, target: target.shape, mode },
  );
}
