import { isGlofError } from "@glof/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileKernels, instantiateKernels } from "../kernel_module.js";
import { type KernelTask, startPool, type ThreadPool } from "./pool.js";

const PAGE = 65536;
const STRIDE = 4096;
const WIDTH = 256;
const SCRATCH = 4 * PAGE;

let memory: WebAssembly.Memory;
let pool: ThreadPool;

beforeAll(async () => {
  const { sharedModule } = (await compileKernels(true))!;
  memory = new WebAssembly.Memory({ initial: 8, maximum: 65536, shared: true });
  pool = startPool({
    module: sharedModule!,
    kernels: instantiateKernels(sharedModule!, memory),
    memory,
    threads: 3,
  });
});

afterAll(() => pool.end());

const floats = (address: number, count: number) => new Float32Array(memory.buffer, address, count);

/** Sums of rows of ones; each thread leaves a row's partial sum in its scratch. */
function sumRowsOfOnes(x: number, out: number, tasks: number, rows: number): KernelTask[] {
  floats(x, rows * WIDTH).fill(1);
  floats(out, tasks * WIDTH).fill(0);
  floats(SCRATCH, (3 * STRIDE) / 4).fill(0);
  return Array.from({ length: tasks }, (_, i) => ["sumRows", x, rows, WIDTH, out + 4 * WIDTH * i]);
}

/** Runs until every thread has taken part: workers may still be starting. */
async function runUntilAllHelped(tasks: readonly KernelTask[]): Promise<void> {
  for (;;) {
    pool.run(tasks, { base: SCRATCH, stride: STRIDE });
    if ([0, 1, 2].every((slot) => floats(SCRATCH + slot * STRIDE, 1)[0] !== 0)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("a pool of threads", () => {
  it("performs every task, on every thread", async () => {
    const out = 2 * PAGE;
    await runUntilAllHelped(sumRowsOfOnes(PAGE, out, 100, 50));
    expect(floats(out, 100 * WIDTH).every((sum) => sum === 50)).toBe(true);
  });

  it("takes more tasks than one job holds", () => {
    const values = floats(PAGE, 5000).map((_, i) => i);
    floats(PAGE, 5000).set(values);
    floats(2 * PAGE, 5000).fill(-1);
    const tasks = Array.from(
      { length: 5000 },
      (_, i): KernelTask => ["copyRows", PAGE + 4 * i, 2 * PAGE + 4 * i, 1, 1, 1, 1],
    );
    pool.run(tasks, { base: 0, stride: 0 });
    expect(floats(2 * PAGE, 5000)).toEqual(values);
  });

  it("works in memory that was added after the workers began", async () => {
    const x = memory.buffer.byteLength;
    memory.grow(20);
    await runUntilAllHelped(sumRowsOfOnes(x, x + 10 * PAGE, 100, 50));
    expect(floats(x + 10 * PAGE, 100 * WIDTH).every((sum) => sum === 50)).toBe(true);
  });

  it("reports a task that fails on any thread, and goes on", async () => {
    const beyond = 2 ** 32 - 4096;
    const bad: KernelTask = ["gelu", beyond, beyond, 64];
    for (let round = 0; round < 20; round++) {
      const failure = catchError(() => pool.run([bad, bad, bad, bad], { base: 0, stride: 0 }));
      expect(isGlofError(failure, "internal")).toBe(true);
    }
    await runUntilAllHelped(sumRowsOfOnes(PAGE, 2 * PAGE, 100, 9));
    expect(floats(2 * PAGE, 100 * WIDTH).every((sum) => sum === 9)).toBe(true);
  });

  it("keeps to its task over many short jobs", () => {
    const tasks = sumRowsOfOnes(PAGE, 2 * PAGE, 6, 3);
    for (let round = 0; round < 3000; round++) {
      floats(2 * PAGE, 6 * WIDTH).fill(0);
      pool.run(tasks, { base: SCRATCH, stride: STRIDE });
      if (!floats(2 * PAGE, 6 * WIDTH).every((sum) => sum === 3)) expect.fail(`round ${round}`);
    }
  });
});

function catchError(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
