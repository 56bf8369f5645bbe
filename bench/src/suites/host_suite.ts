import type { BenchCase, Suite } from "../bench_case.js";
import { modelSizes } from "./model_sizes.js";
import type { BenchSize } from "./ops_suite.js";

/** What the processor does for a forward pass on a GPU. */
export function hostSuite(size: BenchSize): Suite {
  const models = { full: ["S", "B", "L", "shipped"], quick: ["S", "shipped"], smoke: ["T"] }[size];
  return {
    name: "host",
    about:
      "What the processor does to drive a GPU for one 518 x 518 image, on Dawn's null backend: shaders in the form that hardware gets are " +
      "compiled, commands are checked and recorded, nothing runs; weights are zeros that blocks share. The driver's own share is missing. L has 25 blocks; TensorFlow.js gets 252 x 252, since its results for 518 exceed what the null backend lends: the commands are the same; shipped is the " +
      "architecture of the segmenter that comes with glof.",
    freshProcesses: true,
    backend: "null",
    sides: ["glof", "stock"],
    cases: models.map(forwardCase),
  };
}

function forwardCase(model: string): BenchCase {
  const known = model === "shipped" ? undefined : modelSizes[model as keyof typeof modelSizes];
  return {
    name: known ? `ViT-${model}/14, ${known.depth} blocks, forward` : "shipped segmenter, forward",
    task: { kind: "host", args: { model } },
    leftOut: known ? {} : { stock: "only the backbones are written for it" },
    flop: 0,
    bytes: 0,
  };
}
