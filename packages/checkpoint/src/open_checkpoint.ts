import { GlofError } from "@glof/core";
import { addressOf, type ByteSource, type HttpSourceOptions } from "@glof/core/bytes";
import { type CheckpointSource, openCheckpointSource } from "./checkpoint_source.js";
import { openPytorchLegacy } from "./pytorch_legacy.js";
import { openPytorchZip } from "./pytorch_zip.js";
import { openSafetensors } from "./safetensors_read.js";
import { type OpenShard, openSharded } from "./sharded.js";
import type { Checkpoint } from "./types.js";

/** Options of `openCheckpoint`. */
export interface OpenCheckpointOptions {
  /** Shown in messages instead of the path or address. */
  readonly name?: string;
  /** Cancels the opening and later reads of a path or URL. */
  readonly signal?: AbortSignal;
  /** How addresses are fetched. A server without range requests is read whole into memory unless refused here. */
  readonly http?: HttpSourceOptions;
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
  { name, signal, http }: OpenCheckpointOptions = {},
): Promise<Checkpoint> {
  return openSource(source, { name, signal, http, openShard: shardOpener(source, { signal, http }) });
}

interface OpenSourceOptions {
  readonly name?: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly http: HttpSourceOptions | undefined;
  /** Absent for a shard: an index must not name another. */
  readonly openShard?: OpenShard | undefined;
}

async function openSource(
  source: CheckpointSource,
  { openShard, ...options }: OpenSourceOptions,
): Promise<Checkpoint> {
  const file = await openCheckpointSource(source, options);
  try {
    return await openByContent(file, openShard);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openByContent(file: ByteSource, openShard: OpenShard | undefined): Promise<Checkpoint> {
  const start = await file.read(0, Math.min(16, file.size));
  const begins = (...bytes: number[]): boolean => bytes.every((byte, index) => start[index] === byte);
  if (begins(0x50, 0x4b, 0x03, 0x04)) return openPytorchZip(file);
  // Pickle protocol 2, then a long integer of 10 bytes: the magic number of the legacy format.
  if (begins(0x80, 0x02, 0x8a, 0x0a)) return openPytorchLegacy(file);
  if (begins(0x7b) && !looksLikeSafetensors(start)) {
    return openSharded(file, openShard);
  }
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

/** A safetensors header's length fits in 4 bytes, so its upper half is zero; JSON text has no zero byte. */
const looksLikeSafetensors = (start: Uint8Array): boolean => start[7] === 0;

/** Opens a neighbour of the index. */
function shardOpener(
  source: CheckpointSource,
  options: Pick<OpenSourceOptions, "signal" | "http">,
): OpenShard | undefined {
  if (typeof source !== "string" && !(source instanceof URL)) return undefined;
  const open: (neighbour: string | URL) => Promise<Checkpoint> = (neighbour) =>
    openSource(neighbour, options);
  const address = addressOf(source) ?? (source instanceof URL ? source : undefined);
  if (address) return (fileName) => open(new URL(fileName, address));
  const folder = /^(.*[\\/])?/.exec(String(source))![0];
  return (fileName) => open(`${folder}${fileName}`);
}
