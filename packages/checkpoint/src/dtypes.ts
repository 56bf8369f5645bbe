import { bf16ToF32, f16ToF32 } from "./half.js";
import type { CheckpointDtype } from "./types.js";

/** Bytes of one element. */
export const itemBytes: Readonly<Record<CheckpointDtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** Whether a word of a file names a dtype that this package reads. */
export function isDtype(word: unknown): word is CheckpointDtype {
  return typeof word === "string" && Object.hasOwn(itemBytes, word);
}

/** Number of elements of a shape; undefined unless every size is a whole number and so is the product. */
export function elementCount(shape: readonly unknown[]): number | undefined {
  let count = 1;
  for (const size of shape) {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
    count *= size;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

/**
 * Little-endian elements of a dtype as f32 (integers and f64 round to nearest). It takes over `bytes`: an F32 result may
 * share their memory.
 */
export function toFloat32(bytes: Uint8Array, dtype: CheckpointDtype): Float32Array {
  const { buffer, byteOffset, byteLength } = aligned(bytes, itemBytes[dtype]);
  const count = byteLength / itemBytes[dtype];
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer, byteOffset, count);
    case "F16":
      return f16ToF32(new Uint16Array(buffer, byteOffset, count));
    case "BF16":
      return bf16ToF32(new Uint16Array(buffer, byteOffset, count));
    case "F64":
      return Float32Array.from(new Float64Array(buffer, byteOffset, count));
    case "I64":
      return longsToFloat32(new BigInt64Array(buffer, byteOffset, count));
    case "I32":
      return Float32Array.from(new Int32Array(buffer, byteOffset, count));
    case "I16":
      return Float32Array.from(new Int16Array(buffer, byteOffset, count));
    case "I8":
      return Float32Array.from(new Int8Array(buffer, byteOffset, count));
    case "U8":
      return Float32Array.from(bytes);
    case "BOOL":
      return Float32Array.from(bytes, (byte) => (byte === 0 ? 0 : 1));
  }
}

function longsToFloat32(longs: BigInt64Array): Float32Array {
  const values = new Float32Array(longs.length);
  for (let index = 0; index < longs.length; index++) values[index] = Number(longs[index]);
  return values;
}

function aligned(bytes: Uint8Array, step: number): Uint8Array {
  return bytes.byteOffset % step === 0 ? bytes : bytes.slice();
}
