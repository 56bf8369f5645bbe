import { GlofError, parseJson as parseText } from "@glof/core";
import {
  type HttpOptions,
  httpRequest,
  openBytes,
  readWholeBody,
  shownAddress,
  TryAgain,
} from "@glof/core/bytes";

/** Most bytes of a document; a page of 1000 items with all links is some 30 MB. */
export const maxJsonBytes = 64 << 20;

/** A request for a document of JSON. */
export interface JsonRequest {
  readonly method?: "GET" | "POST" | undefined;
  readonly body?: unknown;
  readonly where?: string | undefined;
  readonly maxBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Statuses beside 200 that give `undefined` and no error. */
  readonly absent?: readonly number[];
}

/**
 * Fetches JSON. What is no JSON is asked for again, as what a broken proxy sends.
 *
 * @throws GlofError `network`, `not-found`, `limit-exceeded`, `bad-argument`, `aborted`
 */
export function fetchJson(url: URL, request: JsonRequest, http: HttpOptions = {}): Promise<unknown> {
  const {
    method = "GET",
    body,
    where = shownAddress(url),
    maxBytes = maxJsonBytes,
    signal,
    absent = [],
  } = request;
  return httpRequest<unknown>(
    url,
    {
      method,
      where,
      wanted: "JSON",
      signal,
      statuses: [200, ...absent],
      headers: {
        accept: "application/geo+json, application/json",
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      receive: async (response, onBytes) => {
        if (response.status !== 200) return undefined;
        const bytes = await readWholeBody(response, maxBytes, where, onBytes);
        const parsed = parseJson(bytes);
        if (parsed === undefined) throw new TryAgain("text that is no JSON");
        return parsed;
      },
    },
    http,
  );
}

/**
 * Reads JSON from a path or bytes.
 *
 * @throws GlofError `corrupt-file` for what is no JSON; `limit-exceeded`; the errors of reading
 */
export async function readJson(
  source: string | URL | Blob | ArrayBuffer,
  name: string | undefined,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const file = await openBytes(source, { name, signal });
  try {
    if (file.size > maxJsonBytes) {
      throw new GlofError(
        "limit-exceeded",
        `${file.name}: expected a STAC item of at most ${maxJsonBytes} bytes, got ${file.size}. Check the file.`,
      );
    }
    const parsed = parseJson(await file.read(0, file.size));
    if (parsed !== undefined) return parsed;
    throw new GlofError(
      "corrupt-file",
      `${file.name}: expected a STAC item, got text that is no JSON. Check the file.`,
    );
  } finally {
    await file.close();
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return parseText(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
