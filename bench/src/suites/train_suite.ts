import { flopsOf } from "@glof/vit-dinov2";
import type { BenchCase, Suite } from "../bench_case.js";
import type { BenchSize } from "./ops_suite.js";
import { type Learning, learnings, trainConfig } from "./train_config.js";

/** One optimiser step: forward, gradients, clipping, AdamW. */
export function trainSuite(size: BenchSize): Suite {
  const models = { full: ["small", "S"], quick: ["small"], smoke: ["tiny"] }[size] as (
    | "small"
    | "S"
    | "tiny"
  )[];
  const batch = size === "full" ? 4 : 1;
  return {
    name: "train",
    about:
      `One training step on ${batch} chips of 252 x 252 x 4 (forward, gradients of BCE + Lovasz hinge, clipping, AdamW), in a new ` +
      "process each. FLOP are those of the backbone's products: forward once, input gradients through the blocks that lie " +
      "above what learns, weight gradients of what learns, and once more where blocks are recomputed.",
    freshProcesses: true,
    sides: ["glof"],
    cases: models.flatMap((model) =>
      learnings.flatMap((learning) =>
        (learning === "decoder" ? [false] : [false, true]).map((lean) =>
          trainCase(model, learning, lean, batch),
        ),
      ),
    ),
  };
}

function trainCase(
  model: "small" | "S" | "tiny",
  learning: Learning,
  lean: boolean,
  batch: number,
): BenchCase {
  const { backbone, trainPx } = trainConfig(model);
  const forward = batch * flopsOf(backbone, [trainPx, trainPx]);
  const perBlock = forward / backbone.depth;
  const times = { decoder: 0, "last block": (2 * perBlock) / forward, LoRA: 1, full: 2 }[learning];
  return {
    name: `${model === "small" ? "glof-small" : `ViT-${model}`}, ${learning}${lean ? ", checkpointed" : ""}`,
    task: { kind: "train", args: { model, learning, lean, batch } },
    flop: forward * (1 + times + (lean ? 1 : 0)),
    bytes: 0,
  };
}
