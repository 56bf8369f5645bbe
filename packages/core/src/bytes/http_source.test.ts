import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { HttpSourceOptions } from "./http_options.js";
import { openBytes } from "./open_bytes.js";

const content = Uint8Array.from({ length: 1_500_001 }, (_, at) => (at * 31) ^ (at >>> 8));
const quick: HttpSourceOptions = { backoffMs: 1, timeoutMs: 300 };

let server: Server | undefined;
let requests: string[] = [];
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((done) => (server ? server.close(done) : done(undefined)));
  server = undefined;
});

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A server that answers so, and its address. */
async function serve(answer: Answer): Promise<string> {
  requests = [];
  server = createServer((request, response) => {
    requests.push(request.headers.range ?? request.method ?? "");
    answer(request, response, requests.length);
  });
  await new Promise<void>((ready) => server!.listen(0, "127.0.0.1", ready));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.tif`;
}

/** A range as a good server sends it. */
function sendRange(
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string> = {},
): void {
  const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "")!.map(Number) as number[];
  const end = Math.min(to! + 1, content.length);
  response.writeHead(206, { "content-range": `bytes ${from}-${end - 1}/${content.length}`, ...headers });
  response.end(content.subarray(from, end));
}

const good: Answer = (request, response) => sendRange(request, response);

const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "no error",
    (error: { code?: string }) => error.code,
  );

describe("ranges", () => {
  it("equal the file, whatever is asked for in whatever order", async () => {
    const source = await openBytes(await serve(good), { http: quick });
    expect(source.size).toBe(content.length);
    const places = [
      [0, 16],
      [65_530, 12],
      [1_500_000, 1],
      [3, 1_400_000],
      [700_000, 65_536],
      [1_400_003, 99_998],
      [5, 0],
    ] as const;
    const parts = await Promise.all(places.map(([at, length]) => source.read(at, length)));
    parts.forEach((part, index) => {
      const [at, length] = places[index]!;
      expect(Buffer.compare(part, content.subarray(at, at + length))).toBe(0);
    });
    expect(await code(source.read(1_500_000, 2))).toBe("corrupt-file");
  });

  it("serves small reads from pieces, and fetches each byte once from front to back", async () => {
    const address = await serve(good);
    const source = await openBytes(address, { http: { ...quick, readAheadBytes: 1 << 19 } });
    for (let at = 0; at < content.length; at += 1000)
      await source.read(at, Math.min(1000, content.length - at));
    expect(requests).toEqual([
      "bytes=0-65535",
      "bytes=65536-589823",
      "bytes=589824-1114111",
      "bytes=1114112-1500000",
    ]);
    await source.close();
  });

  it("asks for few parts at once", async () => {
    let open = 0;
    let most = 0;
    let goOn = (): void => {};
    const eightCame = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const address = await serve(async (request, response, count) => {
      // The first is for the start of the file.
      if (count === 1) return sendRange(request, response);
      most = Math.max(most, ++open);
      // However slow the machine: the first are answered when eight have come, and a ninth had time to.
      if (open === 8) setTimeout(goOn, 30);
      await eightCame;
      open--;
      sendRange(request, response);
    });
    const source = await openBytes(address, { http: quick });
    const starts = Array.from({ length: 22 }, (_, index) => index * 65_536);
    const parts = await Promise.all(starts.map((at) => source.read(at, 4)));
    parts.forEach((part, index) => {
      expect(part).toEqual(content.slice(starts[index], starts[index]! + 4));
    });
    expect(requests.length).toBe(22);
    expect(most).toBe(8);
  });

  it("is not disturbed by another reader's cancelling", async () => {
    const address = await serve((request, response) => {
      setTimeout(() => sendRange(request, response), request.headers.range === "bytes=0-65535" ? 0 : 50);
    });
    const source = await openBytes(address, { http: quick });
    const other = new AbortController();
    const stopped = code(source.read(200_000, 10, other.signal));
    const kept = source.read(200_005, 10);
    other.abort();
    expect(await stopped).toBe("aborted");
    expect(await kept).toEqual(content.slice(200_005, 200_015));
  });

  it("opens an empty file and a short one", async () => {
    const empty = await serve((_, response) =>
      response.writeHead(416, { "content-range": "bytes */0" }).end(),
    );
    expect((await openBytes(empty)).size).toBe(0);
    await new Promise((done) => server!.close(done));
    const short = await serve((_, response) =>
      response.writeHead(206, { "content-range": "bytes 0-2/3" }).end(Uint8Array.of(1, 2, 3)),
    );
    expect(await (await openBytes(short)).read(1, 2)).toEqual(Uint8Array.of(2, 3));
  });

  it("learns the size from HEAD where Content-Range is hidden", async () => {
    const address = await serve((request, response) => {
      if (request.method === "HEAD")
        return response.writeHead(200, { "content-length": content.length }).end();
      return sendRange(request, response, { "content-range": "" });
    });
    const source = await openBytes(address, { http: quick });
    expect(await source.read(1_000_000, 5)).toEqual(content.slice(1_000_000, 1_000_005));
  });
});

describe("servers without ranges", () => {
  const whole: Answer = (_, response) => response.writeHead(200).end(content);

  it("are refused, or read whole within a limit", async () => {
    const address = await serve(whole);
    expect(await code(openBytes(address))).toBe("network");
    const source = await openBytes(address, { http: { wholeFile: "memory" } });
    expect(await source.read(1_000_000, 5)).toEqual(content.slice(1_000_000, 1_000_005));
    const http = { wholeFile: "memory", maxWholeFileBytes: 1_000_000 } as const;
    expect(await code(openBytes(address, { http }))).toBe("limit-exceeded");
  });

  it("cannot hide their length", async () => {
    const address = await serve((_, response) => {
      response.writeHead(200);
      const pour = () => {
        while (!response.destroyed && response.write(content));
      };
      response.on("drain", pour);
      pour();
    });
    const http = { wholeFile: "memory", maxWholeFileBytes: 20_000_000 } as const;
    expect(await code(openBytes(address, { http }))).toBe("limit-exceeded");
  });
});

describe("failures that pass", () => {
  it.each<[string, Answer]>([
    ["429", (_, response) => response.writeHead(429, { "retry-after": "0" }).end()],
    ["503", (_, response) => response.writeHead(503).end()],
    ["a dropped connection", (_, response) => response.destroy()],
    ["silence", () => {}],
    [
      "a truncated body",
      (_, response) => {
        response
          .writeHead(206, { "content-range": `bytes 0-65535/${content.length}` })
          .write(content.subarray(0, 9));
        setTimeout(() => response.destroy(), 5);
      },
    ],
    [
      "a short body",
      (_, response) => {
        response.writeHead(206, { "content-range": `bytes 0-65535/${content.length}` });
        response.end(content.subarray(0, 1000));
      },
    ],
    [
      "a content-length that is too long",
      (_, response) => {
        const headers = { "content-range": `bytes 0-65535/${content.length}`, "content-length": "65536" };
        response.writeHead(206, headers).write(content.subarray(0, 100));
      },
    ],
    [
      "another range",
      (_, response) => response.writeHead(206, { "content-range": "bytes 5-9/1500001" }).end("abcde"),
    ],
  ])("are tried again: %s", async (_, fail) => {
    const address = await serve((request, response, count) =>
      count < 3 ? fail(request, response, count) : sendRange(request, response),
    );
    const source = await openBytes(address, { http: quick });
    expect(await source.read(10, 5)).toEqual(content.slice(10, 15));
    expect(requests.length).toBe(3);
  });

  it("end in a network error, after as many tries as asked for", async () => {
    const address = await serve((_, response) => response.writeHead(500).end());
    const failed = openBytes(address, { http: { ...quick, retries: 2 } });
    await expect(failed).rejects.toMatchObject({ code: "network", message: /status 500 \(3 tries\)/ });
    expect(requests.length).toBe(3);
  });

  it("wait as long as the server asks, or give up at once", async () => {
    const address = await serve((request, response, count) =>
      count === 1 ? response.writeHead(429, { "retry-after": "1" }).end() : sendRange(request, response),
    );
    const began = Date.now();
    await openBytes(address, { http: quick });
    expect(Date.now() - began).toBeGreaterThanOrEqual(990);
    await new Promise((done) => server!.close(done));
    const slow = await serve((_, response) => response.writeHead(429, { "retry-after": "86400" }).end());
    await expect(openBytes(slow, { http: quick })).rejects.toMatchObject({
      message: /asking to wait 86400 s/,
    });
    expect(requests.length).toBe(1);
  });

  it("do not outlast a server that drips", async () => {
    const address = await serve((_, response) => {
      response.writeHead(206, { "content-range": `bytes 0-65535/${content.length}` });
      const drip = setInterval(() => response.write("x"), 20);
      response.on("close", () => clearInterval(drip));
    });
    expect(await code(openBytes(address, { http: { timeoutMs: 100, retries: 0 } }))).toBe("network");
  });

  it("are left at once when the caller cancels", async () => {
    const address = await serve((_, response) => response.writeHead(503).end());
    const signal = AbortSignal.timeout(50);
    expect(await code(openBytes(address, { signal, http: { backoffMs: 10_000 } }))).toBe("aborted");
  });
});

describe("failures that stay", () => {
  it.each<[string, Answer, string]>([
    ["404", (_, response) => response.writeHead(404).end(), "not-found"],
    ["403", (_, response) => response.writeHead(403).end(), "network"],
    ["a redirect to a file", (_, response) => redirect(response, "file:///etc/passwd"), "bad-argument"],
    ["one to another protocol", (_, response) => redirect(response, "ftp://8.8.8.8/x"), "bad-argument"],
    ["one inside", (_, response) => redirect(response, "http://169.254.169.254/latest"), "bad-argument"],
    ["one to itself", (request, response) => redirect(response, request.url!), "network"],
    ["one to nowhere", (_, response) => response.writeHead(302).end(), "network"],
  ])("are told at once: %s", async (_, answer, wanted) => {
    const address = await serve(answer);
    expect(await code(openBytes(address, { http: quick }))).toBe(wanted);
    expect(requests.length).toBeLessThanOrEqual(6);
  });

  it("include a file that changes while it is read", async () => {
    for (const headers of [{ etag: '"2"' }, { "content-range": "bytes 196608-262143/1500002" }]) {
      const address = await serve((request, response, count) =>
        sendRange(request, response, count === 1 ? { etag: '"1"' } : { etag: '"1"', ...headers }),
      );
      const source = await openBytes(address, { http: quick });
      await expect(source.read(200_000, 5)).rejects.toMatchObject({ code: "network", message: /changed/ });
      await new Promise((done) => server!.close(done));
    }
  });
});

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(302, { location }).end();
}

describe("redirects", () => {
  it("are followed, without the caller's headers to another origin", async () => {
    const seen: (string | undefined)[] = [];
    const address = await serve((request, response, count) => {
      seen.push(request.headers.authorization);
      const { port } = server!.address() as AddressInfo;
      if (count === 1) return redirect(response, "/y.tif");
      if (count === 2) return redirect(response, `http://localhost:${port}/z.tif`);
      return sendRange(request, response);
    });
    const source = await openBytes(address, { http: { ...quick, headers: { authorization: "Bearer x" } } });
    expect(source.size).toBe(content.length);
    expect(seen).toEqual(["Bearer x", "Bearer x", undefined]);
  });
});

describe("openBytes", () => {
  it.each(["ftp://example.com/x", "file:///etc/passwd", "data:text/plain,x", "http://", "s3://bucket/key"])(
    "refuses %s",
    async (source) => {
      expect(await code(openBytes(source))).toBe("bad-argument");
    },
  );

  it("refuses credentials in an address, and hides its query in messages", async () => {
    expect(await code(openBytes("http://user:word@127.0.0.1:9/x"))).toBe("bad-argument");
    const failed = openBytes("http://127.0.0.1:9/x?sig=secret", { http: quick });
    await expect(failed).rejects.toThrow(/^http:\/\/127\.0\.0\.1:9\/x\?…: expected/);
  });

  it("reads Blobs, buffers and parts of them, in copies", async () => {
    const bytes = Uint8Array.of(1, 2, 3, 4);
    for (const source of [bytes, bytes.buffer, new Blob([bytes])]) {
      const opened = await openBytes(source);
      const part = await opened.read(1, 2);
      expect(part).toEqual(Uint8Array.of(2, 3));
      part[0] = 9;
      expect(bytes[1]).toBe(2);
      expect(await code(opened.read(3, 2))).toBe("corrupt-file");
      expect(await code(opened.read(-1, 1))).toBe("corrupt-file");
      await opened.close();
    }
  });
});
