import type { ByteSource } from "@glof/core/bytes";
import { elementCount, isDtype, itemBytes } from "./dtypes.js";
import { corrupt, overLimit, unsupported } from "./failures.js";
import { isObject, parseJsonObject } from "./parse_json.js";
import type { CheckpointEntry } from "./types.js";

/** The format's own limit on its header, in bytes. */
export const maxHeaderBytes = 100_000_000;

/** A tensor of a safetensors file and where its bytes lie. */
export interface PlacedEntry extends CheckpointEntry {
  /** Byte in the file. */
  readonly offset: number;
  readonly byteLength: number;
}

/** What the header of a safetensors file says. */
export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, PlacedEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads and checks the header: length, JSON, dtypes, shapes, and that the tensors tile the rest of the file without
 * overlap or hole. Source: https://github.com/huggingface/safetensors (README, "Format").
 */
export async function readSafetensorsHeader(file: ByteSource): Promise<SafetensorsHeader> {
  const { name } = file;
  const prefix = await file.read(0, 8);
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) throw overLimit(name, "bytes of header", maxHeaderBytes, length);
  const bytes = await file.read(8, Number(length));
  const header = parseJsonObject(name, bytes, "a header");
  const dataStart = 8 + Number(length);
  const { __metadata__: metadata, ...tensors } = header;
  const placed = Object.entries(tensors).map(([tensor, facts]) => placeEntry(name, tensor, facts, dataStart));
  requireTiling(file, placed, dataStart);
  return {
    entries: new Map(placed.map((entry) => [entry.name, entry])),
    metadata: readMetadata(name, metadata),
  };
}

function placeEntry(file: string, name: string, facts: unknown, dataStart: number): PlacedEntry {
  const where = `tensor ${JSON.stringify(name)}`;
  if (!isObject(facts)) throw corrupt(file, `${where} to be an object`, typeof facts);
  const { dtype, shape, data_offsets: span } = facts;
  if (!isDtype(dtype)) {
    throw unsupported(
      file,
      `${where} has dtype ${JSON.stringify(dtype)}; known are ${Object.keys(itemBytes).join(", ")}`,
      "Convert it to one of them.",
    );
  }
  const count = Array.isArray(shape) ? elementCount(shape) : undefined;
  if (count === undefined)
    throw corrupt(file, `${where} to have a shape of whole numbers`, JSON.stringify(shape));
  const [begin, end] = Array.isArray(span) && span.length === 2 ? (span as unknown[]) : [];
  const byteLength = count * itemBytes[dtype];
  if (!isOffset(begin) || !isOffset(end) || end - begin !== byteLength) {
    throw corrupt(file, `${where} to hold ${byteLength} bytes`, `data_offsets ${JSON.stringify(span)}`);
  }
  return { name, dtype, shape: shape as number[], offset: dataStart + begin, byteLength };
}

const isOffset = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

function requireTiling(file: ByteSource, placed: readonly PlacedEntry[], dataStart: number): void {
  let next = dataStart;
  for (const entry of [...placed].sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength)) {
    if (entry.offset !== next) {
      throw corrupt(
        file.name,
        `tensor ${JSON.stringify(entry.name)} at byte ${next}, right after its neighbour`,
        `byte ${entry.offset}`,
      );
    }
    next += entry.byteLength;
  }
  if (next !== file.size) throw corrupt(file.name, `${next} bytes in all`, `${file.size}`);
}

function readMetadata(name: string, metadata: unknown): Record<string, string> {
  if (metadata === undefined) return {};
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    throw corrupt(name, "__metadata__ of text values", JSON.stringify(metadata)?.slice(0, 100));
  }
  return metadata as Record<string, string>;
}
