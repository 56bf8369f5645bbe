/** A small web of files for tests of STAC: COGs of our own writer, and items that name them. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beginCog, crsFromEpsg } from "@glof/geo";

/** A made-up one-band COG. */
export interface TestCog {
  readonly pixelM: number;
  readonly epsg?: number;
  readonly dtype?: "uint8" | "uint16" | "float32";
  /** Number of a pixel by row and column. */
  readonly value: (row: number, col: number) => number;
}

/** Metres along the sides of all test scenes: whole pixels of 10, 20 and 30 m, and not of 60 m. */
export const extentM = { x: 480, y: 360 } as const;

/** The bytes of a COG at a place that all test scenes share. */
export async function testCog({
  pixelM,
  epsg = 32631,
  dtype = "uint16",
  value,
}: TestCog): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "glof-stac-"));
  try {
    const path = join(folder, "x.tif");
    const width = Math.ceil(extentM.x / pixelM);
    const height = Math.ceil(extentM.y / pixelM);
    const crs = crsFromEpsg(epsg);
    const geoTransform = [399_960, pixelM, 0, 5_500_020, 0, -pixelM] as const;
    const writer = await beginCog(path, {
      grid: { width, height, crs, geoTransform },
      dtype,
      bandNames: ["data"],
      blockSize: 16,
      overviews: "nearest",
    });
    const size = width * height;
    const at = (_: unknown, pixel: number): number => value(Math.floor(pixel / width), pixel % width);
    const pixels =
      dtype === "uint8"
        ? Uint8Array.from({ length: size }, at)
        : dtype === "uint16"
          ? Uint16Array.from({ length: size }, at)
          : Float32Array.from({ length: size }, at);
    await writer.writeRows([pixels], height);
    await writer.close();
    return new Uint8Array(await readFile(path));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What a server answers for a path, or how it behaves. */
export type TestPage = Uint8Array | string | ((request: IncomingMessage, response: ServerResponse) => void);

/** A server with its address and what it was asked. */
export interface TestServer {
  readonly base: string;
  readonly asked: string[];
  close(): Promise<void>;
}

/** Serves pages by path, files by ranges; 404 for the rest. */
export async function serve(page: (path: string) => TestPage | undefined): Promise<TestServer> {
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const found = page(new URL(request.url!, "http://x").pathname);
    if (found === undefined) response.writeHead(404).end();
    else if (typeof found === "function") found(request, response);
    else sendRange(request, response, typeof found === "string" ? new TextEncoder().encode(found) : found);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function sendRange(request: IncomingMessage, response: ServerResponse, content: Uint8Array): void {
  const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "");
  if (!range) {
    response.writeHead(200).end(content);
    return;
  }
  const from = Number(range[1]);
  const end = Math.min(Number(range[2]) + 1, content.length);
  response.writeHead(206, { "content-range": `bytes ${from}-${end - 1}/${content.length}` });
  response.end(content.subarray(from, end));
}
