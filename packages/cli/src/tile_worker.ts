import { selectBackend } from "@glof/runtime";
import { LakeSegmenter } from "@glof/segmenter";
import { type Order, toPlainFailure, type WorkerAnswer } from "./jobs/messages.js";

// A worker process of `glof map --jobs`: its own backend and weights; one order at a time.
const answer = (message: WorkerAnswer): void => void process.send?.(message);

let segmenter: LakeSegmenter | undefined;

async function carryOut(order: Order): Promise<WorkerAnswer> {
  if (order.kind === "start") {
    await selectBackend({ require: order.backend, threads: order.threads });
    segmenter = await LakeSegmenter.load(order.model);
    return { kind: "ready" };
  }
  return { kind: "done", prob: await segmenter!.predictPixels(order.pixels, order.shape) };
}

process.on("message", (order: Order) => {
  carryOut(order).then(answer, (error: unknown) =>
    answer({ kind: "failed", failure: toPlainFailure(error) }),
  );
});
// Ctrl-C in a terminal goes to every process of the command; the first one decides, and this one ends with it.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit());
