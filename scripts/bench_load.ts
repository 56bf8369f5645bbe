// Loads a ViT-L/14 of random weights from files that it makes itself and prints time, memory and bytes read:
// `npx tsx scripts/bench_load.ts [--variant dinov2_vitl14] [--depth 24] [--folder dir]`. Each line is a process of its
// own. Linux: the bytes are counted in /proc.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Checkpoint, castCheckpoint, openCheckpoint, saveCheckpoint } from "@glof/checkpoint";
import { disposeParams } from "@glof/nn";
import { selectBackend } from "@glof/runtime";
import { buildDinov2Variant, type Dinov2Model, type Dinov2Variant } from "@glof/vit-dinov2";

const { values } = parseArgs({
  options: {
    variant: { type: "string", default: "dinov2_vitl14" },
    depth: { type: "string" },
    folder: { type: "string", default: join(tmpdir(), "glof-bench-load") },
    measure: { type: "string" },
    file: { type: "string" },
  },
});

const formats = ["F32.pth", "F16.pth", "F32.safetensors", "F16.safetensors", "BF16.safetensors"] as const;
/** What a load is measured as; `start` is the process alone, with its backend. */
const measures = ["start", "tensors", "backbone"] as const;

const model = buildDinov2Variant(
  values.variant as Dinov2Variant,
  values.depth === undefined ? {} : { depth: Number(values.depth) },
);
await (values.measure === undefined ? compare() : measure(values.measure, values.file!));

async function compare(): Promise<void> {
  await mkdir(values.folder, { recursive: true });
  const weights = model.specs.reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);
  const largest = Math.max(...model.specs.map(({ shape }) => 4 * shape.reduce((a, b) => a * b, 1)));
  console.log(
    `${values.variant}, ${model.config.depth} blocks: ${mb(weights)} of f32, largest tensor ${mb(largest)}`,
  );
  console.log(
    "file               | measured | s     | CPU s | file MB | read MB | peak RSS MB | above start MB",
  );
  for (const format of formats) {
    const file = join(values.folder, `${values.variant}_${model.config.depth}.${format}`);
    if (!existsSync(file)) await makeFile(file, format.split(".")[0] as "F32" | "F16" | "BF16");
    const { size } = await stat(file);
    let startRss = 0;
    for (const name of measures) {
      const { seconds, cpu, read, peak } = await inProcess(name, file);
      if (name === "start") startRss = peak;
      const cells = [
        format.padEnd(18),
        name.padEnd(8),
        seconds.toFixed(2).padStart(5),
        cpu.toFixed(2).padStart(5),
        mb(size).padStart(7),
        (name === "start" ? "" : mb(read)).padStart(7),
        mb(peak).padStart(11),
        mb(peak - startRss).padStart(14),
      ];
      console.log(cells.join(" | "));
    }
  }
}

interface Measured {
  readonly seconds: number;
  /** Of all threads, the start of the process included. */
  readonly cpu: number;
  readonly read: number;
  readonly peak: number;
}

async function inProcess(name: string, file: string): Promise<Measured> {
  const depth = values.depth === undefined ? [] : ["--depth", values.depth];
  const args = ["--variant", values.variant, ...depth, "--measure", name, "--file", file];
  const child = spawn(process.execPath, ["--import", "tsx", fileURLToPath(import.meta.url), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (piece: Buffer) => {
    text += piece.toString();
  });
  const code = await new Promise<number>((resolve) => child.on("close", (status) => resolve(status ?? 1)));
  if (code !== 0) throw new Error(`measuring ${name} of ${file} ended with ${code}`);
  return JSON.parse(text.trim().split("\n").at(-1)!) as Measured;
}

async function measure(name: string, file: string): Promise<void> {
  await selectBackend({ require: "wasm" });
  const readBefore = bytesRead();
  const started = performance.now();
  if (name === "tensors") await readTensors(file);
  if (name === "backbone") await loadBackbone(model, file);
  const seconds = (performance.now() - started) / 1000;
  const read = bytesRead() - readBefore;
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  console.log(
    JSON.stringify({ seconds, cpu: (userCPUTime + systemCPUTime) / 1e6, read, peak: maxRSS * 1024 }),
  );
}

/** All values as f32, held at once, without a tensors library. */
async function readTensors(file: string): Promise<void> {
  const checkpoint = await openCheckpoint(file);
  const held: Float32Array[] = [];
  const inOrder = [...checkpoint.entries.values()].sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0));
  for (const { name } of inOrder) held.push(await checkpoint.readFloat32(name));
  await checkpoint.close();
  if (held.length !== model.specs.length) throw new Error("another number of tensors");
}

async function loadBackbone(backbone: Dinov2Model, file: string): Promise<void> {
  const checkpoint = await openCheckpoint(file);
  const params = await backbone.load(checkpoint);
  await checkpoint.close();
  disposeParams(params);
}

/** Bytes that this process has read from files, as Linux counts them; 0 elsewhere. */
function bytesRead(): number {
  try {
    return Number(/rchar: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Random weights under the official names, one tensor at a time. */
async function makeFile(file: string, dtype: "F32" | "F16" | "BF16"): Promise<void> {
  const weights: Checkpoint = {
    name: "random",
    format: "memory",
    metadata: {},
    entries: new Map(model.specs.map(({ name, shape }) => [name, { name, shape, dtype: "F32" }])),
    readFloat32: async (name) => randomValues(name),
    readBytes: async (name) => new Uint8Array(randomValues(name).buffer),
    close: async () => {},
  };
  await saveCheckpoint(file, castCheckpoint(weights, dtype));
}

/** Multiplicative congruential numbers (Lewis, Goodman and Miller 1969): fast, and good enough to be read back. */
function randomValues(name: string): Float32Array {
  const { shape } = model.specs.find((spec) => spec.name === name)!;
  const result = new Float32Array(shape.reduce((a, b) => a * b, 1));
  let state = 1 + name.length;
  for (let at = 0; at < result.length; at++) {
    state = (state * 16807) % 2147483647;
    result[at] = (state / 2147483647 - 0.5) * 0.04;
  }
  return result;
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
