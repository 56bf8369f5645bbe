const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** Bits of a 32-bit float that are left out: 9 of the mantissa's 23 stay, so a bin is 0.2 % of its values wide. */
const droppedBits = 14;

/**
 * The bin of a value: the upper bits of its 32-bit float, numbered so that they rise with it. No range is needed beforehand,
 * and histograms of any two parts can be added.
 */
export function binOf(value: number): number {
  float[0] = value;
  const upper = (bits[0]! & 0x7fffffff) >> droppedBits;
  return bits[0]! < 0 ? -upper - 1 : upper;
}

/** The middle of a bin; the bins beside 0 give 0. */
export function binValue(bin: number): number {
  const upper = bin < 0 ? -bin - 1 : bin;
  if (upper === 0) return 0;
  bits[0] = (upper << droppedBits) | (1 << (droppedBits - 1));
  return bin < 0 ? -float[0]! : float[0]!;
}
