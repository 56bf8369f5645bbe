import type { ByteSource } from "@glof/core/bytes";
import { buildCheckpoint } from "./build_checkpoint.js";
import { readSafetensorsHeader } from "./safetensors_header.js";
import type { Checkpoint } from "./types.js";

/** Opens a safetensors file; each tensor is read when asked for. */
export async function openSafetensors(file: ByteSource): Promise<Checkpoint> {
  const { entries, metadata } = await readSafetensorsHeader(file);
  return buildCheckpoint({
    name: file.name,
    format: "safetensors",
    entries,
    metadata,
    readBytes: (entry) => file.read(entry.offset, entry.byteLength),
    close: () => file.close(),
  });
}
