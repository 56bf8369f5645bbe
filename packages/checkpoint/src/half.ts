const floatBits = new Float32Array(1);
const intBits = new Uint32Array(floatBits.buffer);

/** IEEE binary16 to f32, exact. Source: IEEE 754-2019, 3.4. */
export function f16ToF32(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  const out = new Uint32Array(values.buffer);
  for (let index = 0; index < bits.length; index++) {
    const half = bits[index]!;
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) values[index] = (sign ? -1 : 1) * fraction * 2 ** -24;
    else out[index] = sign | (exponent === 31 ? 0x7f800000 : (exponent + 112) << 23) | (fraction << 13);
  }
  return values;
}

/** bfloat16 (the upper half of an f32) to f32, exact. */
export function bf16ToF32(bits: Uint16Array): Float32Array {
  const out = new Uint32Array(bits.length);
  for (let index = 0; index < bits.length; index++) out[index] = bits[index]! << 16;
  return new Float32Array(out.buffer);
}

/** f32 to IEEE binary16, to nearest, ties to even; too large becomes infinity, NaN stays NaN. */
export function f32ToF16(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length);
  for (let index = 0; index < values.length; index++) halves[index] = toHalf(values[index]!);
  return halves;
}

/** f32 to bfloat16, to nearest, ties to even; NaN stays NaN. */
export function f32ToBf16(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let index = 0; index < bits.length; index++) {
    const word = bits[index]!;
    // Rounding could carry a NaN's fraction into infinity: set its quiet bit instead.
    const isNan = (word & 0x7fffffff) > 0x7f800000;
    halves[index] = isNan ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}

function toHalf(value: number): number {
  floatBits[0] = value;
  const bits = intBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65520 and above round to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Below 2^-14: a multiple of 2^-24, which adding 0.5 rounds to in f32 arithmetic.
  if (magnitude < 0x38800000) {
    floatBits[0] = Math.fround(Math.abs(value) + 0.5);
    return sign | (intBits[0]! - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}
