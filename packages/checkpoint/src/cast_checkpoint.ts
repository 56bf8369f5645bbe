import { castBytes, isFloating } from "./cast_bytes.js";
import { toFloat32 } from "./dtypes.js";
import type { FloatDtype } from "./tensor_plan.js";
import type { Checkpoint } from "./types.js";

/**
 * A checkpoint whose floating-point tensors have another precision; integers and booleans stay. Values are converted when
 * they are read, to nearest, ties to even. Closing it closes the one beneath.
 */
export function castCheckpoint(checkpoint: Checkpoint, dtype: FloatDtype): Checkpoint {
  const entries = new Map(
    [...checkpoint.entries].map(([name, entry]) => [
      name,
      isFloating(entry.dtype) ? { ...entry, dtype } : entry,
    ]),
  );
  const readBytes = async (name: string): Promise<Uint8Array> => {
    const bytes = await checkpoint.readBytes(name);
    return castBytes(bytes, checkpoint.entries.get(name)!.dtype, entries.get(name)!.dtype);
  };
  return {
    ...checkpoint,
    entries,
    readBytes,
    readFloat32: async (name) => toFloat32(await readBytes(name), entries.get(name)!.dtype),
  };
}
