import { GlofError } from "@glof/core";
import type { KernelExports } from "../kernel_exports.js";
import {
  CALL_SIZE,
  CONTROL_BYTES,
  HEADER_BYTES,
  INDEX_BITS,
  MOST_ARGUMENTS,
  MOST_TASKS,
  POLLS,
  words,
} from "./control.js";
import { type EndWorker, startWorker } from "./start_worker.js";

/** Name of a compiled kernel. */
export type KernelName = keyof KernelExports;

/** One call of a kernel: its name and its arguments, without the scratch address, which is each thread's own. */
export type KernelTask = readonly [kernel: KernelName, ...args: number[]];

/** Where the threads' scratch lies: `stride` bytes each, one after the other; a stride of 0 means that no task takes any. */
export interface ThreadScratch {
  readonly base: number;
  readonly stride: number;
}

/** Threads that work on one memory. */
export interface ThreadPool {
  /** Threads, the caller's own among them. */
  readonly size: number;
  /**
   * Performs all tasks, in any order and at the same time, and returns when all are done. Each thread makes the call
   * `setUp` before its first one.
   *
   * @throws GlofError `internal` when a task fails
   */
  run(tasks: readonly KernelTask[], scratch: ThreadScratch, setUp?: KernelTask): void;
  /** Ends the workers. */
  end(): void;
}

/** What a pool works with. */
export interface PoolParts {
  readonly module: WebAssembly.Module;
  readonly kernels: KernelExports;
  /** Shared memory. */
  readonly memory: WebAssembly.Memory;
  readonly threads: number;
}

/**
 * Starts `threads - 1` workers beside the calling thread.
 *
 * Tasks are taken one by one by whoever is free, so a worker that still starts, or that the system has put aside, holds
 * up nobody. A browser's main thread may not sleep: it polls until the last task is done.
 */
export function startPool({ module, kernels, memory, threads }: PoolParts): ThreadPool {
  const control = new SharedArrayBuffer(CONTROL_BYTES);
  const names = Object.keys(kernels) as KernelName[];
  const indices = new Map(names.map((name, index) => [name, index]));
  const workers = Array.from({ length: threads - 1 }, (_, i) =>
    startWorker({ module, memory, control, names, slot: i + 1 }),
  ).filter((end): end is EndWorker => end !== undefined);
  const pool = new Pool(control, kernels, indices);
  return {
    size: workers.length + 1,
    run: (tasks, scratch, setUp) => {
      for (let from = 0; from < tasks.length; from += MOST_TASKS) {
        pool.run(tasks.slice(from, from + MOST_TASKS), scratch, setUp);
      }
    },
    end: () => {
      for (const end of workers) end();
    },
  };
}

/** Performs a call on the calling thread. */
export function perform(kernels: KernelExports, [name, ...args]: KernelTask, scratch: ThreadScratch): void {
  const call = kernels[name] as (...numbers: number[]) => unknown;
  if (scratch.stride > 0) call(...args, scratch.base);
  else call(...args);
}

const INDEX_MASK = (1 << INDEX_BITS) - 1;
const JOB_MASK = -1 >>> (INDEX_BITS + 1);

class Pool {
  private readonly word: Int32Array;
  private readonly calls: Float64Array;
  private readonly canSleep: boolean;
  private generation = 0;

  constructor(
    control: SharedArrayBuffer,
    private readonly kernels: KernelExports,
    private readonly indices: ReadonlyMap<KernelName, number>,
  ) {
    this.word = new Int32Array(control, 0, HEADER_BYTES / 4);
    this.calls = new Float64Array(control, HEADER_BYTES);
    this.canSleep = maySleep(this.word);
  }

  run(tasks: readonly KernelTask[], scratch: ThreadScratch, setUp: KernelTask | undefined): void {
    this.write(tasks, scratch, setUp);
    this.open(tasks.length);
    let failure: unknown;
    let isSetUp = false;
    for (let task = this.take(); task >= 0; task = this.take()) {
      try {
        if (setUp && !isSetUp) perform(this.kernels, setUp, { base: 0, stride: 0 });
        isSetUp = true;
        perform(this.kernels, tasks[task]!, scratch);
      } catch (error) {
        failure = error;
      }
      Atomics.add(this.word, words.done, 1);
    }
    this.awaitAll(tasks.length);
    const hasWorkerFailed = Atomics.exchange(this.word, words.failed, 0) === 1;
    if (failure !== undefined || hasWorkerFailed) throw taskFailed(failure);
  }

  private write(
    tasks: readonly KernelTask[],
    { base, stride }: ThreadScratch,
    setUp: KernelTask | undefined,
  ): void {
    this.word[words.scratchBase] = base;
    this.word[words.scratchStride] = stride;
    this.word[words.hasSetUp] = setUp ? 1 : 0;
    if (setUp) this.writeCall(0, setUp, false);
    for (const [i, task] of tasks.entries()) this.writeCall(1 + i, task, stride > 0);
  }

  private writeCall(at: number, [name, ...args]: KernelTask, takesScratch: boolean): void {
    if (args.length > MOST_ARGUMENTS) throw new RangeError(`${name} takes more arguments than a call holds`);
    this.calls.set([this.indices.get(name)!, args.length, takesScratch ? 1 : 0, ...args], at * CALL_SIZE);
  }

  /** Lets the workers at the tasks. The ticket comes last: without it nobody takes a task. */
  private open(count: number): void {
    this.generation = (this.generation + 1) & JOB_MASK;
    const job = this.generation << INDEX_BITS;
    Atomics.store(this.word, words.done, 0);
    Atomics.store(this.word, words.count, job | count);
    Atomics.store(this.word, words.ticket, job);
    Atomics.store(this.word, words.generation, this.generation);
    Atomics.notify(this.word, words.generation);
  }

  /** The next task's index, or -1. Only this thread opens jobs, so its tickets are always of the current one. */
  private take(): number {
    const index = Atomics.add(this.word, words.ticket, 1) & INDEX_MASK;
    return index < (this.word[words.count]! & INDEX_MASK) ? index : -1;
  }

  private awaitAll(count: number): void {
    for (let polls = 0; ; polls++) {
      const done = Atomics.load(this.word, words.done);
      if (done >= count) return;
      if (polls > POLLS && this.canSleep) Atomics.wait(this.word, words.done, done);
    }
  }
}

function maySleep(word: Int32Array): boolean {
  try {
    // The value differs, so this returns at once where it is allowed at all.
    Atomics.wait(word, words.generation, -1, 0);
    return true;
  } catch {
    return false;
  }
}

function taskFailed(cause: unknown): GlofError {
  const what = cause instanceof Error ? cause.message : "an error in a worker thread";
  return new GlofError(
    "internal",
    `wasm kernel: expected every part of the work to end, got ${what}. Report it, and set threads to 1 meanwhile.`,
  );
}
