import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { GlofError } from "@glof/core";
import type { TileEngine } from "@glof/segmenter";
import { type Batch, fromPlainFailure, type Order, type WorkerAnswer, type WorkerStart } from "./messages.js";

/**
 * Starts worker processes, each with its own backend and weights. Which of them runs a tile makes no difference to it, so
 * the result is that of one job. Closing ends them; batches under way fail.
 *
 * @param entry path of the worker's script
 * @throws GlofError what choosing the backend and loading the bundle throw over there
 */
export async function startTileWorkers(jobs: number, start: WorkerStart, entry: string): Promise<TileEngine> {
  const workers = Array.from({ length: jobs }, () => new TileWorker(entry));
  const queue = new BatchQueue(workers);
  const close = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.close()));
  };
  try {
    await Promise.all(workers.map((worker) => worker.order({ kind: "start", ...start })));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    description: `${jobs} x ${start.threads} threads of ${start.backend}, in processes of their own`,
    // Twice as many batches as workers: none waits while the oldest batch is being awaited.
    concurrency: 2 * jobs,
    predict: (pixels, shape) => queue.run({ pixels, shape }),
    close,
  };
}

/** One process. It takes an order at a time. */
class TileWorker {
  private readonly child: ChildProcess;
  private readonly exit: Promise<unknown>;
  private pending: { resolve(answer: WorkerAnswer): void; reject(error: unknown): void } | undefined;
  private failure: unknown;

  constructor(entry: string) {
    this.child = fork(entry, { serialization: "advanced", stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.exit = once(this.child, "exit");
    this.child.on("message", (answer: WorkerAnswer) => {
      if (answer.kind === "failed") this.settle(({ reject }) => reject(fromPlainFailure(answer.failure)));
      else this.settle(({ resolve }) => resolve(answer));
    });
    this.child.on("error", (error) => this.fail(error));
    this.child.on("exit", (code, signal) =>
      this.fail(
        new GlofError(
          "internal",
          `glof map: expected a worker process to go on, it ended (${signal ?? `code ${code}`}). Try fewer --jobs: each needs memory for the model.`,
        ),
      ),
    );
  }

  order(order: Order): Promise<WorkerAnswer> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure);
      this.pending = { resolve, reject };
      this.child.send(order, (error) => error && this.fail(error));
    });
  }

  async close(): Promise<void> {
    this.fail(new GlofError("aborted", "glof map: the worker processes were stopped."));
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await this.exit;
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    this.settle(({ reject }) => reject(this.failure));
  }

  private settle(how: (pending: NonNullable<TileWorker["pending"]>) => void): void {
    const { pending } = this;
    this.pending = undefined;
    if (pending) how(pending);
  }
}

/** Hands out batches in the order they come to whichever worker is free. */
class BatchQueue {
  private readonly free: TileWorker[];
  private readonly waiting: ((worker: TileWorker) => void)[] = [];

  constructor(workers: readonly TileWorker[]) {
    this.free = [...workers];
  }

  async run(batch: Batch): Promise<Float32Array> {
    const worker = this.free.shift() ?? (await new Promise<TileWorker>((take) => this.waiting.push(take)));
    try {
      const answer = await worker.order({ kind: "batch", ...batch });
      return (answer as Extract<WorkerAnswer, { kind: "done" }>).prob;
    } finally {
      const next = this.waiting.shift();
      if (next) next(worker);
      else this.free.push(worker);
    }
  }
}
