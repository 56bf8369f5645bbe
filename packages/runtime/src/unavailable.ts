import { GlofError } from "@glof/core";
import type { BackendName } from "./types.js";

/**
 * `GlofError("backend-unavailable")` for one backend.
 *
 * @param what what is missing or failed, without a full stop; it alone is shown when the backend is passed over
 * @param advice what to do about it, a clause that follows "Do "
 */
export function unavailable(name: BackendName, what: string, advice: string, cause?: unknown): GlofError {
  return new GlofError(
    "backend-unavailable",
    `${name}: expected a usable backend, got none: ${what}. Do ${advice}.`,
    { backend: name, what, cause },
  );
}
