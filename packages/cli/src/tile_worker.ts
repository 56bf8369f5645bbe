import { parentPort } from "node:worker_threads";
import { selectBackend } from "@glof/runtime";
import { LakeSegmenter } from "@glof/segmenter";
import { type Order, toPlainFailure, type WorkerAnswer } from "./jobs/messages.js";

// A worker thread of `glof map`: its own backend and weights. It answers orders in turn; on a GPU the next batch is sent there while
// the one before is on its way back.
let segmenter: LakeSegmenter | undefined;

async function carryOut(order: Exclude<Order, { kind: "stop" }>): Promise<WorkerAnswer> {
  if (order.kind === "start") {
    const { backend, precision, threads, model, batchShape } = order;
    await selectBackend({ require: backend, threads, ...(precision && { webgpu: { precision } }) });
    segmenter = await LakeSegmenter.load(model);
    void segmenter.warmUp(batchShape);
    return { kind: "ready" };
  }
  return { kind: "done", prob: await segmenter!.predictPixels(order.pixels, order.shape) };
}

function post(answer: WorkerAnswer): void {
  parentPort!.postMessage(answer, answer.kind === "done" ? [answer.prob.buffer as ArrayBuffer] : []);
}

let last: Promise<void> = Promise.resolve();
parentPort!.on("message", (order: Order) => {
  if (order.kind === "stop") {
    void last.then(() => process.exit());
    return;
  }
  const underWay = carryOut(order).catch(
    (error: unknown): WorkerAnswer => ({ kind: "failed", failure: toPlainFailure(error) }),
  );
  last = last.then(async () => post(await underWay));
});
