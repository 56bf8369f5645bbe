import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { hasShared, sharedPath } from "@glof/test-kit";
import { afterEach, describe, expect, it } from "vitest";
import { openStacItem } from "./open_stac_item.js";
import type { SearchStacOptions } from "./search_options.js";
import { searchStac } from "./search_stac.js";
import { serve, type TestServer, testCog } from "./test_catalogue.js";

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

/** A search as the server got it. */
interface Search {
  readonly method: string;
  readonly url: URL;
  readonly body: Record<string, unknown>;
}
type Answer = (search: Search, response: ServerResponse, count: number) => unknown;

/** An API that answers so: with JSON of what is returned, or by itself. */
async function api(answer: Answer): Promise<{ url: string; searches: Search[] }> {
  const searches: Search[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const url = new URL(request.url!, `http://${request.headers.host}`);
    searches.push({ method: request.method!, url, body: text === "" ? {} : JSON.parse(text) });
    const json = answer(searches.at(-1)!, response, searches.length);
    if (json !== undefined) response.end(JSON.stringify(json));
  };
  server = await serve((path) =>
    path === "/v1/search" ? (request, response) => void handle(request, response) : undefined,
  );
  return { url: `${server.base}/v1`, searches };
}

const item = (id: string, cloud = 10, links: readonly object[] = []) => ({
  type: "Feature",
  stac_version: "1.0.0",
  id,
  collection: "c",
  geometry: null,
  properties: { "eo:cloud_cover": cloud },
  assets: {},
  links,
});
const page = (ids: readonly string[], next?: object) => ({
  type: "FeatureCollection",
  features: ids.map((id) => item(id)),
  links: next
    ? [
        { rel: "root", href: "/" },
        { rel: "next", ...next },
      ]
    : [],
});

async function found(url: string, options: SearchStacOptions = {}): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of searchStac(url, { http: { backoffMs: 1, timeoutMs: 300 }, ...options }))
    ids.push(id);
  return ids;
}

describe("searchStac", () => {
  it("asks for what is wanted", async () => {
    const { url, searches } = await api(() => page(["a"]));
    const datetime = [new Date(Date.UTC(2024, 5, 1)), undefined] as const;
    const wanted = {
      collections: ["sentinel-2-l2a"],
      bbox: [86, 27, 87, 28],
      datetime,
      maxCloudCover: 20,
      limit: 7,
    };
    expect(await found(url, wanted)).toEqual(["a"]);
    expect(searches[0]).toMatchObject({
      method: "POST",
      body: {
        collections: ["sentinel-2-l2a"],
        bbox: [86, 27, 87, 28],
        datetime: "2024-06-01T00:00:00.000Z/..",
        query: { "eo:cloud_cover": { lte: 20 } },
        limit: 7,
      },
    });
    const intersects = { type: "Point", coordinates: [86.9, 27.9] };
    await found(`${url}/search`, {
      intersects,
      maxCloudCover: 5,
      cloudFilter: "cql2-json",
      datetime: "2024-06-01",
    });
    expect(searches[1]!.body).toEqual({
      intersects,
      datetime: "2024-06-01",
      "filter-lang": "cql2-json",
      filter: { op: "<=", args: [{ property: "eo:cloud_cover" }, 5] },
      limit: 100,
    });
  });

  it("follows next links of POST, merged or whole, and of GET; each item once", async () => {
    const { url, searches } = await api(({ url: asked, body, method }) => {
      if (method === "GET") return page(["d", "e"]);
      if (body.token === 2) return page(["c"], { href: `${asked.origin}/v1/search?page=3` });
      if (body.token === 1) return page(["b", "c"], { href: asked.href, method: "POST", body: { token: 2 } });
      return page(["a", "b"], { href: "/v1/search", method: "post", merge: true, body: { token: 1 } });
    });
    expect(await found(url, { collections: ["c"] })).toEqual(["a", "b", "c", "d", "e"]);
    expect(searches.map(({ body }) => body)).toEqual([
      { collections: ["c"], limit: 100 },
      { collections: ["c"], limit: 100, token: 1 },
      { token: 2 },
      {},
    ]);
  });

  it("stops at the limit, and drops what is too cloudy for the caller", async () => {
    const { url, searches } = await api(({ body }) => ({
      features: [item("clear", 1), item("cloudy", 90), item(`n${String(body.at ?? 0)}`, 5)],
      links: [{ rel: "next", href: "/v1/search", method: "POST", body: { at: Number(body.at ?? 0) + 1 } }],
    }));
    expect(await found(url, { limit: 4, maxCloudCover: 50, cloudFilter: "none" })).toEqual([
      "clear",
      "n0",
      "n1",
      "n2",
    ]);
    expect(searches.length).toBe(3);
  });

  it("asks by GET where there is no POST", async () => {
    const { url, searches } = await api(({ method }, response) => {
      if (method === "GET") return page(["a"]);
      response.writeHead(405).end();
      return undefined;
    });
    expect(await found(url, { bbox: [1, 2, 3, 4], maxCloudCover: 15 })).toEqual(["a"]);
    expect(Object.fromEntries(searches[1]!.url.searchParams)).toEqual({
      bbox: "1,2,3,4",
      query: '{"eo:cloud_cover":{"lte":15}}',
      limit: "100",
    });
  });

  it("stops when cancelled, between items too", async () => {
    const { url } = await api((_, __, count) => page([`${count}`], { href: `?page=${count}` }));
    const stop = new AbortController();
    const read = (async () => {
      for await (const _ of searchStac(url, { signal: stop.signal })) stop.abort();
    })();
    await expect(read).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("searches that cannot be", () => {
  it.each<[string, SearchStacOptions]>([
    ["both places", { bbox: [1, 2, 3, 4], intersects: {} }],
    ["a bbox of three", { bbox: [1, 2, 3] }],
    ["a bbox upside down", { bbox: [1, 4, 3, 2] }],
    ["a bbox in metres", { bbox: [500_000, 4_000_000, 510_000, 4_010_000] }],
    ["a bbox of NaN", { bbox: [1, Number.NaN, 3, 4] }],
    ["no date", { datetime: "yesterday" }],
    ["an interval backwards", { datetime: "2024-06-02/2024-06-01" }],
    ["an interval of nothing", { datetime: "../.." }],
    ["a cloud cover of 101", { maxCloudCover: 101 }],
    ["no items", { limit: 0 }],
  ])("%s", async (_, options) => {
    await expect(found("http://127.0.0.1:9/", options)).rejects.toMatchObject({ code: "bad-argument" });
  });

  it("no address", async () => {
    await expect(found("earth-search")).rejects.toMatchObject({ code: "bad-argument" });
    await expect(found("ftp://example.com/")).rejects.toMatchObject({ code: "bad-argument" });
  });
});

describe("servers that misbehave", () => {
  const fail =
    (status: number, headers: Record<string, string> = {}): Answer =>
    (_, response) => {
      response.writeHead(status, headers).end();
      return undefined;
    };
  it.each<[string, Answer]>([
    ["429", fail(429, { "retry-after": "0" })],
    ["503", fail(503)],
    ["silence", () => undefined],
    ["a dropped connection", (_, response) => void response.destroy()],
    ["text that is no JSON", (_, response) => void response.end("<html>Bad gateway")],
    ["half a page", (_, response) => void response.end(JSON.stringify(page(["a"])).slice(0, -20))],
    [
      "a content-length that is too long",
      (_, response) => void response.writeHead(200, { "content-length": 9999 }).write("{}"),
    ],
  ])("are asked again after %s", async (_, answer) => {
    const { url, searches } = await api((search, response, count) =>
      count < 3 ? answer(search, response, count) : page(["a"]),
    );
    expect(await found(url)).toEqual(["a"]);
    expect(searches.length).toBe(3);
  });

  it.each<[string, Answer, string, SearchStacOptions?]>([
    ["error for ever", fail(500), "network"],
    ["no such API", fail(404), "not-found"],
    ["refusal", fail(403), "network"],
    ["another document", () => ({ type: "Catalog" }), "unsupported-format"],
    ["an item without id", () => ({ features: [{ ...item("a"), id: "" }] }), "corrupt-file"],
    [
      "a page that names itself",
      ({ url, body }) => page(["a"], { href: url.href, method: "POST", body }),
      "network",
    ],
    [
      "pages without end",
      (_, __, count) => page([], { href: `?page=${count}` }),
      "limit-exceeded",
      { maxPages: 5 },
    ],
    ["a next page elsewhere", () => page(["a"], { href: "https://8.8.8.8/search" }), "bad-argument"],
    ["a next page inside", () => page(["a"], { href: "http://169.254.169.254/search" }), "bad-argument"],
    ["a next page in a file", () => page(["a"], { href: "file:///etc/passwd" }), "bad-argument"],
    [
      "an item that says it is inside",
      () => ({ features: [item("a", 1, [{ rel: "self", href: "http://10.0.0.1/a" }])] }),
      "bad-argument",
    ],
    [
      "a huge page",
      (_, response) => void response.end(`["${"x".repeat(200_000)}"]`),
      "limit-exceeded",
      { maxPageBytes: 100_000 },
    ],
  ])("are told: %s", async (_, answer, code, options = {}) => {
    const { url } = await api(answer);
    const http = { backoffMs: 1, retries: 1 };
    await expect(found(url, { http, ...options })).rejects.toMatchObject({ name: "GlofError", code });
  });
});

const shared = "data/safe_stac/stac/earthsearch_v1_item_collection.json";
describe.skipIf(!hasShared(shared))("a real response", () => {
  it("gives items whose files open", async () => {
    const cog = await testCog({ pixelM: 10, value: () => 1500 });
    const json = readFileSync(sharedPath(shared), "utf8");
    const { url } = await api(({ url: asked }) =>
      JSON.parse(json.replaceAll(/https:\/\/sentinel-cogs[\w.-]+/g, asked.origin)),
    );
    const items = [];
    const files = await serve(() => cog);
    for await (const each of searchStac(url)) items.push(each);
    expect(items.map(({ id }) => id)).toEqual([
      "S2B_31UDQ_20230609_0_L2A",
      "S2A_31UDQ_20230607_0_L2A",
      "S2B_31UDQ_20230602_0_L2A",
    ]);
    const moved = JSON.parse(JSON.stringify(items[0]).replaceAll(server!.base, files.base));
    const scene = await openStacItem(moved, {
      bands: ["B02"],
      validity: false,
      href: `${files.base}/item.json`,
    });
    expect(
      (await scene.readReflectance({ x: 0, y: 0, width: 1, height: 1 }, ["B02"])).bandsRefl[0]![0],
    ).toBeCloseTo(0.15);
    await files.close();
  });
});
