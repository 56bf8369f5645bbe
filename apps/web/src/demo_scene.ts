import { GlofError, throwIfAborted } from "@glof/core";
import type { SceneOptions, SyntheticScene } from "@glof/synthetic";
import type { DemoAnswer } from "./demo_worker.js";

/**
 * Generates a scene with its truth in a worker, so that the page stays alive: `generateScene` works for seconds without
 * a pause.
 *
 * @throws GlofError `aborted`; `internal` with the generator's message
 */
export async function makeDemoScene(options: SceneOptions, signal?: AbortSignal): Promise<SyntheticScene> {
  throwIfAborted(signal, "makeDemoScene");
  const worker = new Worker(new URL("./demo_worker.ts", import.meta.url), { type: "module" });
  try {
    const answer = await firstAnswer(worker, options, signal);
    if ("scene" in answer) return answer.scene;
    throw new GlofError(
      "internal",
      `makeDemoScene: expected a scene, got ${answer.error}. Try another seed.`,
    );
  } finally {
    worker.terminate();
  }
}

function firstAnswer(worker: Worker, options: SceneOptions, signal?: AbortSignal): Promise<DemoAnswer> {
  return new Promise((resolve, reject) => {
    worker.addEventListener("message", ({ data }: MessageEvent<DemoAnswer>) => resolve(data));
    worker.addEventListener("error", ({ message }) => resolve({ error: message || "no worker" }));
    signal?.addEventListener("abort", () => {
      try {
        throwIfAborted(signal, "makeDemoScene");
      } catch (error) {
        reject(error);
      }
    });
    worker.postMessage(options);
  });
}
