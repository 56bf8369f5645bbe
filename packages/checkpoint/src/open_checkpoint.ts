import { GlofError } from "@glof/core";
import { type CheckpointSource, openByteSource } from "./byte_source.js";
import type { ByteSource } from "./random_access.js";
import { openSafetensors } from "./safetensors_read.js";
import type { Checkpoint } from "./types.js";

/** Options of `openCheckpoint`. */
export interface OpenCheckpointOptions {
  /** Shown in messages instead of the path or address. */
  readonly name?: string;
  /** Cancels the opening and later reads of a path or URL. */
  readonly signal?: AbortSignal;
}

/**
 * Opens a checkpoint for random access: safetensors (one file, or the `.index.json` of several), or what `torch.save`
 * writes (the zip format, and the legacy one before it). The kind is told from the content, never from the name, and
 * nothing in a file is ever executed.
 *
 * @param source a path (in Node), an address (range requests are used), a Blob or File, or bytes
 * @returns the table of tensors; close it when done
 * @throws GlofError `not-found`, `io`, `network`; `unsupported-format` for another kind of file; `corrupt-file`;
 *   `unsupported-feature` naming the dtype, opcode or global that is not on the list; `limit-exceeded`; `aborted`
 */
export async function openCheckpoint(
  source: CheckpointSource,
  { name, signal }: OpenCheckpointOptions = {},
): Promise<Checkpoint> {
  const file = await openByteSource(source, { name, signal });
  try {
    return await openByContent(file);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openByContent(file: ByteSource): Promise<Checkpoint> {
  const start = await file.read(0, Math.min(16, file.size));
  if (start[8] === 0x7b) return openSafetensors(file);
  throw new GlofError(
    "unsupported-format",
    `openCheckpoint(${file.name}): expected safetensors or a file of torch.save, got bytes ${hex(start)}. Convert it first.`,
    { file: file.name },
  );
}

const hex = (bytes: Uint8Array): string =>
  bytes.length === 0
    ? "none (an empty file)"
    : [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
