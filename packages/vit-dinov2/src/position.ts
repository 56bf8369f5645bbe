import { resizeBicubic } from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { Dinov2Config } from "./config.js";

/** What `interpolatePosition` reads of a config. */
export type PositionRule = Pick<Dinov2Config, "positionOffset" | "positionAntialias">;

/**
 * The position embedding for another grid of patches, bicubic. Only the very same square comes back untouched.
 *
 * With an offset the factor (rows + offset) / M is what source positions are computed from, a historical rule that the
 * models without registers need: along a side that has the trained length it is not the identity. With offset 0 the
 * sizes decide, as register models and Hugging Face's Dinov2Model have it.
 * Source: dinov2/models/vision_transformer.py, `interpolate_pos_encoding`.
 *
 * @param posEmbed [1, 1 + M², D], the cls position first; that one stays as it is
 * @param grid [rows, cols] of patches
 * @returns [1, 1 + rows·cols, D]
 */
export function interpolatePosition(
  posEmbed: tf.Tensor3D,
  grid: readonly [rows: number, cols: number],
  { positionOffset: offset, positionAntialias: antialias }: PositionRule,
): tf.Tensor3D {
  const [, count, width] = posEmbed.shape;
  const trained = Math.round(Math.sqrt(count - 1));
  const [rows, cols] = grid;
  if (rows === trained && cols === trained) return posEmbed.clone();
  return tf.tidy(() => {
    const cls = tf.slice(posEmbed, [0, 0, 0], [1, 1, width]);
    const square = tf.reshape(tf.slice(posEmbed, [0, 1, 0], [1, count - 1, width]), [
      1,
      trained,
      trained,
      width,
    ]);
    const scale =
      offset > 0 ? { scale: [(rows + offset) / trained, (cols + offset) / trained] as const } : {};
    const resized = resizeBicubic(square as tf.Tensor4D, grid, { antialias, ...scale });
    return tf.concat([cls, tf.reshape(resized, [1, rows * cols, width])], 1) as tf.Tensor3D;
  });
}
