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
 * Milliseconds that passes take on the device, one after the other: the median of several measurements, after a first run to warm
 * up.
 *
 * @throws GlofError `aborted`
 */
export async function timePasses(
  backend: ShaderBackend,
  passes: readonly PreparedPass[],
  { repeats, signal }: TimingOptions,
): Promise<number> {
  const measure = internalsOf(backend).device.features.has("timestamp-query") ? byTimestamps : byClock;
  await measure(backend, passes, 1);
  const once = await measure(backend, passes, 1);
  const runs = Math.max(1, Math.min(mostRuns, Math.ceil(wantedMs / Math.max(once, 1e-3))));
  const wanted = Math.max(1, Math.min(repeats, Math.floor(mostMs / (once * runs))));
  const times: number[] = [];
  while (times.length < wanted) {
    throwIfAborted(signal, "tuneWebgpu");
    times.push((await measure(backend, passes, runs)) / runs);
  }
  times.sort((a, b) => a - b);
  return times[times.length >> 1]!;
}

/** Records the passes `runs` times over; they follow each other on the device. */
function record(encoder: GPUComputePassEncoder, passes: readonly PreparedPass[], runs: number): void {
  for (let run = 0; run < runs; run++) {
    for (const { pipeline, bindGroup, groups } of passes) {
      encoder.setPipeline(pipeline);
      encoder.setBindGroup(0, bindGroup);
      encoder.dispatchWorkgroups(...groups);
    }
  }
  encoder.end();
}

async function byClock(
  backend: ShaderBackend,
  passes: readonly PreparedPass[],
  runs: number,
): Promise<number> {
  const { device } = internalsOf(backend);
  await device.queue.onSubmittedWorkDone();
  const commands = device.createCommandEncoder();
  record(commands.beginComputePass(), passes, runs);
  const start = performance.now();
  device.queue.submit([commands.finish()]);
  await device.queue.onSubmittedWorkDone();
  return performance.now() - start;
}

async function byTimestamps(
  backend: ShaderBackend,
  passes: readonly PreparedPass[],
  runs: number,
): Promise<number> {
  const { device } = internalsOf(backend);
  const querySet = device.createQuerySet({ type: "timestamp", count: 2 });
  const [solved, read] = [
    device.createBuffer({ size: 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC }),
    device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ }),
  ];
  try {
    const commands = device.createCommandEncoder();
    const timestampWrites = { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
    record(commands.beginComputePass({ timestampWrites }), passes, runs);
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
