import { flopsOf } from "@glof/vit-dinov2";
import type { BenchCase, Suite } from "../bench_case.js";
import type { BenchSize } from "./ops_suite.js";
import { type Learning, learnings, trainConfig } from "./train_config.js";

/** One optimiser step: forward, gradients, clipping, AdamW. */
export function trainSuite(size: BenchSize): Suite {
  const models: readonly TrainModel[] = (
    { full: ["small", "S", "B"], quick: ["small"], smoke: ["tiny"] } as const
  )[size];
  return {
    name: "train",
    about:
      "One training step on chips of 252 x 252 x 4, as many as the name says (forward, gradients of BCE + Lovasz hinge, clipping, " +
      "AdamW), in a new process each. FLOP are those of the backbone's products: forward once, input gradients through the blocks that lie " +
      "above what learns, weight gradients of what learns, and once more where blocks are recomputed.",
    freshProcesses: true,
    sides: ["glof"],
    cases: models.flatMap((model) =>
      learnings.flatMap((learning) =>
        (learning === "decoder" ? [false] : [false, true]).map((lean) =>
          trainCase(model, learning, lean, chipsOf(model, size)),
        ),
      ),
    ),
  };
}

type TrainModel = "small" | "S" | "B" | "tiny";

/** Chips of a step. Weights, gradients and moments of all of B leave a 32-bit address space little room for more. */
function chipsOf(model: TrainModel, size: BenchSize): number {
  return size === "full" && model !== "B" ? 4 : 1;
}

function trainCase(model: TrainModel, learning: Learning, lean: boolean, batch: number): BenchCase {
  const { backbone, trainPx } = trainConfig(model);
  const forward = batch * flopsOf(backbone, [trainPx, trainPx]);
  const perBlock = forward / backbone.depth;
  const times = { decoder: 0, "last block": (2 * perBlock) / forward, LoRA: 1, full: 2 }[learning];
  return {
    name: `${model === "small" ? "glof-small" : `ViT-${model}`}, ${learning}${lean ? ", checkpointed" : ""}, ${batch} chip${batch === 1 ? "" : "s"}`,
    task: { kind: "train", args: { model, learning, lean, batch } },
    // Blocks below what learns are not recorded, and so not computed again.
    flop: forward * (1 + times) + (lean ? (learning === "last block" ? perBlock : forward) : 0),
    bytes: 0,
  };
}
