import type { Machine } from "./machine.js";
import { measureTask } from "./measure.js";
import { type Launch, programOf } from "./programs.js";
import type { Reply, SideName, Task } from "./protocol.js";
import { type SideClient, startSide } from "./side_process.js";
import { FLOP_PER_ITERATION } from "./sides/fma_loop.js";
import type { Ceiling } from "./work_counts.js";

/** What the device can do at most, as measured, and by what. */
export interface Ceilings {
  /** Of the whole device. */
  readonly device: Ceiling;
  readonly deviceBy: string;
  /** Of 128-bit SIMD in WebAssembly, one thread. Only on a processor. */
  readonly wasmThread: Ceiling | undefined;
}

/** Measures the ceilings with all cores of the processor. */
export async function measureCpuCeilings(
  machine: Machine,
  launch: Launch,
  quick: boolean,
): Promise<Ceilings> {
  const iterations = 4_000_000;
  const rounds = quick ? 3 : 7;
  const oneThread = await together(1, { kind: "fma", args: { iterations } }, rounds);
  const threads = await together(machine.cores, { kind: "copy", args: { values: 2 ** 25 } }, rounds);
  const oneCopy = await together(1, { kind: "copy", args: { values: 2 ** 25 } }, rounds);
  const copyBytes = 2 * 4 * 2 ** 25;
  const bandwidth = (machine.cores * copyBytes) / (threads / 1e3);
  const size = quick ? 1024 : 2048;
  const gemm = await bestOf("ceiling", launch, { kind: "gemm", args: { size } }, rounds, machine.cores);
  if (gemm === undefined)
    throw new Error("measuring the ceiling: onnxruntime-node does not multiply matrices");
  const native = (2 * size ** 3) / (gemm / 1e3);
  const torch = await torchGemm(launch, size, rounds, machine.cores);
  return {
    device: { flops: Math.max(native, torch), bandwidth },
    deviceBy: `a ${size} x ${size} x ${size} product of ${torch > native ? "torch" : "onnxruntime-node"}, and copies by ${machine.cores} processes at once`,
    wasmThread: {
      flops: (FLOP_PER_ITERATION * iterations) / (oneThread / 1e3),
      bandwidth: copyBytes / (oneCopy / 1e3),
    },
  };
}

/** Least milliseconds of a task that `count` processes run at the same time. */
async function together(count: number, task: Task, rounds: number): Promise<number> {
  const program = programOf("ceiling", { backend: "", cache: "", python: undefined, robustness: true });
  if ("absent" in program) throw new Error(program.absent);
  const sides = Array.from({ length: count }, () => startSide("ceiling", program));
  try {
    const problem = (await everyone(sides, (side) => side.ask({ ask: "prepare", task }))).find(
      (reply) => reply.problem !== undefined,
    )?.problem;
    if (problem !== undefined) throw new Error(`measuring the ceiling: ${problem}`);
    let least = Number.POSITIVE_INFINITY;
    // The first rounds run before the engine has compiled with all optimisations.
    for (let round = 0; round < rounds + 3; round++) {
      const replies = await everyone(sides, (side) => side.ask({ ask: "run", inner: 3 }));
      least = Math.min(least, Math.max(...replies.map(timeOf)));
    }
    return least;
  } finally {
    await everyone(sides, (side) => side.close());
  }
}

/** Processor time where it is less: another program had the core for the rest. */
function timeOf({ ms = Number.POSITIVE_INFINITY, cpuMs = ms }: Reply): number {
  return Math.min(ms, Math.max(cpuMs, 0.01));
}

const everyone = <T>(sides: readonly SideClient[], act: (side: SideClient) => Promise<T>): Promise<T[]> =>
  Promise.all(sides.map(act));

/** Operations per second of torch's best product; 0 without torch. */
async function torchGemm(launch: Launch, size: number, rounds: number, cores: number): Promise<number> {
  const best = await bestOf("torch-tuned", launch, { kind: "gemm", args: { size } }, rounds, cores);
  return best === undefined ? 0 : (2 * size ** 3) / (best / 1e3);
}

/** Ceilings of a GPU: the fastest large product and copy that ours or torch does on it in f32. */
export async function measureGpuCeilings(launch: Launch, smoke: boolean): Promise<Ceilings> {
  const [size, values, rounds] = smoke ? [128, 2 ** 16, 1] : [4096, 2 ** 28, 5];
  const rates = { flops: 0, bandwidth: 0, flopsBy: "", bandwidthBy: "" };
  for (const side of ["glof", "torch"] as const) {
    const gemm = await bestOf(side, launch, { kind: "gemm", args: { size } }, rounds);
    const copy = await bestOf(side, launch, { kind: "copy", args: { values } }, rounds);
    const flops = gemm === undefined ? 0 : (2 * size ** 3) / (gemm / 1e3);
    const bandwidth = copy === undefined ? 0 : (8 * values) / (copy / 1e3);
    if (flops > rates.flops) Object.assign(rates, { flops, flopsBy: side });
    if (bandwidth > rates.bandwidth) Object.assign(rates, { bandwidth, bandwidthBy: side });
  }
  return {
    device: { flops: rates.flops, bandwidth: rates.bandwidth },
    deviceBy: `a ${size} x ${size} x ${size} f32 product by ${rates.flopsBy} and a copy by ${rates.bandwidthBy}`,
    wasmThread: undefined,
  };
}

/** Least milliseconds of a task; of several threads the processor time per thread counts where it is less. */
async function bestOf(
  name: SideName,
  launch: Launch,
  task: Task,
  repeats: number,
  threads?: number,
): Promise<number | undefined> {
  const program = programOf(name, launch);
  if ("absent" in program) return undefined;
  const side = startSide(name, program);
  try {
    const onGpu = launch.backend === "webgpu";
    const how = { repeats, leastMs: onGpu ? 250 : 20, mostMs: 60_000, warmUps: onGpu ? 1 : 0 };
    const outcome = (await measureTask(task, [side], how))[name];
    if (outcome?.status !== "measured") return undefined;
    return threads === undefined ? outcome.ms.min : Math.min(outcome.ms.min, outcome.cpuMs.min / threads);
  } finally {
    await side.close();
  }
}
