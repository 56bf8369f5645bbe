import { removeUnfinishedFiles } from "@glof/core/node";
import { EXIT } from "./exit_codes.js";

/**
 * Runs a command under a signal that fires on Ctrl-C (and on SIGTERM). The command then stops at its next safe point and
 * cleans up; a second Ctrl-C does not wait for it, and still leaves no half-written file.
 */
export async function withInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      removeUnfinishedFiles();
      process.exit(EXIT.interrupted);
    }
    process.stderr.write("\nstopping; press Ctrl-C again to stop at once\n");
    controller.abort(name);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}
