import { GlofError } from "@glof/core";
import { buildCheckpoint } from "./build_checkpoint.js";
import { elementCount } from "./dtypes.js";
import type { Checkpoint, CheckpointDtype, CheckpointEntry, TensorToWrite } from "./types.js";

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
    entries.set(tensor, { name: tensor, shape, dtype: dtypeOf(values) });
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

/** Refuses values that do not fill their shape. */
export function requireCount(where: string, tensor: string, shape: readonly number[], got: number): void {
  const count = elementCount(shape);
  if (count === got) return;
  throw new GlofError(
    "shape-mismatch",
    `${where}: expected ${count} values for "${tensor}" of shape [${shape.join(", ")}], got ${got}. Pass a shape that fits.`,
    { tensor, shape, got },
  );
}

function dtypeOf(values: TensorToWrite["values"]): CheckpointDtype {
  if (values instanceof Float32Array) return "F32";
  return values instanceof Int32Array ? "I32" : "U8";
}
