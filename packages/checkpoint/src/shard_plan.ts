import { GlofError } from "@glof/core";
import type { PlannedTensor } from "./tensor_plan.js";

/**
 * Cuts a plan into files of at most `maxBytes` of tensors, in its order; a tensor that is larger has a file of its own.
 *
 * @throws GlofError `bad-argument` unless `maxBytes` is above 0
 */
export function planShards<Tensor extends PlannedTensor<unknown>>(
  plan: readonly Tensor[],
  maxBytes: number,
): Tensor[][] {
  if (!(maxBytes > 0)) {
    throw new GlofError(
      "bad-argument",
      `saveCheckpoint: expected maxShardBytes above 0, got ${maxBytes}. Correct it.`,
    );
  }
  const shards: Tensor[][] = [[]];
  let held = 0;
  for (const tensor of plan) {
    if (held > 0 && held + tensor.byteLength > maxBytes) {
      shards.push([]);
      held = 0;
    }
    shards.at(-1)!.push(tensor);
    held += tensor.byteLength;
  }
  return shards;
}

/** Names of the files of a sharded checkpoint, and its index, as Hugging Face writes them. */
export interface ShardIndex {
  readonly names: readonly string[];
  readonly indexName: string;
  /** JSON text: `metadata.total_size` in bytes, and the file of each name. */
  readonly index: string;
}

/** @param fileName what the checkpoint in one file would be called, ending in `.safetensors` */
export function shardIndex(
  fileName: string,
  shards: readonly (readonly PlannedTensor<unknown>[])[],
): ShardIndex {
  const stem = fileName.slice(0, -".safetensors".length);
  const five = (number: number): string => String(number).padStart(5, "0");
  const names = shards.map(
    (_, number) => `${stem}-${five(number + 1)}-of-${five(shards.length)}.safetensors`,
  );
  const total = shards.flat().reduce((sum, { byteLength }) => sum + byteLength, 0);
  const map = shards.flatMap((shard, number) => shard.map(({ name }) => [name, names[number]!] as const));
  const index = { metadata: { total_size: total }, weight_map: Object.fromEntries(map) };
  return { names, indexName: `${fileName}.index.json`, index: `${JSON.stringify(index, null, 2)}\n` };
}
