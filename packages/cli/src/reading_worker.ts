import { parentPort } from "node:worker_threads";
import { openScene, readScaled, type ScaledWindow, type Scene } from "@glof/sentinel2";
import { toPlainFailure } from "./jobs/messages.js";
import type { ReadingAnswer, ReadingOrder } from "./jobs/reading_thread.js";

// The thread that reads a scene for `glof map`. It answers orders in turn, with pixels in memory that both threads see.
let scene: Scene | undefined;
let pixels = new Float32Array(new SharedArrayBuffer(0));
let validMask = new Uint8Array(new SharedArrayBuffer(0));

async function carryOut(order: ReadingOrder): Promise<ReadingAnswer> {
  if (order.kind === "open") {
    scene = await openScene(order.path, order.options);
    return { kind: "open" };
  }
  const { window, bands, scaling } = order;
  const into = room(window.width * window.height, bands.length);
  await readScaled(scene!, window, bands, scaling, { into });
  return { kind: "read", ...into };
}

/** Arrays of the asked size in the memory of the largest window so far. */
function room(count: number, bandCount: number): ScaledWindow {
  if (pixels.length < count * bandCount) {
    pixels = new Float32Array(new SharedArrayBuffer(4 * count * bandCount));
  }
  if (validMask.length < count) validMask = new Uint8Array(new SharedArrayBuffer(count));
  return { pixels: pixels.subarray(0, count * bandCount), validMask: validMask.subarray(0, count) };
}

let last: Promise<void> = Promise.resolve();
parentPort!.on("message", (order: ReadingOrder) => {
  last = last.then(async () => {
    try {
      parentPort!.postMessage(await carryOut(order));
    } catch (error) {
      parentPort!.postMessage({ kind: "failed", failure: toPlainFailure(error) });
    }
  });
});
