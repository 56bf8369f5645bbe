import type { LovaszOptions } from "./lovasz_types.js";
import { orderByKeys } from "./sort_arrays.js";

/**
 * The Lovasz extension of one row, as `lovaszExtension`, for backends whose tensors lie in plain memory: pixels without
 * an error never meet the sort, and the rest is one pass.
 *
 * @param derivative zeros, of the row's length; the slopes of the pixels with an error are written into it
 * @returns the value of the row
 */
export function lovaszRow(
  scores: Float32Array,
  labels: ArrayLike<number>,
  { form, ignore, scale }: LovaszOptions,
  derivative: Float32Array,
): number {
  const isHinge = form === "hinge";
  const errors = new Float32Array(scores.length);
  const bits = new Uint32Array(errors.buffer);
  const keys = new Uint32Array(scores.length);
  const candidates = new Uint32Array(scores.length);
  let [positives, wrong] = [0, 0];
  for (let pixel = 0; pixel < scores.length; pixel++) {
    const label = labels[pixel]!;
    if (label === ignore) continue;
    const isTrue = label === 1;
    if (isTrue) positives++;
    errors[pixel] = isHinge ? 1 - (isTrue ? scores[pixel]! : -scores[pixel]!) : scores[pixel]!;
    // Not "> 0": a NaN counts, as the largest error, so that the value shows it.
    if (errors[pixel]! <= 0) continue;
    keys[pixel] = Number.isNaN(errors[pixel]!) ? 0 : 0x7fffffff - bits[pixel]!;
    candidates[wrong++] = pixel;
  }
  let [value, seenTrue, union] = [0, 0, positives];
  for (const pixel of orderByKeys(keys, candidates.subarray(0, wrong))) {
    const isTrue = labels[pixel] === 1;
    let slope: number;
    if (isTrue) {
      seenTrue++;
      slope = 1 / union;
    } else {
      slope = union === 0 ? 1 : (positives - seenTrue) / (union * (union + 1));
      union++;
    }
    derivative[pixel] = (isHinge && isTrue ? -slope : slope) * scale;
    value += errors[pixel]! * slope;
  }
  return value;
}
