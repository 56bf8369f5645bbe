import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeLargeScene } from "@glof/synthetic";
import type { Suite } from "../bench_case.js";
import type { Launch } from "../programs.js";
import type { BenchSize } from "./ops_suite.js";

/** `glof map` on a made-up scene with the shipped model, stage by stage. */
export function sceneSuite(size: BenchSize, { cache }: Launch): Suite {
  const side = { full: 2745, quick: 1024, smoke: 300 }[size];
  const scene = join(cache, `scene-${side}.tif`);
  const write = () =>
    writeLargeScene(scene, { width: side, height: side, seed: 11, blockPx: Math.min(1024, side) });
  return {
    name: "scene",
    about:
      `mapScene on a made-up scene of ${side} x ${side} pixels and four bands with the shipped model, in one process: ` +
      "the model's own time (predict), and all else, stage by stage (the stage model holds predict, reading and blending).",
    freshProcesses: true,
    sides: ["glof"],
    cases: [
      {
        name: `${side} x ${side}`,
        isMain: true,
        setUp: async () => void (existsSync(scene) || (await write())),
        task: { kind: "scene", args: { scene } },
        flop: 0,
        // Four bands of 16 bits in, probability (f32) and mask out.
        bytes: side * side * (4 * 2 + 4 + 1),
      },
    ],
  };
}
