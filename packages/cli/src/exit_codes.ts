import { isGlofError } from "@glof/core";

/** What `glof` ends with. */
export const EXIT = {
  ok: 0,
  /** The work failed: the reason is printed. */
  failed: 1,
  /** The command line or the config file is wrong, or an earlier result stands in the way: nothing was done. */
  usage: 2,
  /** Interrupted by Ctrl-C: nothing half-written is left. */
  interrupted: 130,
} as const;

/** The exit code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  if (isGlofError(error, "aborted")) return EXIT.interrupted;
  if (
    isGlofError(error, "bad-config") ||
    isGlofError(error, "bad-argument") ||
    isGlofError(error, "already-exists")
  ) {
    return EXIT.usage;
  }
  return EXIT.failed;
}
