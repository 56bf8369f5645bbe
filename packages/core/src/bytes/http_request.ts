import { throwIfAborted } from "../cancellation.js";
import { GlofError, isGlofError } from "../errors.js";
import { seededRng } from "../random.js";
import type { HttpJob } from "./http_job.js";
import { type HttpOptions, httpDefaults } from "./http_options.js";
import { requireLinkAllowed } from "./http_policy.js";
import { sendFollowing } from "./http_redirects.js";
import { TryAgain } from "./try_again.js";

/** Slower than this, a server is taken for silent: no drip of bytes holds a reader for ever. */
const slowestBytesPerMs = 1;

const passing = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Sends a request, follows its redirects within the policy, and repeats what may pass with exponential back-off.
 *
 * @throws GlofError `not-found` for 404 and 410; `network`; `bad-argument` for an address that the policy refuses;
 *   `aborted`; and what `receive` throws
 */
export async function httpRequest<T>(url: URL, job: HttpJob<T>, options: HttpOptions = {}): Promise<T> {
  const { where, signal } = job;
  requirePlainAddress(url, where);
  if (options.foundAt !== undefined) await requireLinkAllowed(url, new URL(options.foundAt), options, where);
  const retries = options.retries ?? httpDefaults.retries;
  const jitter = seededRng(url.href);
  for (let tries = 1; ; tries++) {
    throwIfAborted(signal, where);
    try {
      return await attempt(url, job, options);
    } catch (error) {
      throwIfAborted(signal, where);
      if (!(error instanceof TryAgain)) throw error;
      const pauseMs = pauseBefore(tries, error, jitter.next(), options);
      if (tries > retries || pauseMs === undefined) throw givenUp(url, job, tries, error);
      await pause(pauseMs, signal);
    }
  }
}

/** An address for messages: a query may hold a signature or a key. */
export function shownAddress(url: URL): string {
  return `${url.origin === "null" ? url.protocol : url.origin}${url.pathname}${url.search ? "?…" : ""}`;
}

function requirePlainAddress(url: URL, where: string): void {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new GlofError(
      "bad-argument",
      `${where}: expected an http: or https: address, got ${url.protocol}. Download the file first.`,
    );
  }
  if (url.username || url.password) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected an address without a user name or password, got one with. Pass an authorization header.`,
    );
  }
}

async function attempt<T>(url: URL, job: HttpJob<T>, options: HttpOptions): Promise<T> {
  const timeoutMs = options.timeoutMs ?? httpDefaults.timeoutMs;
  const stop = new AbortController();
  const began = Date.now();
  let received = 0;
  let silent = false;
  const giveUp = () => {
    silent = true;
    stop.abort();
  };
  let timer = setTimeout(giveUp, timeoutMs);
  const cancel = () => stop.abort();
  job.signal?.addEventListener("abort", cancel, { once: true });
  try {
    const response = await sendFollowing(url, job, options, stop.signal);
    if (!job.statuses.includes(response.status)) await refuseStatus(response, job);
    return await job.receive(response, (count) => {
      received += count;
      clearTimeout(timer);
      timer = setTimeout(giveUp, timeoutMs);
      if (Date.now() - began > timeoutMs + received / slowestBytesPerMs) giveUp();
    });
  } catch (error) {
    if (error instanceof TryAgain || isGlofError(error)) throw silent ? timedOut(timeoutMs) : error;
    throw silent ? timedOut(timeoutMs) : new TryAgain(describe(error), undefined, error);
  } finally {
    clearTimeout(timer);
    job.signal?.removeEventListener("abort", cancel);
    // Whatever of the answer was not taken need not come any more.
    stop.abort();
  }
}

const timedOut = (timeoutMs: number): TryAgain => new TryAgain(`no answer within ${timeoutMs} ms`);

/** The reason that Node hides below "fetch failed". */
function describe(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const { message } = cause instanceof Error && cause.message ? cause : { message: String(error) };
  return `a broken connection (${message})`;
}

async function refuseStatus(response: Response, { where, wanted }: HttpJob<unknown>): Promise<never> {
  const { status } = response;
  if (passing.has(status)) throw new TryAgain(`status ${status}`, retryAfterMs(response));
  const shown = `${where}: expected ${wanted}, got status ${status}.`;
  if (status === 404 || status === 410) {
    throw new GlofError("not-found", `${shown} There is no such file: check the address.`, { status });
  }
  const remedy =
    status === 401 || status === 403
      ? "Sign the address or pass the headers it wants."
      : "Check the address.";
  throw new GlofError("network", `${shown} ${remedy}`, { status });
}

/** Seconds or a date. Source: RFC 9110, 10.2.3. */
function retryAfterMs(response: Response): number | undefined {
  const text = response.headers.get("retry-after");
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** The pause before another try, or undefined when the server asks for too long a one. */
function pauseBefore(
  tries: number,
  { retryAfterMs }: TryAgain,
  jitter: number,
  options: HttpOptions,
): number | undefined {
  const longest = options.maxBackoffMs ?? httpDefaults.maxBackoffMs;
  const backoffMs = options.backoffMs ?? httpDefaults.backoffMs;
  const own = Math.min(longest, backoffMs * 2 ** (tries - 1)) * (1 - jitter / 2);
  if (retryAfterMs === undefined) return own;
  return retryAfterMs > longest ? undefined : Math.max(own, retryAfterMs);
}

function givenUp(url: URL, { where, wanted }: HttpJob<unknown>, tries: number, last: TryAgain): GlofError {
  const asked =
    last.retryAfterMs === undefined ? "" : `, asking to wait ${Math.ceil(last.retryAfterMs / 1000)} s`;
  return new GlofError(
    "network",
    `${where}: expected ${wanted}, got ${last.message}${asked} (${tries} ${tries === 1 ? "try" : "tries"}). ` +
      "Check the address and the connection, or try again later.",
    { url: shownAddress(url), tries, cause: last.cause },
  );
}

/** Waits, or returns at once when the caller cancels. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}
