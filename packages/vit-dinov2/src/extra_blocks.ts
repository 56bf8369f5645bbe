import { type Checkpoint, elementCount, itemBytes } from "@glof/checkpoint";
import type { ParamSpec } from "@glof/nn";
import type { Dinov2Config } from "./config.js";
import { keepingReader, type MappedTensor, mappedCheckpoint, sameTensor } from "./names/mapped_checkpoint.js";

/**
 * A checkpoint of `baseDepth` blocks as one of `depth`: the added blocks are copies of the last one that do nothing at
 * first.
 *
 * - `zero-gamma`: both LayerScale gammas 0. They alone get a gradient at first; all weights follow.
 * - `zero-proj`: `attn.proj` and the last linear of the feed-forward 0, gammas as copied. Those two get a gradient first.
 * - `all-zero`: both at once. No gradient ever reaches the block: it stays the identity.
 *
 * A checkpoint that holds one of the added blocks is left as it is: it was saved by a model of this depth.
 */
export function withExtraBlocks(
  checkpoint: Checkpoint,
  config: Pick<Dinov2Config, "depth" | "baseDepth" | "extraBlocks">,
  specs: readonly ParamSpec[],
): Checkpoint {
  const { depth, baseDepth, extraBlocks } = config;
  if (depth === baseDepth || hasExtraBlock(checkpoint, baseDepth)) return checkpoint;
  // The last block is read for itself and for its copies: once, when they are read one behind the other.
  const last = keepingReader(checkpoint);
  const tensors = new Map<string, MappedTensor>(
    [...checkpoint.entries.keys()].map((name) => {
      const isCopied = name.startsWith(`blocks.${baseDepth - 1}.`);
      return [name, sameTensor(checkpoint, name, name, isCopied ? last : undefined)];
    }),
  );
  for (const { name } of specs) {
    const match = /^blocks\.(\d+)\.(.+)$/.exec(name);
    if (!match || Number(match[1]) < baseDepth) continue;
    const source = `blocks.${baseDepth - 1}.${match[2]}`;
    // Left out where the checkpoint lacks it: the strict load then names what is missing.
    if (!checkpoint.entries.has(source)) continue;
    const copy = sameTensor(checkpoint, source, name, last);
    tensors.set(name, startsAtZero(match[2]!, extraBlocks) ? zerosLike(copy) : copy);
  }
  return mappedCheckpoint(checkpoint, tensors);
}

/** Zeros are no bytes of the file: they have no place in it. */
function zerosLike({ entry: { name, dtype, shape } }: MappedTensor): MappedTensor {
  return {
    entry: { name, dtype, shape },
    readBytes: async () => new Uint8Array(elementCount(shape)! * itemBytes[dtype]),
  };
}

function hasExtraBlock(checkpoint: Checkpoint, baseDepth: number): boolean {
  return [...checkpoint.entries.keys()].some(
    (name) => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? -1) >= baseDepth,
  );
}

function startsAtZero(part: string, extraBlocks: Dinov2Config["extraBlocks"]): boolean {
  const isGamma = /^ls[12]\.gamma$/.test(part);
  const isLast = /^(attn\.proj|mlp\.fc2|mlp\.w3)\./.test(part);
  return (isGamma && extraBlocks !== "zero-proj") || (isLast && extraBlocks !== "zero-gamma");
}
