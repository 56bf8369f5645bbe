import {
  bufferSource,
  type HttpSourceOptions,
  openBytes,
  openZip,
} from "../../../packages/core/src/bytes.js";
import { testZip } from "../../../packages/sentinel2/src/safe/test_zip.js";
import { type FuzzTarget, type InputFiles, oneFile, onlyBytes, onlyText } from "../fuzz_target.js";

const content = new Map([
  ["a/b.txt", new TextEncoder().encode("some text, some text, some text")],
  ["a/numbers.bin", Uint8Array.from({ length: 3000 }, (_, at) => at * at)],
  ["empty", new Uint8Array(0)],
]);

async function readArchive(files: InputFiles): Promise<void> {
  const archive = await openZip(bufferSource("fuzz.zip", onlyBytes(files)));
  try {
    for (const entry of [...archive.entries.values()].filter(({ isFolder }) => !isFolder).slice(0, 20)) {
      const bytes = await archive.read(entry);
      if (bytes.length !== entry.byteLength) throw new Error(`${entry.path} has ${bytes.length} bytes`);
      const opened = await archive.open(entry);
      await opened.read(0, Math.min(opened.size, 10));
      await opened.close();
    }
  } finally {
    await archive.close();
  }
}

/** One answer of a server; what is left out is as a sound server has it. */
interface ScriptedAnswer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** Bytes sent; default: as many as were asked for. */
  readonly length?: number;
}

const fileBytes = 300_000;

/** A server that answers as a script says, and soundly when the script is at its end. */
function scriptedServer(script: unknown): typeof fetch {
  const answers = Array.isArray(script) ? (script as (ScriptedAnswer | null)[]) : [];
  let next = 0;
  return async (_, init) => {
    const answer = answers[next++ % Math.max(1, answers.length + 2)] ?? {};
    const range = /bytes=(\d+)-(\d+)/.exec(new Headers(init?.headers).get("range") ?? "");
    const [from, last] = range
      ? [Number(range[1]), Math.min(Number(range[2]), fileBytes - 1)]
      : [0, fileBytes - 1];
    const stated = Math.min(Math.max(0, Math.trunc(Number(answer.length ?? last + 1 - from))) || 0, 1 << 22);
    const headers = new Headers({ "content-range": `bytes ${from}-${last}/${fileBytes}`, etag: '"one"' });
    for (const [key, value] of Object.entries(answer.headers ?? {})) {
      try {
        headers.set(key, String(value));
      } catch {
        // No server can send it.
      }
    }
    const status = Number(answer.status ?? (range ? 206 : 200));
    const isPossible = Number.isInteger(status) && status >= 200 && status <= 599;
    const isEmpty = [204, 205, 304].includes(status);
    return new Response(isEmpty ? null : new Uint8Array(stated), {
      status: isPossible ? status : 502,
      headers,
    });
  };
}

const scripts: readonly (readonly ScriptedAnswer[])[] = [
  [{}, {}, {}],
  [
    {
      status: 206,
      headers: { "content-range": "bytes 0-65535/300000", "content-length": "65536" },
      length: 65_536,
    },
  ],
  [{ status: 200, headers: { "content-length": "300000", "accept-ranges": "none" }, length: 300_000 }],
  [
    { status: 302, headers: { location: "https://8.8.8.8/other" }, length: 0 },
    { headers: { etag: '"two"' } },
  ],
  [{ status: 429, headers: { "retry-after": "0" } }, { status: 416 }, { status: 500 }],
];

async function readRemote(files: InputFiles): Promise<void> {
  let script: unknown;
  try {
    script = JSON.parse(onlyText(files));
  } catch {
    return;
  }
  const http: HttpSourceOptions = {
    ...{ fetch: scriptedServer(script), retries: 2, backoffMs: 1, maxBackoffMs: 5, timeoutMs: 1000 },
    ...{ wholeFile: "memory" as const, maxWholeFileBytes: 1 << 20, allowPrivateHosts: true },
  };
  const opened = await openBytes(new URL("https://8.8.8.8/file.tif"), { http });
  try {
    for (const [offset, length] of [
      [0, 100],
      [70_000, 140_000],
      [Math.max(0, opened.size - 10), Math.min(10, opened.size)],
    ] as const) {
      const bytes = await opened.read(offset, length);
      if (bytes.length !== length) throw new Error(`${bytes.length} bytes in place of ${length}`);
    }
  } finally {
    await opened.close();
  }
}

/** What lies around files. */
export const archiveTargets: Readonly<Record<string, FuzzTarget>> = {
  zip: {
    about: "zip archives, plain and packed",
    seeds: async () => [
      oneFile("a.zip", testZip(content)),
      oneFile("b.zip", testZip(content, { packed: true })),
    ],
    run: readArchive,
  },
  http: {
    about: "servers that answer range requests with anything",
    seeds: async () => scripts.map((script) => oneFile("script.json", JSON.stringify(script))),
    run: readRemote,
  },
};
