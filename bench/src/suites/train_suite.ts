import { join } from "node:path";
import { flopsOf } from "@glof/vit-dinov2";
import type { BenchCase, Suite } from "../bench_case.js";
import type { Launch } from "../programs.js";
import type { BenchSize } from "./ops_suite.js";
import { type Learning, learningNames, learnings, trainConfig } from "./train_config.js";

type TrainModel = "small" | "S" | "B" | "L" | "tiny";

/** One optimiser step: forward, gradients, clipping, AdamW. */
export function trainSuite(size: BenchSize, launch: Launch): Suite {
  const onGpu = launch.backend === "webgpu";
  const known: Record<BenchSize, readonly TrainModel[]> = {
    full: onGpu ? ["S", "B", "L"] : ["small", "S", "B"],
    quick: ["small"],
    smoke: ["tiny"],
  };
  const models = known[size];
  return {
    name: "train",
    about:
      "One training step on chips of 252 x 252 x 4, as many as the name says (forward, gradients of BCE + Lovasz hinge, clipping, " +
      "AdamW), in a new process each; weights, chips and targets are the same on all sides, and the loss and gradients of some parameters, first and last, " +
      "are compared at the first weights. LoRA has rank 8 on qkv, proj and the patch embedding. torch-bf16 is autocast over f32 weights. FLOP are those of the backbone's products: " +
      "forward once, input gradients through the blocks that lie above what learns, weight gradients of what learns, and once more where blocks are recomputed.",
    freshProcesses: true,
    sides: ["glof", "glof-f16", "stock", "torch", "torch-tuned", "torch-bf16"],
    cases: models.flatMap((model) =>
      learnings.flatMap((learning) =>
        recomputings(learning, size).map((lean) =>
          trainCase(model, learning, lean, chipsOf(model, size, onGpu), launch),
        ),
      ),
    ),
  };
}

/** Below a last block nothing is kept anyway: recomputing it saves one block. */
function recomputings(learning: Learning, size: BenchSize): boolean[] {
  return learning === "LoRA" || learning === "full" || (learning === "last block" && size === "smoke")
    ? [false, true]
    : [false];
}

/** Chips of a step: two cores take seconds for one, a GPU wants many. */
function chipsOf(model: TrainModel, size: BenchSize, onGpu: boolean): number {
  if (size !== "full") return 1;
  if (onGpu) return 8;
  return { small: 4, S: 2, B: 1, L: 1, tiny: 1 }[model];
}

function trainCase(
  model: TrainModel,
  learning: Learning,
  lean: boolean,
  batch: number,
  { cache, backend }: Launch,
): BenchCase {
  const { backbone, trainPx, bands, featureLayers } = trainConfig(model);
  const { depth, heads } = backbone;
  const forward = batch * flopsOf(backbone, [trainPx, trainPx]);
  const perBlock = forward / depth;
  const times = { decoder: 0, "last block": (2 * perBlock) / forward, LoRA: 1, full: 2 }[learning];
  const { learns, compare } = learningNames(learning, depth);
  return {
    name: `${model === "small" ? "glof-small" : `ViT-${model}`}, ${learning}${lean ? ", checkpointed" : ""}, ${batch} chip${batch === 1 ? "" : "s"}`,
    task: {
      kind: "train",
      args: {
        ...{ model, learning, lean, batch, learns, compare: compare.join(",") },
        ...{ depth, heads, layers: featureLayers, side: trainPx, bands: bands.length, scaling: 1 },
        path: join(cache, `train-${model}${learning === "LoRA" ? "-lora" : ""}.pth`),
      },
    },
    // Full fine-tuning moves everything there is, and recomputing trades its memory; the decoder alone is the cheapest lesson.
    isMain:
      (model !== "small" && learning === "full") ||
      (model === "S" && learning === "decoder") ||
      model === "tiny",
    leftOut: backend === "wasm" ? { stock: noConvGradient } : {},
    // Order of summation over a hundred thousand pixels, and equal errors that may be sorted either way.
    tolerance: 2e-3,
    // Blocks below what learns are not recorded, and so not computed again.
    flop: forward * (1 + times) + (lean ? (learning === "last block" ? perBlock : forward) : 0),
    bytes: 0,
    repeats: model === "small" || backend === "webgpu" ? undefined : 3,
  };
}

const noConvGradient =
  "cannot: tfjs-backend-wasm has no kernel Conv2DBackpropFilter, so that no convolution of the decoder learns";
