import { toFloat32 } from "./dtypes.js";
import { f32ToBf16, f32ToF16 } from "./half.js";
import type { CheckpointDtype } from "./types.js";

const floating: ReadonlySet<CheckpointDtype> = new Set<CheckpointDtype>(["F64", "F32", "F16", "BF16"]);

/** Whether a dtype holds floating-point numbers; only those change their precision. */
export const isFloating = (dtype: CheckpointDtype): boolean => floating.has(dtype);

/**
 * Elements of one dtype as another, to nearest, ties to even. It takes over `bytes`: the result may share their memory.
 */
export function castBytes(bytes: Uint8Array, from: CheckpointDtype, to: CheckpointDtype): Uint8Array {
  if (from === to) return bytes;
  const floats = toFloat32(bytes, from);
  const words = to === "F16" ? f32ToF16(floats) : to === "BF16" ? f32ToBf16(floats) : floats;
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
