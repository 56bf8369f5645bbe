import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { torchScript } from "../programs.js";
import type { Task } from "../protocol.js";
import { type PrepareWork, serve, type Work } from "./serve.js";
import { versionOf } from "./stock_tfjs.js";

interface GraphFacts {
  readonly inputShape: number[];
  readonly outputNchw: [number, number, number, number] | null;
  readonly skipValues: number;
}

/** Where sessions run: "cpu", or "webgpu" on the first adapter there is. */
const provider = process.argv[4] ?? "cpu";

/**
 * ONNX Runtime with the graph that torch exports: `node ort_side.ts <folder for graphs> <python> [cpu | webgpu]`. Settings are
 * its defaults.
 */
await serve(async () => {
  const elementwise = ["layerNorm", "groupNorm", "gelu", "gatedSilu", "softmax"];
  const kinds = [
    "linear",
    "attention",
    ...elementwise,
    "conv",
    "convNorm",
    "resize",
    "sort",
    "gemm",
    "model",
  ];
  const tasks = kinds.map((kind): [string, PrepareWork] => [kind, (args) => openGraph({ kind, args })]);
  return {
    facts: { version: `onnxruntime-node ${versionOf("onnxruntime-node")}`, provider, threads: "its default" },
    tasks: Object.fromEntries(tasks),
  };
});

async function openGraph(task: Task): Promise<Work> {
  if (task.args.gradient === true) throw new Error("runs forward passes only");
  const path = exportGraph(task);
  const { inputShape, outputNchw, skipValues } = JSON.parse(
    readFileSync(`${path}.json`, "utf8"),
  ) as GraphFacts;
  const bytes = readFileSync(`${path}.input`);
  const started = performance.now();
  const session = await InferenceSession.create(path, { executionProviders: [provider] });
  const readMs = performance.now() - started;
  const x = new Tensor(
    "float32",
    new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4),
    inputShape,
  );
  const run = async (): Promise<Float32Array> => (await session.run({ x })).y!.data as Float32Array;
  return {
    run: async () => void (await run()),
    output: async () => {
      const values = (await run()).subarray(skipValues);
      return outputNchw === null ? values : toNhwc(values, outputNchw);
    },
    facts: () => ({ readMs }),
    dispose: () => session.release(),
  };
}

/** The graph of a task; one that was made before is used again. */
function exportGraph(task: Task): string {
  const [folder, python] = [process.argv[2], process.argv[3]];
  if (!folder || !python) throw new Error("needs python3 with torch to export its graph");
  const text = JSON.stringify(task);
  const name = createHash("sha256").update(text).digest("hex").slice(0, 16);
  const path = join(folder, `${name}.onnx`);
  if (existsSync(path)) return path;
  writeFileSync(`${path}.task`, text);
  const script = torchScript("export_onnx.py");
  const done = spawnSync(python, ["-B", script, `${path}.task`, path], { encoding: "utf8" });
  if (done.status !== 0)
    throw new Error(`torch did not export its graph: ${done.stderr.trim().split("\n").at(-1)}`);
  return path;
}

function toNhwc(values: Float32Array, [n, c, h, w]: [number, number, number, number]): Float32Array {
  const moved = new Float32Array(values.length);
  for (let image = 0; image < n; image++) {
    for (let channel = 0; channel < c; channel++) {
      for (let pixel = 0; pixel < h * w; pixel++) {
        moved[(image * h * w + pixel) * c + channel] = values[(image * c + channel) * h * w + pixel]!;
      }
    }
  }
  return moved;
}
