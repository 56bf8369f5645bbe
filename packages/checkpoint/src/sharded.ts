import type { ByteSource } from "@glof/core/bytes";
import { corrupt, overLimit, unsupported } from "./failures.js";
import { isObject, parseJsonObject } from "./parse_json.js";
import { maxHeaderBytes } from "./safetensors_header.js";
import type { Checkpoint, CheckpointEntry } from "./types.js";

/** Opens one shard by its file name, beside the index. */
export type OpenShard = (fileName: string) => Promise<Checkpoint>;

const maxShards = 1000;

/**
 * Opens the index of a checkpoint in several files (`model.safetensors.index.json`: names and the file of each), as
 * Hugging Face writes it. Every name must be in the shard that the index says.
 *
 * @param openShard undefined where the index has no place of its own (a Blob) or is a shard itself
 */
export async function openSharded(file: ByteSource, openShard: OpenShard | undefined): Promise<Checkpoint> {
  const places = await readWeightMap(file);
  const names = [...new Set(places.values())];
  if (names.length > maxShards) throw overLimit(file.name, "files", maxShards, names.length);
  if (!openShard) {
    throw unsupported(
      file.name,
      "it is an index of several files; those lie beside it, which a Blob, a buffer or a shard does not have",
      "Open it by path or address, or open each file.",
    );
  }
  const shards = new Map<string, Checkpoint>();
  const close = async (): Promise<void> => {
    await Promise.all([file.close(), ...[...shards.values()].map((shard) => shard.close())]);
  };
  try {
    for (const name of names) shards.set(name, await openShard(name));
    const starts = shardStarts(shards);
    const entries = new Map<string, CheckpointEntry>();
    for (const [tensor, shard] of places) {
      const entry = shards.get(shard)!.entries.get(tensor);
      if (!entry) throw corrupt(file.name, `"${tensor}" in ${shard}`, "no such tensor there");
      entries.set(tensor, { ...entry, offset: starts.get(shard)! + (entry.offset ?? 0) });
    }
    const shardOf = (tensor: string): Checkpoint => shards.get(places.get(tensor) ?? names[0]!)!;
    return {
      name: file.name,
      format: shards.get(names[0]!)!.format,
      entries,
      metadata: shards.get(names[0]!)!.metadata,
      readBytes: (tensor) => shardOf(tensor).readBytes(tensor),
      readFloat32: (tensor) => shardOf(tensor).readFloat32(tensor),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Offsets go on from file to file, so that reading in their order reads one file after the other. */
function shardStarts(shards: ReadonlyMap<string, Checkpoint>): ReadonlyMap<string, number> {
  const starts = new Map<string, number>();
  let at = 0;
  for (const [name, { entries }] of shards) {
    starts.set(name, at);
    at += 1 + [...entries.values()].reduce((most, { offset = 0 }) => Math.max(most, offset), 0);
  }
  return starts;
}

async function readWeightMap(file: ByteSource): Promise<ReadonlyMap<string, string>> {
  if (file.size > maxHeaderBytes) throw overLimit(file.name, "bytes of index", maxHeaderBytes, file.size);
  const { weight_map: map } = parseJsonObject(file.name, await file.read(0, file.size), "an index");
  if (!isObject(map)) throw corrupt(file.name, "a weight_map", "none");
  const places = Object.entries(map);
  if (places.length === 0) throw corrupt(file.name, "a weight_map of some names", "an empty one");
  for (const [tensor, shard] of places) {
    // A shard lies beside its index: no path may lead elsewhere.
    if (typeof shard !== "string" || !isPlainName(shard)) {
      throw corrupt(file.name, `a plain file name for "${tensor}"`, JSON.stringify(shard)?.slice(0, 100));
    }
  }
  return new Map(places as [string, string][]);
}

/** No folder, no drive, no part of an address, nothing that an address would decode. */
function isPlainName(name: string): boolean {
  return name.length <= 255 && !/^\.\.?$|[/\\:?#%]|\p{Cc}/u.test(name) && name !== "";
}
