import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SideName } from "./protocol.js";
import type { Program } from "./side_process.js";

const here = dirname(fileURLToPath(import.meta.url));
const isBundled = !import.meta.url.endsWith(".ts");

/** What is needed to start the sides of this machine. */
export interface Launch {
  readonly backend: string;
  readonly cache: string;
  /** Whether Dawn checks indices in our shaders (on a GPU, in Node). */
  readonly robustness: boolean;
  /** A Python that has torch; `undefined`: none. */
  readonly python: string | undefined;
}

/** How a side is started, or why it cannot be. */
export function programOf(
  side: SideName,
  { backend, cache, python, robustness }: Launch,
): Program | { readonly absent: string } {
  const onGpu = backend === "webgpu" || backend === "null";
  switch (side) {
    case "glof":
    case "glof-f16":
      return nodeProgram(
        "glof_side",
        [backend, side === "glof" ? "f32" : "f16", robustness ? "robust" : "trusting"],
        onGpu,
      );
    case "stock":
      return nodeProgram("stock_side", [backend], onGpu);
    case "gdal":
      return nodeProgram("gdal_side", []);
    case "ceiling":
      return nodeProgram("ceiling_side", []);
    case "ort":
    case "ort-webgpu":
      if (isBundled && !existsSync(join(here, "ort_side.mjs")))
        return { absent: "the archive was packed without ONNX Runtime, which would not fit" };
      if (python === undefined)
        return { absent: "no graph: python3 with torch exports it, and there is none" };
      return nodeProgram("ort_side", [cache, python, side === "ort" ? "cpu" : "webgpu"]);
    case "torch":
    case "torch-tuned":
    case "torch-bf16":
      if (python === undefined) return { absent: "no python3 with torch" };
      return torchProgram(side, backend, python);
  }
}

const root = join(here, "..", "..");
let bundles: string | undefined;

/** The folder with the sides as bundles, made once in a run (see the script for why). */
function bundled(): string {
  if (isBundled) return here;
  if (bundles !== undefined) return bundles;
  // Inside this folder: there they find the packages that are not bundled.
  const folder = join(here, "..", "dist");
  const script = join(root, "scripts", "bundle_bench.mjs");
  const { status, stderr } = spawnSync(process.execPath, [script, folder], { encoding: "utf8" });
  if (status !== 0) throw new Error(`bundling the sides: ${stderr}`);
  bundles = folder;
  return bundles;
}

function nodeProgram(name: string, args: readonly string[], onGpu = false): Program {
  if (isBundled || onGpu)
    return { command: process.execPath, args: [join(bundled(), `${name}.mjs`), ...args], env: {} };
  return {
    command: process.execPath,
    args: ["--import", "tsx", join(here, "sides", `${name}.ts`), ...args],
    env: { TSX_TSCONFIG_PATH: join(root, "tsconfig.json") },
  };
}

function torchProgram(side: SideName, backend: string, python: string): Program {
  const place =
    backend === "webgpu" ? ["cuda", side === "torch-bf16" ? "bfloat16" : "float32"] : ["cpu", "float32"];
  const folder = join(here, isBundled ? "torch" : join("..", "torch"));
  // A build may see one processor where there are more; all engines get the same.
  const threads = process.env.OMP_NUM_THREADS ?? String(availableParallelism());
  const tuned = {
    OMP_WAIT_POLICY: "PASSIVE",
    MALLOC_MMAP_THRESHOLD_: "4294967296",
    MALLOC_TRIM_THRESHOLD_: "4294967296",
  };
  return {
    command: python,
    args: ["-B", join(folder, "side.py"), ...place],
    env: { OMP_NUM_THREADS: threads, ...(side === "torch-tuned" ? tuned : {}) },
  };
}

/** A Python with torch: `GLOF_PYTHON`, the one on the PATH, or the system's. */
export function findPython(): string | undefined {
  const candidates = [process.env.GLOF_PYTHON, "python3", "/usr/bin/python3"];
  return candidates.find(
    (command) => command !== undefined && spawnSync(command, ["-c", "import torch, numpy"]).status === 0,
  );
}

/** Path of a Python script of this folder. */
export function torchScript(name: string): string {
  return join(here, isBundled ? "torch" : join("..", "torch"), name);
}
