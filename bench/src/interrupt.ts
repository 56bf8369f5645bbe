import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { removeUnfinishedFiles } from "@glof/core/node";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Ends this process on Ctrl-C and the like as a shell expects it, with 128 and the signal's number: sides end with it, and
 * what is half written goes.
 *
 * @param say what to print
 */
export function endOnSignals(say: () => void): void {
  for (const signal of signals) {
    // For good: npm and tsx pass a terminal's Ctrl-C on, so that it comes twice, and the second must not cut this short.
    process.on(signal, () => {
      say();
      removeUnfinishedFiles();
      process.exit(128 + constants.signals[signal]);
    });
  }
}

/** A folder for what this run and its sides need for a while: they make theirs in it, and it goes with this process. */
export function useOwnTemporaryFolder(): void {
  const folder = mkdtempSync(join(tmpdir(), "glof-bench-run-"));
  process.env[process.platform === "win32" ? "TEMP" : "TMPDIR"] = folder;
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
}
