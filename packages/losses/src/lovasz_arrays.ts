/**
 * The Lovasz extension of one row, as `lovaszExtension`, for backends whose tensors lie in plain memory: pixels without
 * an error never meet the sort, and the rest is one pass.
 *
 * @param derivative zeros, of the row's length; the slopes of the pixels with an error are written into it
 * @returns the value of the row
 */
export function lovaszRow(
  errors: Float32Array,
  truth: Float32Array,
  valid: Float32Array,
  derivative: Float32Array,
): number {
  let [positives, wrong] = [0, 0];
  const candidates = new Uint32Array(errors.length);
  for (let pixel = 0; pixel < errors.length; pixel++) {
    if (valid[pixel] === 0) continue;
    positives += truth[pixel]!;
    if (errors[pixel]! > 0) candidates[wrong++] = pixel;
  }
  let [value, seenTrue, union] = [0, 0, positives];
  for (const pixel of sortByFalling(errors, candidates.subarray(0, wrong))) {
    let slope: number;
    if (truth[pixel] === 1) {
      seenTrue++;
      slope = 1 / union;
    } else {
      slope = union === 0 ? 1 : (positives - seenTrue) / (union * (union + 1));
      union++;
    }
    derivative[pixel] = slope;
    value += errors[pixel]! * slope;
  }
  return value;
}

const digitBits = 11;
const digits = 1 << digitBits;

/** Indices in order of falling positive value; equal values keep their order. Radix sort, three digits of 11 bits. */
export function sortByFalling(values: Float32Array, indices: Uint32Array): Uint32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let from = indices;
  let to: Uint32Array = new Uint32Array(indices.length);
  for (let shift = 0; shift < 32; shift += digitBits) {
    const starts = new Uint32Array(digits);
    // Positive floats order like their bits; inverted they fall.
    const digitOf = (index: number): number => (~bits[index]! >>> shift) & (digits - 1);
    for (const index of from) starts[digitOf(index)]!++;
    let sum = 0;
    for (let digit = 0; digit < digits; digit++) {
      const count = starts[digit]!;
      starts[digit] = sum;
      sum += count;
    }
    for (const index of from) to[starts[digitOf(index)]!++] = index;
    const emptied = from === indices ? new Uint32Array(indices.length) : from;
    from = to;
    to = emptied;
  }
  return from;
}
