import { type BandScaling, throwIfAborted } from "@glof/core";
import type { PixelWindow } from "@glof/geo";
import { type BandName, type OpenSceneOptions, type Scene, setScaledReader } from "@glof/sentinel2";
import { WorkerThread } from "./worker_thread.js";

/** How the scene is opened over there: as here. */
export interface SceneRequest {
  readonly path: string;
  readonly options: Pick<OpenSceneOptions, "bands" | "offsetDn" | "quantification">;
}

/** What the thread is told: to open a scene first, then what to read of it. */
export type ReadingOrder =
  | ({ readonly kind: "open" } & SceneRequest)
  | {
      readonly kind: "read";
      readonly window: PixelWindow;
      readonly bands: readonly BandName[];
      readonly scaling: readonly BandScaling[];
    };

/** What it answers: pixels of the window in memory that both see, good until the next order. */
export type ReadingAnswer =
  | { readonly kind: "open" }
  | { readonly kind: "read"; readonly pixels: Float32Array; readonly validMask: Uint8Array };

/**
 * Has the numbers of a scene read and standardised in a thread of its own, which opens it again, wherever `readScaled` is asked
 * for them: decoding takes as long as all else that is done beside the model, and beside a large GPU that decides how fast a map is made.
 *
 * @param entry the thread's script
 * @returns what ends the thread
 */
export function readInThread(scene: Scene, request: SceneRequest, entry: URL): () => Promise<void> {
  const advice = "There may not be enough memory.";
  const thread = new WorkerThread<ReadingOrder, ReadingAnswer>(entry, advice);
  const opened = thread.order({ kind: "open", ...request });
  // Whoever reads hears of it.
  opened.catch(() => {});
  let last: Promise<unknown> = Promise.resolve();
  setScaledReader(scene, async (window, bands, scaling, into, signal) => {
    throwIfAborted(signal, "readScaled");
    // One after the other: the memory of an answer is filled again with the next order.
    const mine = last.then(async () => {
      await opened;
      const answer = await thread.order({ kind: "read", window, bands, scaling });
      const { pixels, validMask } = answer as Extract<ReadingAnswer, { kind: "read" }>;
      into.pixels.set(pixels);
      into.validMask.set(validMask);
    });
    last = mine.catch(() => {});
    await unlessAborted(mine, signal);
    return true;
  });
  return () => thread.close();
}

/** Does not wait for the thread, which may have a row of large blocks to decode. */
async function unlessAborted(reading: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  let stop = (): void => {};
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
  });
  signal?.addEventListener("abort", stop);
  try {
    await Promise.race([reading, aborted]);
    throwIfAborted(signal, "readScaled");
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
