import { GlofError } from "@glof/core";
import { toFloat32 } from "./dtypes.js";
import type { Checkpoint, CheckpointEntry } from "./types.js";

/** What a format's reader knows; the rest of a `Checkpoint` follows from it. */
export interface CheckpointParts<Entry extends CheckpointEntry> {
  readonly name: string;
  readonly format: Checkpoint["format"];
  readonly entries: ReadonlyMap<string, Entry>;
  readonly metadata?: Readonly<Record<string, string>>;
  /** A fresh copy of the tensor's bytes, contiguous and little-endian. */
  readBytes(entry: Entry): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** The public face of every reader: looks names up and widens. */
export function buildCheckpoint<Entry extends CheckpointEntry>(parts: CheckpointParts<Entry>): Checkpoint {
  const find = (tensor: string): Entry => {
    const entry = parts.entries.get(tensor);
    if (entry) return entry;
    const some = [...parts.entries.keys()].slice(0, 5).join(", ");
    throw new GlofError(
      "not-found",
      `Checkpoint ${parts.name}: expected a tensor "${tensor}", got ${parts.entries.size} others (${some}, …). Look in \`entries\`.`,
      { file: parts.name, tensor },
    );
  };
  return {
    name: parts.name,
    format: parts.format,
    entries: parts.entries,
    metadata: parts.metadata ?? {},
    readBytes: async (tensor) => parts.readBytes(find(tensor)),
    readFloat32: async (tensor) => {
      const entry = find(tensor);
      return toFloat32(await parts.readBytes(entry), entry.dtype);
    },
    close: () => parts.close(),
  };
}
