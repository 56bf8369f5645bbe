import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildDinov2, type Dinov2Config, flopsOf } from "@glof/vit-dinov2";
import type { BenchCase, Suite } from "../bench_case.js";
import { type Launch, torchScript } from "../programs.js";
import type { SideName } from "../protocol.js";
import { type ModelSize, modelSizes } from "./model_sizes.js";
import type { BenchSize } from "./ops_suite.js";

/** ViT-S/B/L-14 at 518 x 518 from a .pth of random weights: opening, reading, uploading, first and further passes. */
export function modelSuite(size: BenchSize, launch: Launch): Suite {
  const names: ModelSize[] = { full: ["S", "B", "L"], quick: ["S"], smoke: ["T"] }[size] as ModelSize[];
  return {
    name: "model",
    about:
      "One 518 x 518 image through DINOv2 from a .pth with the official names and random weights, in a new process each; L has 25 blocks.",
    freshProcesses: true,
    sides: ["glof", "glof-f16", "stock", "ort", "ort-webgpu", "torch", "torch-tuned", "torch-bf16"],
    cases: names.map((name) => modelCase(name, launch)),
  };
}

function modelCase(size: ModelSize, launch: Launch): BenchCase {
  const { depth, embedDim, heads } = modelSizes[size];
  const { config, specs } = buildDinov2({ embedDim, depth, heads });
  const weights = specs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const path = join(launch.cache, `dinov2-${size}-${depth}.pth`);
  const slow = "not run: minutes an image; the smaller models show its rate";
  const isLong = launch.backend !== "webgpu" && size === "L";
  const leftOut: Partial<Record<SideName, string>> = {
    ...(launch.backend !== "webgpu" && size !== "S" && size !== "T" ? { stock: slow } : {}),
    ...(isLong ? { torch: "not run: half a minute an image; torch-tuned is the faster one" } : {}),
  };
  return {
    name: `ViT-${size}/14, ${depth} blocks`,
    isMain: true,
    setUp: () => writeCheckpoint(size, depth, path, launch),
    task: { kind: "model", args: { size, depth, path } },
    leftOut,
    // Two dozen blocks in other orders of summation.
    tolerance: 1e-3,
    flop: flopsOf(config as Dinov2Config, [518, 518]),
    bytes: 4 * weights,
  };
}

/** The .pth: by torch where it is there, else left to our side to write. */
function writeCheckpoint(size: ModelSize, depth: number, path: string, { python }: Launch): void {
  if (existsSync(path) || python === undefined) return;
  const done = spawnSync(python, ["-B", torchScript("write_dinov2.py"), size, String(depth), path], {
    encoding: "utf8",
  });
  if (done.status !== 0) throw new Error(`torch did not write ${path}: ${done.stderr}`);
}
