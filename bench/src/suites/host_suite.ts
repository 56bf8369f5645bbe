import { join } from "node:path";
import type { BenchCase, Suite } from "../bench_case.js";
import type { Launch } from "../programs.js";
import { modelSizes } from "./model_sizes.js";
import type { BenchSize } from "./ops_suite.js";
import { trainConfig } from "./train_config.js";

/** What the processor does for a forward pass and for a training step on a GPU. */
export function hostSuite(size: BenchSize, { cache }: Pick<Launch, "cache">): Suite {
  const models = { full: ["S", "B", "L", "shipped"], quick: ["S", "shipped"], smoke: ["T", "shipped"] }[size];
  const lessons = { full: ["small"], quick: ["small"], smoke: ["tiny"] }[size];
  return {
    name: "host",
    about:
      "What the processor does to drive a GPU for one 518 x 518 image, or one training step of one chip, on Dawn's null backend: shaders in the form that hardware gets are " +
      "compiled, commands are checked and recorded, nothing runs; weights are zeros that blocks share. The driver's own share is missing. L has 25 blocks; TensorFlow.js gets 252 x 252, since its results for 518 exceed what the null backend lends: the commands are the same; shipped is the " +
      "architecture of the segmenter that comes with glof. A training step is that of the train suite, all parameters learning; TensorFlow.js gets 126 x 126 and has " +
      "Dice there in place of the Lovasz hinge, whose gradient its tape refuses.",
    freshProcesses: true,
    backend: "null",
    sides: ["glof", "stock"],
    cases: [...models.map(forwardCase), ...lessons.map((model) => trainCase(model, cache))],
  };
}

function forwardCase(model: string): BenchCase {
  const known = model === "shipped" ? undefined : modelSizes[model as keyof typeof modelSizes];
  return {
    name: known ? `ViT-${model}/14, ${known.depth} blocks, forward` : "shipped segmenter, forward",
    isMain: true,
    task: { kind: "host", args: { model, trains: false } },
    flop: 0,
    bytes: 0,
  };
}

function trainCase(model: string, cache: string): BenchCase {
  const { backbone } = trainConfig(model);
  return {
    name: `${model === "small" ? "shipped segmenter" : "tiny segmenter"}, ${backbone.depth} blocks, training step`,
    isMain: true,
    task: {
      kind: "host",
      args: {
        ...{ model, trains: true, learning: "full", lean: false, batch: 1, compare: "" },
        // A file of its own: what the null backend gives back must reach no other suite.
        path: join(cache, `host-${model}.pth`),
      },
    },
    flop: 0,
    bytes: 0,
  };
}
