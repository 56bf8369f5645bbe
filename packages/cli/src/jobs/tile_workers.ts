import type { TileEngine } from "@glof/segmenter";
import { canShare } from "./default_jobs.js";
import type { Order, WorkerAnswer, WorkerStart } from "./messages.js";
import { WorkerThread } from "./worker_thread.js";

/**
 * Starts worker threads, each with its own backend and weights: one for each job on processors, one beside a GPU. Which of them runs a tile makes no difference to it, so the result
 * is that of one job. Closing ends them; batches under way fail, though a GPU does
 * its own to the end.
 *
 * @param entry the worker's script
 * @throws GlofError what choosing the backend and loading the bundle throw over there
 */
export async function startTileWorkers(jobs: number, start: WorkerStart, entry: URL): Promise<TileEngine> {
  const advice = "Try fewer --jobs: each needs memory for the model.";
  const workers = Array.from({ length: jobs }, () => new WorkerThread<Order, WorkerAnswer>(entry, advice));
  const close = async (): Promise<void> => {
    await Promise.all(
      workers.map((worker) => (canShare(start.backend) ? worker.close() : worker.finish({ kind: "stop" }))),
    );
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
