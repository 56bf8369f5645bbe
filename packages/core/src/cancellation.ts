import { GlofError } from "./errors.js";

/**
 * Throws `GlofError("aborted")` when the signal has fired.
 *
 * @param signal the caller's signal; `undefined` never throws
 * @param where the function that stops, for the message
 */
export function throwIfAborted(signal: AbortSignal | undefined, where: string): void {
  if (signal?.aborted) {
    throw new GlofError("aborted", `${where}: stopped because the caller cancelled it.`, {
      cause: signal.reason,
    });
  }
}
