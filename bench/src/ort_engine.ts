// Measures the engine `ort` beside tfjs on WebAssembly, and our graphs beside the one that torch exports, on the CPU:
//   npx tsx bench/src/ort_engine.ts [--repeats 9] [--threads 2] [--folder <for graphs>]
// Sides take turns, one run each. Without python3-torch its row is left out.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkpointFromTensors, openCheckpoint } from "@glof/checkpoint";
import { saveParams } from "@glof/nn";
import { writeOnnx } from "@glof/onnx";
import { selectBackend } from "@glof/runtime";
import { LakeSegmenter } from "@glof/segmenter";
import { buildDinov2Onnx, buildDinov2Vits14 } from "@glof/vit-dinov2";
import * as tf from "@tensorflow/tfjs-core";
import * as ort from "onnxruntime-node";

const { values: flags } = parseArgs({
  options: {
    repeats: { type: "string", default: "9" },
    threads: { type: "string", default: String(availableParallelism()) },
    folder: { type: "string", default: join(tmpdir(), "glof-bench-ort") },
  },
});
const [repeats, threads, folder] = [Number(flags.repeats), Number(flags.threads), flags.folder];

interface Side {
  readonly name: string;
  /** Gives the numbers that the sides must agree in. */
  readonly run: () => Promise<Float32Array>;
}

/** Milliseconds of each side, and how far it ever was from the first side's first result, relative to its largest. */
async function measure(title: string, sides: readonly Side[]): Promise<void> {
  const times = sides.map((): number[] => []);
  const first = await sides[0]!.run();
  const largest = first.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const errors = sides.map(() => 0);
  for (let repeat = 0; repeat <= repeats; repeat++) {
    for (const [index, { run }] of sides.entries()) {
      const started = performance.now();
      const got = await run();
      // The first time warms up.
      if (repeat > 0) times[index]!.push(performance.now() - started);
      for (const [at, value] of got.entries())
        errors[index] = Math.max(errors[index]!, Math.abs(value - first[at]!) / largest);
    }
  }
  const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1]!;
  const reference = { least: Math.min(...times[0]!), median: median(times[0]!) };
  console.log(
    `\n| ${title} | least ms | median ms | least, ratio | median, ratio | error |\n|---|---|---|---|---|---|`,
  );
  for (const [index, { name }] of sides.entries()) {
    const [least, middle] = [Math.min(...times[index]!), median(times[index]!)];
    const ratios = [least / reference.least, middle / reference.median].map((ratio) => ratio.toFixed(2));
    const error = index === 0 ? "" : errors[index]!.toExponential(1);
    console.log(
      `| ${name} | ${least.toFixed(0)} | ${middle.toFixed(0)} | ${ratios.join(" | ")} | ${error} |`,
    );
  }
}

async function graphSide(name: string, path: string, input: string, pixels: Float32Array): Promise<Side> {
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: threads });
  const feeds = { [input]: new ort.Tensor("float32", pixels, [1, 3, 518, 518]) };
  const output = session.outputNames.at(-1)!;
  return {
    name,
    run: async () => {
      const values = (await session.run(feeds))[output]!.data as Float32Array;
      // torch's graph gives the class token before the patches.
      return values.subarray(values.length - 1369 * 384);
    },
  };
}

/** The graph that torch exports of the same weights, by the benchmark's scripts; undefined without torch. */
function torchGraph(weights: string): string | undefined {
  const path = join(folder, "torch.onnx");
  const task = join(folder, "task.json");
  writeFileSync(task, JSON.stringify({ kind: "model", args: { size: "S", depth: 12, path: weights } }));
  const done = python("export_onnx.py", task, path);
  return done && existsSync(path) ? path : undefined;
}

function python(script: string, ...args: readonly string[]): boolean {
  const path = new URL(`../torch/${script}`, import.meta.url).pathname;
  return spawnSync(process.env.GLOF_PYTHON ?? "/usr/bin/python3", ["-B", path, ...args]).status === 0;
}

async function vitSides(): Promise<Side[]> {
  const model = buildDinov2Vits14();
  const weights = join(folder, "vits.pth");
  const hasTorch = existsSync(weights) || python("write_dinov2.py", "S", "12", weights);
  const fresh = hasTorch ? undefined : model.init(1);
  const checkpoint = fresh
    ? checkpointFromTensors(await saveParams(model.specs, fresh))
    : await openCheckpoint(weights);
  const params = fresh ?? (await model.load(checkpoint));
  for (const attention of ["standard", "fused"] as const) {
    const graph = buildDinov2Onnx(model.config, checkpoint, { attention });
    await writeOnnx(join(folder, `${attention}.onnx`), graph, { overwrite: true });
  }
  const torch = hasTorch ? torchGraph(weights) : undefined;
  const pixels = torch
    ? new Float32Array(new Uint8Array(readFileSync(`${torch}.input`)).buffer)
    : Float32Array.from({ length: 3 * 518 * 518 }, (_, index) => Math.sin(index));
  const images = tf.tidy(() =>
    tf.transpose(tf.tensor4d(pixels, [1, 3, 518, 518]), [0, 2, 3, 1]),
  ) as tf.Tensor4D;
  const here: Side = {
    name: "glof, tfjs on wasm",
    run: async () => {
      const { patchTokens, ...others } = model.forward(params, images);
      const values = await patchTokens.data<"float32">();
      tf.dispose([patchTokens, others]);
      return values;
    },
  };
  return [
    ...(torch ? [await graphSide("ONNX Runtime, torch's graph", torch, "x", pixels)] : []),
    await graphSide(
      "ONNX Runtime, our graph, standard attention",
      join(folder, "standard.onnx"),
      "image",
      pixels,
    ),
    await graphSide("ONNX Runtime, our graph, fused attention", join(folder, "fused.onnx"), "image", pixels),
    here,
  ];
}

async function segmenterSides(tilePx: number): Promise<Side[]> {
  const bundle = new URL("../../packages/cli/models/glof-small.safetensors", import.meta.url).pathname;
  const engines = [
    ["engine tfjs on wasm", await LakeSegmenter.load(bundle)],
    ["engine ort", await LakeSegmenter.load(bundle, { engine: "ort", threads })],
  ] as const;
  const pixels = Float32Array.from({ length: tilePx * tilePx * 4 }, (_, index) => Math.sin(index / 97));
  return engines.map(([name, segmenter]) => ({
    name,
    run: () => segmenter.predictPixels(pixels, [1, tilePx, tilePx, 4]),
  }));
}

mkdirSync(folder, { recursive: true });
const backend = await selectBackend({ require: "wasm" });
console.log(
  `${cpus()[0]?.model}, ${availableParallelism()} processors; node ${process.version}; ${threads} threads`,
);
console.log(`onnxruntime-node ${ort.env.versions.node}; ${backend.reason}`);
await measure("ViT-S/14, 518 x 518", await vitSides());
for (const tilePx of [252, 518]) await measure(`glof-small, tile of ${tilePx}`, await segmenterSides(tilePx));
process.exit();
