import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openCheckpoint, serializeSafetensors } from "./index.js";

/** Two tensors of 3 MB, so that one read-ahead does not hold the file. */
const big = Object.fromEntries(
  ["a", "b"].map((name, seed) => [
    name,
    { shape: [786_432], values: Float32Array.from({ length: 786_432 }, (_, index) => index * (seed + 1)) },
  ]),
);
const file = serializeSafetensors(big);

/** Quicker on large arrays than `toEqual`. */
function expectSame(got: Float32Array, want: Float32Array): void {
  expect(got.length).toBe(want.length);
  expect(got.findIndex((value, at) => value !== want[at])).toBe(-1);
}

const index = JSON.stringify({ weight_map: { a: "part-1.safetensors", b: "part-2.safetensors" } });
const parts: Record<string, Uint8Array> = {
  "/whole.safetensors": file,
  "/model.safetensors.index.json": new TextEncoder().encode(index),
  "/part-1.safetensors": serializeSafetensors({ a: big.a! }),
  "/part-2.safetensors": serializeSafetensors({ b: big.b! }),
};

describe("addresses", () => {
  let server: Server;
  let base: string;
  let sent = 0;
  beforeAll(async () => {
    server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url!, "http://x");
      const content = parts[pathname];
      if (!content) return response.writeHead(404).end();
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
      if (!range || searchParams.has("whole")) return response.writeHead(200).end(content);
      const end = Math.min(Number(range[2]), content.length - 1);
      const body = content.subarray(Number(range[1]), end + 1);
      sent += body.length;
      response.writeHead(206, { "content-range": `bytes ${range[1]}-${end}/${content.length}` }).end(body);
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((done) => server.close(done)));

  it("fetches each byte once when read in order", async () => {
    sent = 0;
    const opened = await openCheckpoint(`${base}/whole.safetensors`);
    expect(sent).toBe(1 << 20);
    expectSame(await opened.readFloat32("a"), big.a!.values);
    expectSame(await opened.readFloat32("b"), big.b!.values);
    expect(sent).toBe(file.length);
  });

  it("reads in any order, and tensors by several at once", async () => {
    const opened = await openCheckpoint(new URL(`${base}/whole.safetensors`));
    const [b, a] = await Promise.all([opened.readFloat32("b"), opened.readFloat32("a")]);
    expectSame(b, big.b!.values);
    expectSame(a, big.a!.values);
  });

  it("reads whole from a server without ranges", async () => {
    const opened = await openCheckpoint(`${base}/whole.safetensors?whole`);
    expectSame(await opened.readFloat32("b"), big.b!.values);
  });

  it("opens the shards beside an index", async () => {
    const opened = await openCheckpoint(`${base}/model.safetensors.index.json`);
    expect([...opened.entries.keys()]).toEqual(["a", "b"]);
    expectSame(await opened.readFloat32("b"), big.b!.values);
  });

  it("says what is wrong", async () => {
    await expect(openCheckpoint(`${base}/no.safetensors`)).rejects.toMatchObject({ code: "not-found" });
    await expect(openCheckpoint("http://127.0.0.1:9/x")).rejects.toMatchObject({ code: "network" });
    const signal = AbortSignal.abort();
    await expect(openCheckpoint(`${base}/whole.safetensors`, { signal })).rejects.toMatchObject({
      code: "aborted",
    });
  });
});

describe("indexes", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "glof-sharded-"));
    for (const [name, content] of Object.entries(parts)) await writeFile(join(folder, name), content);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("opens the shards beside a path or file URL", async () => {
    const path = join(folder, "model.safetensors.index.json");
    for (const source of [path, pathToFileURL(path)]) {
      const opened = await openCheckpoint(source);
      expectSame(await opened.readFloat32("a"), big.a!.values);
      await opened.close();
    }
  });

  it.each([
    ["a path that leads elsewhere", { weight_map: { a: "../part-1.safetensors" } }, "corrupt-file"],
    ["an encoded one", { weight_map: { a: "%2e%2e" } }, "corrupt-file"],
    ["a drive", { weight_map: { a: "C:x" } }, "corrupt-file"],
    ["a folder", { weight_map: { a: ".." } }, "corrupt-file"],
    ["no name", { weight_map: { a: "" } }, "corrupt-file"],
    ["a name that is not there", { weight_map: { nope: "part-1.safetensors" } }, "corrupt-file"],
    ["a shard that is not there", { weight_map: { a: "part-9.safetensors" } }, "not-found"],
    ["no names", { weight_map: {} }, "corrupt-file"],
    ["no map", { metadata: {} }, "corrupt-file"],
    ["itself", { weight_map: { a: "bad.index.json" } }, "unsupported-feature"],
  ])("refuses %s", async (_, content, code) => {
    const path = join(folder, "bad.index.json");
    await writeFile(path, JSON.stringify(content));
    await expect(openCheckpoint(path)).rejects.toMatchObject({ code });
  });

  it("cannot find neighbours of a buffer", async () => {
    const bytes = new TextEncoder().encode(index);
    await expect(openCheckpoint(bytes)).rejects.toMatchObject({ code: "unsupported-feature" });
  });
});
