import { isGlofError } from "@glof/core";
import type { Busy, Store } from "./state.js";

/** What a job gets: a way to be stopped and a way to say how far it is. */
export interface JobTools {
  readonly signal: AbortSignal;
  readonly report: (busy: Busy) => void;
}

/** One piece of long work at a time, shown in the page; its failure is shown too. */
export interface Jobs {
  /** Runs `work` unless something else runs. */
  start(text: string, work: (tools: JobTools) => Promise<void>): Promise<void>;
  cancel(): void;
}

/** Makes the jobs of a page. */
export function createJobs(store: Store): Jobs {
  let running: AbortController | undefined;
  return {
    start: async (text, work) => {
      if (running) return;
      running = new AbortController();
      store.set({ busy: { text, share: undefined }, error: undefined, status: "" });
      try {
        await work({ signal: running.signal, report: (busy) => store.set({ busy }) });
      } catch (error) {
        if (running.signal.aborted) store.set({ status: "Cancelled." });
        else store.set({ error: errorText(error) });
      } finally {
        running = undefined;
        store.set({ busy: undefined });
      }
    },
    cancel: () => running?.abort(),
  };
}

/** The text of a failure for a person: that of a `GlofError` as it is, which says what to do. */
export function errorText(error: unknown): string {
  if (isGlofError(error)) return error.message;
  return `Something went wrong that should not have: ${error instanceof Error ? error.message : String(error)}`;
}
