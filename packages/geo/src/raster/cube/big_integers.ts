import { GlofError } from "@glof/core";

/**
 * 64-bit integers as the numbers that JavaScript has.
 *
 * @throws GlofError `unsupported-feature` for a value beyond 2^53, which no number holds exactly
 */
export function fromBigIntegers(values: BigInt64Array | BigUint64Array, name: string): Float64Array {
  const out = new Float64Array(values.length);
  for (let index = 0; index < values.length; index++) {
    const value = Number(values[index]);
    if (!Number.isSafeInteger(value)) {
      throw new GlofError(
        "unsupported-feature",
        `${name}: expected 64-bit integers up to 2^53, got ${values[index]}. Store them as 32-bit integers or floats.`,
        { name },
      );
    }
    out[index] = value;
  }
  return out;
}
