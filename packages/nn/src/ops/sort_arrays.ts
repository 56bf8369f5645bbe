const digitBits = 11;
const digits = 1 << digitBits;

/**
 * Indices in order of rising key; equal keys keep their order. Radix sort, three digits of 11 bits.
 *
 * @param keys by index
 * @param indices those to sort; overwritten
 */
export function orderByKeys(keys: Uint32Array, indices: Uint32Array): Uint32Array {
  let from = indices;
  let to: Uint32Array = new Uint32Array(indices.length);
  for (let shift = 0; shift < 32; shift += digitBits) {
    const starts = new Uint32Array(digits);
    for (const index of from) starts[(keys[index]! >>> shift) & (digits - 1)]!++;
    let sum = 0;
    for (let digit = 0; digit < digits; digit++) {
      const count = starts[digit]!;
      starts[digit] = sum;
      sum += count;
    }
    for (const index of from) to[starts[(keys[index]! >>> shift) & (digits - 1)]!++] = index;
    [from, to] = [to, from];
  }
  return from;
}

/** Indices of a row in order of falling value: NaN first, -0 equal to 0, equal values in their order. */
export function fallingOrder(values: Float32Array): Uint32Array {
  const keys = new Uint32Array(values.length);
  const indices = new Uint32Array(values.length);
  const bitsOf = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    const bits = value === 0 ? 0 : bitsOf[index]!;
    // Bits of positive floats rise with them and are inverted here; those of negative ones rise as these fall.
    if (Number.isNaN(value)) keys[index] = 0;
    else keys[index] = bits >= 0x80000000 ? bits : 0x7fffffff - bits;
    indices[index] = index;
  }
  return orderByKeys(keys, indices);
}
