import { GlofError } from "../errors.js";
import { readExactBody, readWholeBody } from "./http_body.js";
import type { HttpSourceOptions } from "./http_options.js";
import { httpRequest } from "./http_request.js";
import { TryAgain } from "./try_again.js";

/** Most bytes of a file read whole into memory, unless the caller says otherwise. */
const maxWholeFileBytes = 2 ** 31;

/** What the first request of a file tells. */
export interface FirstRange {
  readonly size: number;
  /** The file's first bytes; all of them when `isWhole`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The server knows no ranges and sent everything. */
  readonly isWhole: boolean;
  /** Changes when the file does; undefined when the server tells none. */
  readonly version: string | undefined;
}

/** Asks for the first bytes of a file, and learns its size. */
export async function fetchFirst(
  url: URL,
  where: string,
  options: HttpSourceOptions,
  signal: AbortSignal | undefined,
): Promise<FirstRange> {
  const firstBytes = options.firstBytes ?? 65_536;
  const first = await httpRequest<Omit<FirstRange, "size"> & { size: number | undefined }>(
    url,
    {
      headers: { Range: `bytes=0-${firstBytes - 1}` },
      where,
      wanted: "the start of the file",
      signal,
      statuses: [200, 206, 416],
      receive: async (response, onBytes) => {
        const version = versionOf(response);
        if (response.status === 200) {
          const bytes = await takeWhole(response, where, options, onBytes);
          return { size: bytes.byteLength, bytes, isWhole: true, version };
        }
        if (response.status === 416) return { ...emptyFile(response, where), version };
        const range = rangeOf(response);
        if (range && range.from !== 0) throw new TryAgain(`bytes from ${range.from}`);
        const bytes = await readWholeBody(response, firstBytes, where, onBytes);
        if (range && bytes.byteLength !== Math.min(firstBytes, range.size)) {
          throw new TryAgain(`${bytes.byteLength} bytes`);
        }
        return { size: range?.size, bytes, isWhole: false, version };
      },
    },
    options,
  );
  return { ...first, size: first.size ?? (await sizeByHead(url, where, options, signal)) };
}

/** Fetches a range and hands its bytes over as they come; after a failure it begins again. */
export function fetchRange(
  url: URL,
  where: string,
  range: { readonly offset: number; readonly length: number },
  known: Pick<FirstRange, "size" | "version">,
  options: HttpSourceOptions,
  signal: AbortSignal | undefined,
  take: (chunk: Uint8Array, at: number) => void,
): Promise<void> {
  const { offset, length } = range;
  const wanted = `bytes ${offset}-${offset + length - 1}`;
  return httpRequest(
    url,
    {
      headers: { Range: `bytes=${offset}-${offset + length - 1}` },
      where,
      wanted,
      signal,
      statuses: [200, 206, 412, 416],
      receive: async (response, onBytes) => {
        const version = versionOf(response);
        const answered = rangeOf(response);
        const isOther = version !== undefined && known.version !== undefined && version !== known.version;
        if (isOther || response.status >= 400 || (answered && answered.size !== known.size))
          throw changed(where);
        if (response.status !== 206) throw noRanges(where);
        if (answered && answered.from !== offset) throw new TryAgain(`bytes from ${answered.from}`);
        await readExactBody(response, length, onBytes, take);
      },
    },
    options,
  );
}

function rangeOf(response: Response): { from: number; size: number } | undefined {
  const found = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
  const [from, size] = [Number(found?.[1]), Number(found?.[2])];
  return Number.isSafeInteger(from) && Number.isSafeInteger(size) ? { from, size } : undefined;
}

const versionOf = ({ headers }: Response): string | undefined =>
  headers.get("etag") ?? headers.get("last-modified") ?? undefined;

function emptyFile(response: Response, where: string): Omit<FirstRange, "version"> {
  if (!/^bytes \*\/0$/.test(response.headers.get("content-range") ?? "")) {
    throw new GlofError(
      "network",
      `${where}: expected the start of the file, got status 416. Download the file first.`,
    );
  }
  return { size: 0, bytes: new Uint8Array(0), isWhole: true };
}

function takeWhole(
  response: Response,
  where: string,
  options: HttpSourceOptions,
  onBytes: (count: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  if (options.wholeFile !== "memory") throw noRanges(where);
  return readWholeBody(response, options.maxWholeFileBytes ?? maxWholeFileBytes, where, onBytes);
}

/** Content-Range is hidden from cross-origin pages unless the server exposes it; Content-Length of HEAD is not. */
function sizeByHead(
  url: URL,
  where: string,
  options: HttpSourceOptions,
  signal: AbortSignal | undefined,
): Promise<number> {
  const wanted = "the file's size in Content-Range or Content-Length";
  const receive = async (response: Response): Promise<number> => {
    const length = response.headers.get("content-length");
    if (length === null || !Number.isSafeInteger(Number(length))) {
      throw new GlofError("network", `${where}: expected ${wanted}, got none. Download the file first.`);
    }
    return Number(length);
  };
  return httpRequest(url, { method: "HEAD", where, wanted, signal, statuses: [200], receive }, options);
}

function noRanges(where: string): GlofError {
  return new GlofError(
    "network",
    `${where}: expected a part of the file, got the whole file: this server knows no ranges. Download it first.`,
  );
}

function changed(where: string): GlofError {
  return new GlofError(
    "network",
    `${where}: expected the file that was opened, got another: it changed on the server. Open it again.`,
  );
}
