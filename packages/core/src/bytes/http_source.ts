import { throwIfAborted } from "../cancellation.js";
import { isGlofError } from "../errors.js";
import { type ByteSource, requireRange } from "./byte_source.js";
import type { HttpSourceOptions } from "./http_options.js";
import { type FirstRange, fetchFirst, fetchRange } from "./http_ranges.js";
import { shownAddress } from "./http_request.js";
import { createLimiter } from "./limiter.js";
import { bufferSource } from "./memory_sources.js";

/** Small reads (headers, indexes) are served from pieces of this size, so that one request brings many. */
const pieceBytes = 65_536;
const piecesKept = 64;
/** Requests of one file at once: a window over many blocks must not storm a server. */
const requestsAtOnce = 8;
/** Of a longer run only the last piece is kept: it is where a front-to-back reader goes on. */
const longestRunKept = 32;

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * A file behind HTTP(S), read by range requests. Small reads are served from a bounded cache of pieces; a file read from
 * front to back is fetched once.
 *
 * @throws GlofError `not-found`, `network` (also for a server without ranges, unless `wholeFile` is `"memory"`, and for
 *   a file that changes while it is read), `bad-argument`, `limit-exceeded`, `aborted`
 */
export async function openHttpSource(
  url: URL,
  {
    name = shownAddress(url),
    signal,
    http = {},
  }: { name?: string | undefined; signal?: AbortSignal | undefined; http?: HttpSourceOptions } = {},
): Promise<ByteSource> {
  const first = await fetchFirst(url, name, http, signal);
  if (first.isWhole || first.size <= first.bytes.byteLength) return bufferSource(name, first.bytes);
  const reader = new PieceReader(url, name, first, http);
  return {
    name,
    size: first.size,
    read: (offset, length, readSignal) => reader.read(offset, length, readSignal),
    close: async () => reader.clear(),
  };
}

/** Owns the pieces of one file. */
class PieceReader {
  private readonly pieces = new Map<number, Promise<Bytes>>();
  /** Where the last read ended. */
  private next = 0;
  private readonly inTurn = createLimiter(requestsAtOnce);

  constructor(
    private readonly url: URL,
    private readonly name: string,
    private readonly file: FirstRange,
    private readonly http: HttpSourceOptions,
  ) {
    const whole = Math.floor(file.bytes.byteLength / pieceBytes);
    for (let index = 0; index < Math.min(whole, piecesKept); index++) {
      this.pieces.set(index, Promise.resolve(file.bytes.slice(index * pieceBytes, (index + 1) * pieceBytes)));
    }
    this.file = { ...file, bytes: new Uint8Array(0) };
  }

  clear(): void {
    this.pieces.clear();
  }

  async read(offset: number, length: number, signal: AbortSignal | undefined): Promise<Bytes> {
    const { size } = this.file;
    throwIfAborted(signal, this.name);
    requireRange(this.name, size, offset, length);
    const into = { offset, bytes: new Uint8Array(length) };
    const ahead = offset === this.next ? Math.ceil((this.http.readAheadBytes ?? 0) / pieceBytes) : 0;
    this.next = offset + length;
    const end = length === 0 ? 0 : Math.floor((offset + length - 1) / pieceBytes) + 1;
    const parts: Promise<void>[] = [];
    for (let index = Math.floor(offset / pieceBytes); index < end; ) {
      const held = this.pieces.get(index);
      const runEnd = held ? index + 1 : this.runEnd(index, end, ahead);
      parts.push(
        held ? this.copyHeld(index, held, into, signal) : this.fetchRun(index, runEnd, into, signal),
      );
      index = runEnd;
    }
    await Promise.all(parts);
    throwIfAborted(signal, this.name);
    return into.bytes;
  }

  /** The end of the pieces that are missing from `index` on, lengthened by what is read ahead. */
  private runEnd(index: number, end: number, ahead: number): number {
    const last = Math.min(Math.max(end, index + ahead), Math.ceil(this.file.size / pieceBytes));
    let runEnd = index + 1;
    while (runEnd < last && !this.pieces.has(runEnd)) runEnd++;
    return runEnd;
  }

  private async copyHeld(
    index: number,
    held: Promise<Bytes>,
    into: Part,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    // Least recently used first.
    this.pieces.delete(index);
    this.pieces.set(index, held);
    try {
      copyOverlap({ offset: index * pieceBytes, bytes: await held }, into);
    } catch (error) {
      // Another reader asked for this piece and was cancelled; this one was not.
      if (!isGlofError(error, "aborted") || signal?.aborted) throw error;
      await this.fetchRun(index, index + 1, into, signal);
    }
  }

  private fetchRun(index: number, end: number, into: Part, signal: AbortSignal | undefined): Promise<void> {
    const offset = index * pieceBytes;
    const length = Math.min(end * pieceBytes, this.file.size) - offset;
    const kept: Part[] = [];
    for (let at = end - index > longestRunKept ? end - 1 : index; at < end; at++) {
      const start = at * pieceBytes;
      kept.push({ offset: start, bytes: new Uint8Array(Math.min(pieceBytes, this.file.size - start)) });
    }
    const { url, name, file, http } = this;
    const take = (bytes: Uint8Array, at: number): void => {
      const chunk = { offset: offset + at, bytes };
      copyOverlap(chunk, into);
      for (const piece of kept) copyOverlap(chunk, piece);
    };
    const done = this.inTurn(() => fetchRange(url, name, { offset, length }, file, http, signal, take));
    for (const piece of kept) this.keep(piece, done);
    return done;
  }

  private keep(piece: Part, done: Promise<void>): void {
    const index = piece.offset / pieceBytes;
    const bytes = done.then(() => piece.bytes as Bytes);
    this.pieces.set(index, bytes);
    bytes.catch(() => {
      if (this.pieces.get(index) === bytes) this.pieces.delete(index);
    });
    for (const oldest of this.pieces.keys()) {
      if (this.pieces.size <= piecesKept) break;
      this.pieces.delete(oldest);
    }
  }
}

/** Bytes that lie at an offset of the file. */
interface Part {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

function copyOverlap(from: Part, to: Part): void {
  const start = Math.max(from.offset, to.offset);
  const end = Math.min(from.offset + from.bytes.byteLength, to.offset + to.bytes.byteLength);
  if (start >= end) return;
  to.bytes.set(from.bytes.subarray(start - from.offset, end - from.offset), start - to.offset);
}
