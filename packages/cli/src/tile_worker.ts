import { parentPort } from "node:worker_threads";
import { selectBackend } from "@glof/runtime";
import { LakeSegmenter } from "@glof/segmenter";
import { type Order, toPlainFailure, type WorkerAnswer } from "./jobs/messages.js";

// A worker thread of `glof map --jobs`: its own backend and weights. It answers orders one after the other.
let segmenter: LakeSegmenter | undefined;

async function carryOut(order: Order): Promise<WorkerAnswer> {
  if (order.kind === "start") {
    await selectBackend({ require: order.backend, threads: order.threads });
    segmenter = await LakeSegmenter.load(order.model);
    return { kind: "ready" };
  }
  return { kind: "done", prob: await segmenter!.predictPixels(order.pixels, order.shape) };
}

async function answer(order: Order): Promise<void> {
  const message = await carryOut(order).catch(
    (error: unknown): WorkerAnswer => ({ kind: "failed", failure: toPlainFailure(error) }),
  );
  parentPort!.postMessage(message, message.kind === "done" ? [message.prob.buffer as ArrayBuffer] : []);
}

let last: Promise<void> = Promise.resolve();
parentPort!.on("message", (order: Order) => {
  last = last.then(() => answer(order));
});
