import { Worker } from "node:worker_threads";
import { GlofError } from "@glof/core";
import type { TileEngine } from "@glof/segmenter";
import { canShare } from "./default_jobs.js";
import { fromPlainFailure, type Order, type WorkerAnswer, type WorkerStart } from "./messages.js";

/**
 * Starts worker threads, each with its own backend and weights: one for each job on processors, one beside a GPU. Which of them runs a tile makes no difference to it, so the result
 * is that of one job. Closing ends them; batches under way fail.
 *
 * @param entry the worker's script
 * @throws GlofError what choosing the backend and loading the bundle throw over there
 */
export async function startTileWorkers(jobs: number, start: WorkerStart, entry: URL): Promise<TileEngine> {
  const workers = Array.from({ length: jobs }, () => new TileWorker(entry));
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
    description: canShare(start.backend)
      ? `${jobs} x ${start.threads} threads of ${start.backend}, each job with its own weights`
      : `${start.backend} in a thread of its own`,
    // The next one lies there when one is done, even while this thread is busy; on a GPU one more is on its way back.
    concurrency: canShare(start.backend) ? 2 * jobs : 3 * jobs,
    sharesMemory: true,
    predict: async (pixels, shape) => {
      const free = workers.reduce((best, worker) => (worker.load < best.load ? worker : best));
      const answer = await free.order({ kind: "batch", pixels, shape });
      return (answer as Extract<WorkerAnswer, { kind: "done" }>).prob;
    },
    close,
  };
}

interface Pending {
  resolve(answer: WorkerAnswer): void;
  reject(error: unknown): void;
}

/** One thread. It answers its orders in turn. */
class TileWorker {
  private readonly thread: Worker;
  private readonly pending: Pending[] = [];
  private failure: unknown;

  constructor(entry: URL) {
    // Some packages look into `workerData` in whatever thread loads them.
    this.thread = new Worker(entry, { workerData: {} });
    this.thread.on("message", (answer: WorkerAnswer) => {
      const order = this.pending.shift();
      if (answer.kind === "failed") order?.reject(fromPlainFailure(answer.failure));
      else order?.resolve(answer);
    });
    this.thread.on("error", (error) => this.fail(error));
    this.thread.on("exit", (code) =>
      this.fail(
        new GlofError(
          "internal",
          `glof map: expected a worker thread to go on, it ended (code ${code}). Try fewer --jobs: each needs memory for the model.`,
        ),
      ),
    );
  }

  /** Orders that are not answered. */
  get load(): number {
    return this.pending.length;
  }

  order(order: Order): Promise<WorkerAnswer> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure);
      this.pending.push({ resolve, reject });
      this.thread.postMessage(order);
    });
  }

  /** Ends the thread in whatever it does. */
  async close(): Promise<void> {
    this.fail(new GlofError("aborted", "glof map: the workers were stopped."));
    await this.thread.terminate();
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    for (const { reject } of this.pending.splice(0)) reject(this.failure);
  }
}
