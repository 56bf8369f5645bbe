/** What the thread is told; `id` comes back with the answer. */
export type OrtOrder =
  | { readonly kind: "load"; readonly key: string; readonly model: Uint8Array; readonly threads: number }
  | { readonly kind: "drop"; readonly key: string }
  | { readonly kind: "probe" }
  | {
      readonly kind: "run";
      readonly key: string;
      readonly pixels: Float32Array;
      readonly shape: readonly number[];
    };

/** What it answers. */
export type OrtAnswer =
  | { readonly id: number; readonly prob?: Float32Array }
  | { readonly id: number; readonly failure: string };

/**
 * Script of the thread: sessions by their key, one order after the other. `session.run` of onnxruntime-node computes
 * synchronously, whatever its promise says, hence a thread.
 *
 * It is text, so that no bundler and no loader of TypeScript has to find a file for it; the path of the package, which
 * only its user's folders know, comes with `workerData`.
 */
export const ortWorkerSource = `
"use strict";
const { parentPort, workerData } = require("node:worker_threads");
const ort = require(workerData.ortPath);
const sessions = new Map();

async function carryOut(order) {
  if (order.kind === "probe") return {};
  if (order.kind === "load") {
    const session = await ort.InferenceSession.create(order.model, {
      executionProviders: ["cpu"],
      intraOpNumThreads: order.threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
    });
    sessions.set(order.key, session);
    return {};
  }
  const session = sessions.get(order.key);
  if (order.kind === "drop") {
    sessions.delete(order.key);
    await session.release();
    return {};
  }
  const image = new ort.Tensor("float32", order.pixels, order.shape);
  const { prob } = await session.run({ image });
  return { prob: prob.data };
}

let before = Promise.resolve();
parentPort.on("message", ({ id, order }) => {
  before = before.then(() => carryOut(order)).then(
    (answer) => {
      const owned = answer.prob && answer.prob.buffer.byteLength === answer.prob.byteLength;
      parentPort.postMessage({ id, ...answer }, owned ? [answer.prob.buffer] : []);
    },
    (error) => parentPort.postMessage({ id, failure: String((error && error.message) || error) }),
  );
});
`;
