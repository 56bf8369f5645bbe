// Many forwards and many training steps of a tiny segmenter, with what the process holds on the way; then runs that are
// cancelled. Exits with 1 when tensors, GPU buffers or memory grow. `npx tsx scripts/long_run.ts [--backend wasm]
// [--forwards 10000] [--steps 1000] [--subject classifier]`. Without a GPU WebGPU runs on SwiftShader, a hundred times
// slower, but for a classifier: `eval "$(npx tsx bench/src/print_software_gpu.ts)"`, then `--backend webgpu`.
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { type BackendName, selectBackend } from "@glof/runtime";
import { cancelledRun, manyForwards, manySteps, type Subject } from "../bench/src/long_run.js";
import { growthPerThousand, type MemorySample, medianOfHalves } from "../bench/src/memory_sample.js";
import { markdownTable } from "../bench/src/table.js";

const { values } = parseArgs({
  options: {
    backend: { type: "string", default: "wasm" },
    forwards: { type: "string", default: "10000" },
    steps: { type: "string", default: "1000" },
    subject: { type: "string", default: "segmenter" },
  },
});
// V8 goes on optimising one function or another for thousands of repeats and keeps its code in the heap: more than what is looked for.
setFlagsFromString("--no-opt");
const subject = values.subject as Subject;
const choice = await selectBackend({ require: values.backend as BackendName });
console.log(`${choice.reason}; Node ${process.version}`);

/** Most growth per thousand repeats that counts as flat, bytes. */
const FLAT_HEAP = 1e6;
/** Most growth of resident memory from one half of a run to the other, by their medians: single samples differ by a quarter. */
const FLAT_RSS_SHARE = 0.15;
const rows: string[][] = [];
let isFlat = true;

const forwards = Number(values.forwards);
report("forwards", await manyForwards({ subject, ...samplesOf(forwards), onSample: tell("forwards") }));
const steps = Number(values.steps);
report("training steps", await manySteps({ subject, ...samplesOf(steps), onSample: tell("steps") }));
for (const kind of ["map", "train"] as const) {
  const { before, after } = await cancelledRun(kind);
  report(`cancelled ${kind}`, [before, after]);
}
console.log(
  markdownTable(
    [
      "what",
      "repeats",
      "tensors",
      "tensor bytes",
      "GPU buffers",
      "heap, first and last, MB",
      "growth per 1000",
      "RSS, MB",
      "growth per 1000",
    ],
    rows,
  ),
);
console.log(isFlat ? "flat" : "NOT flat");
process.exitCode = isFlat ? 0 : 1;

/** Forty samples, whatever the number of repeats. */
function samplesOf(repeats: number): { repeats: number; every: number } {
  return { repeats, every: Math.max(1, Math.floor(repeats / 40)) };
}

/** A line for each sample: a run of hours is worth following. */
function tell(what: string): (sample: MemorySample) => void {
  const started = performance.now();
  return ({ done, tensors, gpuBuffers = 0, heapBytes, rssBytes }) => {
    const msEach = ((performance.now() - started) / done).toFixed(1);
    const held = `${tensors} tensors, ${gpuBuffers} GPU buffers`;
    const megabytes = [heapBytes, rssBytes].map((bytes) => (bytes / 1e6).toFixed(1)).join(" and ");
    console.error(`${what} ${done}: ${msEach} ms each; ${held}; heap and RSS ${megabytes} MB`);
  };
}

function report(what: string, samples: readonly MemorySample[]): void {
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const span = (key: "tensors" | "tensorBytes" | "gpuBuffers") =>
    first[key] === undefined
      ? ""
      : first[key] === last[key]
        ? `${last[key]}`
        : `${first[key]} to ${last[key]}`;
  const growth = samples.length > 2 ? growthPerThousand(samples, "heapBytes") : undefined;
  isFlat &&= first.tensors === last.tensors && first.tensorBytes === last.tensorBytes;
  isFlat &&= (last.gpuBuffers ?? 0) <= (first.gpuBuffers ?? 0) && (growth ?? 0) < FLAT_HEAP;
  const [before, after] = medianOfHalves(samples.map(({ rssBytes }) => rssBytes));
  isFlat &&= after < before * (1 + FLAT_RSS_SHARE);
  const megabytes = (key: "heapBytes" | "rssBytes") =>
    [first, last].map((sample) => (sample[key] / 1e6).toFixed(0)).join(" to ");
  rows.push([
    what,
    `${last.done}`,
    span("tensors"),
    span("tensorBytes"),
    span("gpuBuffers"),
    megabytes("heapBytes"),
    growth === undefined ? "" : (growth / 1e6).toFixed(2),
    megabytes("rssBytes"),
    samples.length > 2 ? (growthPerThousand(samples, "rssBytes") / 1e6).toFixed(2) : "",
  ]);
}
