import { internalsOf } from "../backend_internals.js";
import type { PreparedPass } from "../compute_pass.js";
import type { ShaderBackend } from "../shader.js";

/**
 * Time that one measurement should take: what starting and ending it takes, and a clock's grain (0.1 ms where Dawn makes it
 * coarse), are small beside it.
 */
const wantedMs = 5;
const mostRuns = 2000;

/** Runs of passes that make a measurement long enough; a warm-up comes before. */
export async function runsWorthMeasuring(
  backend: ShaderBackend,
  passes: readonly PreparedPass[],
): Promise<{ runs: number; ms: number }> {
  await timeRuns(backend, passes, 1);
  // One run may be shorter than the clock's grain: the count grows until they last.
  for (let runs = 1; ; ) {
    const ms = await timeRuns(backend, passes, runs);
    if (ms >= wantedMs / 2 || runs >= mostRuns) return { runs, ms };
    const growth = Math.max(2, Math.min(16, Math.ceil(wantedMs / Math.max(ms, 1e-3))));
    runs = Math.min(mostRuns, runs * growth);
  }
}

/** Milliseconds on the device that `runs` runs of passes take, one after the other. */
export function timeRuns(
  backend: ShaderBackend,
  passes: readonly PreparedPass[],
  runs: number,
): Promise<number> {
  const measure = internalsOf(backend).device.features.has("timestamp-query") ? byTimestamps : byClock;
  return measure(backend, passes, runs);
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
  // Work that is still under way would be measured with them.
  await device.queue.onSubmittedWorkDone();
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
