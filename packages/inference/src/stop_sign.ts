import { throwIfAborted } from "@glof/core";

/**
 * What makes all parts of a run stop, and why: the caller's signal, or the first failure of a part. Parts that work side
 * by side look at it instead of at each other.
 */
export class StopSign {
  private readonly controller = new AbortController();

  constructor(
    private readonly caller: AbortSignal | undefined,
    private readonly where: string,
  ) {
    caller?.addEventListener("abort", this.onCaller, { once: true });
    if (caller?.aborted) this.onCaller();
  }

  /** Fires with either reason: for work that takes a signal. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Stops all parts by a failure; the first one counts. */
  fail(error: unknown): void {
    this.controller.abort(error);
  }

  /** @throws the reason to stop, if there is one; `aborted` when the caller wants it */
  check(): void {
    if (this.signal.aborted) throw this.signal.reason;
  }

  /** The promise, unless there is a reason to stop first: then that is thrown at once. */
  async unlessStopped<T>(promise: Promise<T>): Promise<T> {
    this.check();
    let listener = (): void => {};
    const stopped = new Promise<never>((_, reject) => {
      listener = () => reject(this.signal.reason);
      this.signal.addEventListener("abort", listener);
    });
    try {
      return await Promise.race([promise, stopped]);
    } finally {
      this.signal.removeEventListener("abort", listener);
    }
  }

  /** Lets go of the caller's signal, which may outlive many runs. */
  end(): void {
    this.caller?.removeEventListener("abort", this.onCaller);
  }

  private readonly onCaller = (): void => {
    try {
      throwIfAborted(this.caller, this.where);
    } catch (error) {
      this.fail(error);
    }
  };
}
