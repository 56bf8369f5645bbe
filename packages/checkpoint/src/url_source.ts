import { GlofError, throwIfAborted } from "@glof/core";
import { corrupt } from "./failures.js";
import { type ByteSource, requireRange } from "./random_access.js";

/** Small reads fetch this much at once, so that a header and its neighbours cost one request. */
const readAheadBytes = 1 << 20;

interface UrlOptions {
  readonly name: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Random access over HTTP range requests. The last bytes fetched ahead are kept, and only what they lack is asked for,
 * so a front-to-back reader fetches each byte once. A server without ranges is read whole into memory.
 */
export async function openUrl(url: URL, { name, signal }: UrlOptions): Promise<ByteSource> {
  const first = await request(url, name, signal, { Range: `bytes=0-${readAheadBytes - 1}` });
  const head = await body(first, name, signal);
  const size = first.status === 206 ? await totalSize(first, url, name, signal) : head.byteLength;
  let ahead = { offset: 0, bytes: head };
  const fetchRange = async (offset: number, length: number): Promise<Uint8Array> => {
    const response = await request(url, name, signal, { Range: `bytes=${offset}-${offset + length - 1}` });
    if (response.status !== 206)
      throw networkError(name, `status 206 to a range request, got ${response.status}`);
    const bytes = await body(response, name, signal);
    if (bytes.byteLength !== length)
      throw corrupt(name, `${length} bytes at ${offset}`, `${bytes.byteLength} bytes`);
    return bytes;
  };
  return {
    name,
    size,
    read: async (offset, length) => {
      throwIfAborted(signal, "openCheckpoint");
      requireRange(name, size, offset, length);
      const kept = ahead.bytes.subarray(Math.min(Math.max(0, offset - ahead.offset), ahead.bytes.byteLength));
      const held = offset >= ahead.offset ? Math.min(kept.byteLength, length) : 0;
      if (held === length) return kept.slice(0, length);
      const from = offset + held;
      const missing = length - held;
      const fetched = await fetchRange(from, Math.min(Math.max(missing, readAheadBytes), size - from));
      const bytes = new Uint8Array(length);
      bytes.set(kept.subarray(0, held));
      bytes.set(fetched.subarray(0, missing), held);
      // What came beyond this read is kept, in a copy so that the rest can be freed.
      ahead = { offset: from + missing, bytes: fetched.slice(missing) };
      return bytes;
    },
    close: async () => {
      ahead = { offset: 0, bytes: new Uint8Array(0) };
    },
  };
}

async function request(
  url: URL,
  name: string,
  signal: AbortSignal | undefined,
  headers: Record<string, string>,
  method = "GET",
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { method, headers, ...(signal && { signal }) });
  } catch (error) {
    throwIfAborted(signal, "openCheckpoint");
    throw networkError(
      name,
      `an answer, got ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
  if (response.status === 404) {
    throw new GlofError(
      "not-found",
      `openCheckpoint(${name}): expected a file, got status 404. Check the address.`,
      {
        url: url.href,
      },
    );
  }
  if (!response.ok) throw networkError(name, `the file, got status ${response.status}`);
  return response;
}

async function body(response: Response, name: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throwIfAborted(signal, "openCheckpoint");
    throw networkError(name, "the whole body, got a broken connection", error);
  }
}

/** Content-Range is hidden from cross-origin pages unless the server exposes it; Content-Length of HEAD is not. */
async function totalSize(
  first: Response,
  url: URL,
  name: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  const range = /\/(\d+)$/.exec(first.headers.get("content-range") ?? "");
  const total = range
    ? Number(range[1])
    : Number((await request(url, name, signal, {}, "HEAD")).headers.get("content-length") ?? Number.NaN);
  if (!Number.isSafeInteger(total))
    throw networkError(name, "the file's size in Content-Range or Content-Length, got none");
  return total;
}

function networkError(name: string, expected: string, cause?: unknown): GlofError {
  return new GlofError(
    "network",
    `openCheckpoint(${name}): expected ${expected}. Check the address and the connection.`,
    { url: name, cause },
  );
}
