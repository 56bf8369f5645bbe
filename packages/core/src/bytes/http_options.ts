import type { HttpPolicy } from "./http_policy.js";

/** How requests are made and repeated. */
export interface HttpOptions extends HttpPolicy {
  /** A request fails after so long without a byte; default 30 000. */
  readonly timeoutMs?: number | undefined;
  /** Repetitions after a failure that may pass (408, 425, 429, 5xx, broken or silent connections); default 3. */
  readonly retries?: number | undefined;
  /** First pause between tries, doubled each time and shortened by up to half at random; default 250. */
  readonly backoffMs?: number | undefined;
  /** Longest pause; a server whose `Retry-After` asks for more is given up at once. Default 60 000. */
  readonly maxBackoffMs?: number | undefined;
  /** Sent with every request, but not to another origin after a redirect. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** The address of the remote document in which this address stood: it is then checked as a redirect is. */
  readonly foundAt?: URL | string | undefined;
}

/** How a file behind an address is read. */
export interface HttpSourceOptions extends HttpOptions {
  /** What to do with a server without range requests: default `"refuse"`, or read the whole file into memory. */
  readonly wholeFile?: "refuse" | "memory" | undefined;
  /** Most bytes read into memory so; default 2 GiB. */
  readonly maxWholeFileBytes?: number | undefined;
  /** Bytes asked for at opening; default 65 536. */
  readonly firstBytes?: number | undefined;
  /** A read that goes on where the last one ended asks for at least as much; default 0. */
  readonly readAheadBytes?: number | undefined;
}

/** Defaults of `HttpOptions`. */
export const httpDefaults = { timeoutMs: 30_000, retries: 3, backoffMs: 250, maxBackoffMs: 60_000 } as const;
