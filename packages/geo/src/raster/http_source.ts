import { GlofError } from "@glof/core";
import type { ByteSource } from "./byte_source.js";

/** Small reads (headers, indexes) are served from pieces of this size, so that one request brings many. */
const pieceBytes = 65_536;
const piecesKept = 64;

/**
 * A file behind HTTP(S), read by range requests. The first request learns its size.
 *
 * @throws GlofError `bad-argument` for other protocols; `network` when the server fails or knows no ranges
 */
export async function openHttpSource(url: URL, name: string | undefined): Promise<ByteSource> {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new GlofError(
      "bad-argument",
      `openRaster: expected an http: or https: address, got ${url.protocol}. Download the file first.`,
      { url: url.href },
    );
  }
  const label = name ?? url.href;
  const first = await fetchRange(url, label, 0, pieceBytes, undefined);
  const pieces = new Map<number, Promise<Uint8Array<ArrayBuffer>>>([[0, Promise.resolve(first.bytes)]]);
  const { size } = first;

  const piece = (index: number, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> => {
    const start = index * pieceBytes;
    const wanted = Math.min(pieceBytes, size - start);
    const found = pieces.get(index);
    pieces.delete(index);
    const bytes = found ?? fetchRange(url, label, start, wanted, signal).then((part) => part.bytes);
    pieces.set(index, bytes);
    bytes.catch(() => pieces.delete(index));
    for (const oldest of pieces.keys()) {
      if (pieces.size <= piecesKept) break;
      pieces.delete(oldest);
    }
    return bytes;
  };

  const read = async (offset: number, length: number, signal?: AbortSignal) => {
    if (length > pieceBytes) return (await fetchRange(url, label, offset, length, signal)).bytes;
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const index = Math.floor((offset + done) / pieceBytes);
      const inside = offset + done - index * pieceBytes;
      const part = (await piece(index, signal)).subarray(inside, inside + length - done);
      bytes.set(part, done);
      done += part.length;
    }
    return bytes;
  };
  return { name: label, size, read, close: async () => pieces.clear() };
}

async function fetchRange(
  url: URL,
  label: string,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; size: number }> {
  const fail = (got: string, cause?: unknown) =>
    new GlofError(
      "network",
      `${label}: expected bytes ${offset}-${offset + length - 1}, got ${got}. Try again later.`,
      {
        url: url.href,
        cause,
      },
    );
  const headers = { Range: `bytes=${offset}-${offset + length - 1}` };
  const response = await fetch(url, { headers, signal: signal ?? null }).catch((error: unknown) => {
    if (signal?.aborted) throw new GlofError("aborted", `${label}: stopped because the caller cancelled it.`);
    throw fail("no answer", error);
  });
  if (response.status === 404) {
    throw new GlofError("not-found", `${label}: no such file on the server. Check the address.`, {
      url: url.href,
    });
  }
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
  if (response.status !== 206 || range === null) {
    await response.body?.cancel();
    throw fail(
      response.status === 200 ? "the whole file: this server knows no ranges" : `status ${response.status}`,
    );
  }
  const size = Number(range[3]);
  const body = await response.arrayBuffer().catch((error: unknown): never => {
    throw fail("a break", error);
  });
  const bytes = new Uint8Array(body);
  if (Number(range[1]) !== offset || bytes.length !== Math.min(length, size - offset)) {
    throw fail(`${bytes.length} bytes from ${range[1]}`);
  }
  return { bytes, size };
}
