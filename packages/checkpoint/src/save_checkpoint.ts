import { GlofError } from "@glof/core";
import { elementCount, itemBytes } from "./dtypes.js";
import { type FileLayout, type WriteProgressOptions, writeLayout, writeLayoutAtomic } from "./file_layout.js";
import { safetensorsLayout } from "./safetensors_write.js";
import { planShards, shardIndex } from "./shard_plan.js";
import type { PlannedTensor } from "./tensor_plan.js";
import { torchLayout } from "./torch_write.js";
import type { Checkpoint } from "./types.js";

/** Options of `saveCheckpoint`. */
export interface SaveCheckpointOptions extends WriteProgressOptions {
  /** Text of a safetensors file. Default: the checkpoint's own. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /**
   * Most bytes of tensors in one safetensors file; a larger checkpoint becomes `name-00001-of-0000N.safetensors` and
   * `name.safetensors.index.json`. A tensor is never split. Default: one file.
   */
  readonly maxShardBytes?: number | undefined;
  /** Replace earlier files. Default false. */
  readonly overwrite?: boolean | undefined;
}

type Plan = readonly PlannedTensor<Promise<Uint8Array>>[];

/**
 * Writes any checkpoint, such as an open file, to another file (Node): `.safetensors`, or `.pth`, `.pt` and `.bin` as
 * `torch.save` writes. Bits and names stay; see `castCheckpoint` for another precision. One tensor at a time is in
 * memory, read in the order of the source, and files appear only when all are whole.
 *
 * @returns paths of the files written; of a sharded checkpoint the index is the first
 * @throws GlofError `unsupported-format` for another ending; `already-exists` without `overwrite`; `bad-argument`; what
 *   reading throws; `no-space`, `not-writable`, `io`; `aborted`
 */
export async function saveCheckpoint(
  path: string,
  checkpoint: Checkpoint,
  options: SaveCheckpointOptions = {},
): Promise<string[]> {
  const { maxShardBytes, overwrite = false } = options;
  const format = formatOf(path);
  const plan = planCheckpoint(checkpoint);
  const shards = maxShardBytes === undefined ? [plan] : planShards(plan, maxShardBytes);
  if (shards.length > 1) {
    if (format === "torch") throw noTorchShards(path);
    return saveShards(path, shards, { ...options, metadata: options.metadata ?? checkpoint.metadata });
  }
  await refuseExisting(path, overwrite);
  const layout =
    format === "torch" ? torchLayoutOf(plan, checkpoint) : safetensorsOf(plan, checkpoint, options);
  await writeLayoutAtomic(path, layout, plan, options);
  return [path];
}

function formatOf(path: string): "safetensors" | "torch" {
  if (/\.safetensors$/i.test(path)) return "safetensors";
  if (/\.(pth|pt|bin)$/i.test(path)) return "torch";
  throw new GlofError(
    "unsupported-format",
    `saveCheckpoint: expected a name that ends in .safetensors, .pth, .pt or .bin, got ${path}. Choose one of them.`,
    { path },
  );
}

/** In the order in which the source reads from front to back; where it has none, in its own. */
function planCheckpoint(checkpoint: Checkpoint): Plan {
  return [...checkpoint.entries.values()]
    .sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0))
    .map(({ name, dtype, shape }) => ({
      name,
      dtype,
      shape,
      byteLength: (elementCount(shape) ?? 0) * itemBytes[dtype],
      readBytes: () => checkpoint.readBytes(name),
    }));
}

function safetensorsOf(plan: Plan, checkpoint: Checkpoint, { metadata }: SaveCheckpointOptions): FileLayout {
  return safetensorsLayout(plan, presentText(metadata ?? checkpoint.metadata));
}

const presentText = (text: Readonly<Record<string, string>>): Readonly<Record<string, string>> | undefined =>
  Object.keys(text).length > 0 ? text : undefined;

/** The state dict keeps the checkpoint's order, whatever the order of the storages. */
function torchLayoutOf(plan: Plan, checkpoint: Checkpoint): FileLayout {
  const places = new Map(plan.map(({ name }, index) => [name, index]));
  return torchLayout(plan, { order: [...checkpoint.entries.keys()].map((name) => places.get(name)!) });
}

async function refuseExisting(path: string, overwrite: boolean): Promise<void> {
  if (overwrite) return;
  const { lstat } = await import("node:fs/promises");
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  throw new GlofError(
    "already-exists",
    `saveCheckpoint(${path}): expected no earlier file, got one. Choose another name, or overwrite.`,
    { path },
  );
}

async function saveShards(
  path: string,
  shards: readonly Plan[],
  options: SaveCheckpointOptions,
): Promise<string[]> {
  const { basename, dirname, join } = await import("node:path");
  const { asGlofError, beginFileSet } = await import("@glof/core/node");
  const { overwrite = false, signal, onProgress, metadata = {} } = options;
  const { names, indexName, index } = shardIndex(basename(path), shards);
  const files = await beginFileSet(dirname(path), [indexName, ...names], { overwrite });
  const total = shards.flat().reduce((sum, { byteLength }) => sum + byteLength, 0);
  let before = 0;
  try {
    for (const [number, shard] of shards.entries()) {
      const target = files.pathOf(names[number]!);
      const layout = safetensorsLayout(shard, presentText(metadata));
      await asGlofError(target, () =>
        writeLayout(target, layout, shard, {
          signal,
          onProgress: onProgress && ((event) => onProgress({ ...event, done: before + event.done, total })),
        }),
      );
      before += shard.reduce((sum, { byteLength }) => sum + byteLength, 0);
    }
    const { writeFile } = await import("node:fs/promises");
    await asGlofError(indexName, () => writeFile(files.pathOf(indexName), index));
    await files.commit();
  } finally {
    await files.abandon();
  }
  return [indexName, ...names].map((name) => join(dirname(path), name));
}

function noTorchShards(path: string): GlofError {
  return new GlofError(
    "bad-argument",
    `saveCheckpoint(${path}): expected a .safetensors name for several files, got another. Name it .safetensors, or leave out the limit.`,
    { path },
  );
}
