import type { Checkpoint } from "@glof/checkpoint";
import { GlofError } from "@glof/core";
import type { ExtraBlocks } from "../config.js";
import { withExtraBlocks } from "../extra_blocks.js";
import { dinov2Specs } from "../specs.js";
import { describeDinov2 } from "./describe.js";
import { mappedCheckpoint, sameTensor } from "./mapped_checkpoint.js";
import { toNames } from "./to_names.js";

/**
 * A backbone with another number of blocks, under the official names: more are copies of the last one that do nothing at
 * first (see `withExtraBlocks`); with fewer, the last ones are left out.
 *
 * @param extraBlocks how added blocks begin. Default `"zero-gamma"`
 * @throws GlofError `bad-argument` unless `depth` is a whole number above 0; `parameter-mismatch` when no backbone is
 *   found; `bad-config` for `zero-gamma` in a model without LayerScale
 */
export function withDepth(
  checkpoint: Checkpoint,
  depth: number,
  extraBlocks: ExtraBlocks = "zero-gamma",
): Checkpoint {
  if (!Number.isSafeInteger(depth) || depth < 1) {
    throw new GlofError(
      "bad-argument",
      `withDepth: expected a depth of 1 or more, got ${depth}. Correct it.`,
    );
  }
  const official = toNames(checkpoint, "official");
  const { config } = describeDinov2(official);
  if (depth < config.depth) return withoutBlocks(official, depth);
  const deeper = { ...config, depth, baseDepth: config.depth, extraBlocks };
  if (extraBlocks === "zero-gamma" && config.layerScale === null && depth > config.depth) {
    throw new GlofError(
      "bad-config",
      `withDepth(${checkpoint.name}): expected LayerScale for extraBlocks "zero-gamma", got a model without. Choose "zero-proj".`,
    );
  }
  return withExtraBlocks(official, deeper, dinov2Specs(deeper));
}

function withoutBlocks(official: Checkpoint, depth: number): Checkpoint {
  const kept = [...official.entries.keys()].filter(
    (name) => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? -1) < depth,
  );
  return mappedCheckpoint(official, new Map(kept.map((name) => [name, sameTensor(official, name, name)])));
}
