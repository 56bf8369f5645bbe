import { buildCheckpoint } from "./build_checkpoint.js";
import { requireCount, valuesDtype } from "./tensor_plan.js";
import type { Checkpoint, CheckpointEntry, TensorToWrite } from "./types.js";

/** Options of `checkpointFromTensors`. */
export interface FromTensorsOptions {
  /** Shown in messages. Default `"memory"`. */
  readonly name?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * A `Checkpoint` over values at hand, for tests, fresh weights and conversions. Values are borrowed and copied on read.
 *
 * @param tensors values in PyTorch's layouts; f32, i32 or u8 by the type of their array
 * @throws GlofError `shape-mismatch` when a shape and its values disagree
 */
export function checkpointFromTensors(
  tensors: Readonly<Record<string, TensorToWrite>>,
  { name = "memory", metadata = {} }: FromTensorsOptions = {},
): Checkpoint {
  const entries = new Map<string, CheckpointEntry>();
  for (const [tensor, { shape, values }] of Object.entries(tensors)) {
    requireCount("checkpointFromTensors", tensor, shape, values.length);
    entries.set(tensor, { name: tensor, shape, dtype: valuesDtype(values) });
  }
  return buildCheckpoint({
    name,
    format: "memory",
    entries,
    metadata,
    readBytes: async (entry) => {
      const { values } = tensors[entry.name]!;
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
    },
    close: async () => {},
  });
}
