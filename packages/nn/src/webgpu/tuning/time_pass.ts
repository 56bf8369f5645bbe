import { throwIfAborted } from "@glof/core";
import { internalsOf } from "../backend_internals.js";
import type { PreparedPass } from "../compute_pass.js";
import type { ShaderBackend } from "../shader.js";

/** Time that one measurement should take, so that the clock's grain (0.1 ms in Dawn) does not matter. */
const wantedMs = 5;
const mostRuns = 200;
/** Where a pass is slow, it is measured fewer times, but once. */
const mostMs = 2000;

/** How a pass is measured. */
export interface TimingOptions {
  /** Measurements wanted, of which the median counts. */
  readonly repeats: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Milliseconds that a pass takes on the device: the median of several measurements, after a first run to warm up.
 *
 * @throws GlofError `aborted`
 */
export async function timePass(
  backend: ShaderBackend,
  pass: PreparedPass,
  { repeats, signal }: TimingOptions,
): Promise<number> {
  const measure = internalsOf(backend).device.features.has("timestamp-query") ? byTimestamps : byClock;
  await measure(backend, pass, 1);
  const once = await measure(backend, pass, 1);
  const runs = Math.max(1, Math.min(mostRuns, Math.ceil(wantedMs / Math.max(once, 1e-3))));
  const wanted = Math.max(1, Math.min(repeats, Math.floor(mostMs / (once * runs))));
  const times: number[] = [];
  while (times.length < wanted) {
    throwIfAborted(signal, "tuneWebgpu");
    times.push((await measure(backend, pass, runs)) / runs);
  }
  times.sort((a, b) => a - b);
  return times[times.length >> 1]!;
}

/** Records the pass `runs` times over; the runs of one pass follow each other on the device. */
function record(
  encoder: GPUComputePassEncoder,
  { pipeline, bindGroup, groups }: PreparedPass,
  runs: number,
): void {
  encoder.setPipeline(pipeline);
  encoder.setBindGroup(0, bindGroup);
  for (let run = 0; run < runs; run++) encoder.dispatchWorkgroups(...groups);
  encoder.end();
}

async function byClock(backend: ShaderBackend, pass: PreparedPass, runs: number): Promise<number> {
  const { device } = internalsOf(backend);
  await device.queue.onSubmittedWorkDone();
  const commands = device.createCommandEncoder();
  record(commands.beginComputePass(), pass, runs);
  const start = performance.now();
  device.queue.submit([commands.finish()]);
  await device.queue.onSubmittedWorkDone();
  return performance.now() - start;
}

async function byTimestamps(backend: ShaderBackend, pass: PreparedPass, runs: number): Promise<number> {
  const { device } = internalsOf(backend);
  const querySet = device.createQuerySet({ type: "timestamp", count: 2 });
  const [solved, read] = [
    device.createBuffer({ size: 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC }),
    device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ }),
  ];
  try {
    const commands = device.createCommandEncoder();
    const timestampWrites = { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
    record(commands.beginComputePass({ timestampWrites }), pass, runs);
    commands.resolveQuerySet(querySet, 0, 2, solved, 0);
    commands.copyBufferToBuffer(solved, 0, read, 0, 16);
    device.queue.submit([commands.finish()]);
    await read.mapAsync(GPUMapMode.READ);
    const [start, end] = new BigUint64Array(read.getMappedRange()) as unknown as [bigint, bigint];
    return Number(end - start) / 1e6;
  } finally {
    querySet.destroy();
    solved.destroy();
    read.destroy();
  }
}
