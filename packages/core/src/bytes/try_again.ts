/** A failure of a request that may pass. `httpRequest` catches it and tries again. */
export class TryAgain extends Error {
  /** What the server asked for with `Retry-After`. */
  readonly retryAfterMs: number | undefined;

  /** @param got what came instead of the answer, for messages */
  constructor(got: string, retryAfterMs?: number, cause?: unknown) {
    super(got, { cause });
    this.retryAfterMs = retryAfterMs;
  }
}
