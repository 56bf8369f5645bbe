import { isGlofError, seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import { openStacItem } from "./open_stac_item.js";
import { searchStac } from "./search_stac.js";
import { isObject, parseStacItem } from "./stac_item.js";

const asset = (name: string) => ({
  href: `https://8.8.8.8/${name}.tif`,
  type: "image/tiff; application=geotiff",
  "eo:bands": [{ name, common_name: "blue" }],
  "raster:bands": [{ scale: 0.0001, offset: -0.1, nodata: 0 }],
  "proj:transform": [10, 0, 399_960, 0, -10, 5_500_020],
  alternate: { https: { href: "https://8.8.8.8/x.tif" } },
});
const item = {
  type: "Feature",
  stac_version: "1.0.0",
  id: "S2A_31UDQ_20230617_0_L2A",
  collection: "sentinel-2-l2a",
  bbox: [1, 2, 3, 4],
  geometry: { type: "Point", coordinates: [1, 2] },
  links: [{ rel: "self", href: "https://8.8.8.8/items/a" }],
  properties: {
    datetime: "2023-06-17T11:07:28Z",
    platform: "sentinel-2a",
    "eo:cloud_cover": 9,
    "mgrs:utm_zone": 31,
  },
  assets: { B02: asset("B02"), scl: asset("SCL") },
};

const oddities = [
  null,
  undefined,
  0,
  -1,
  1e308,
  "",
  "\0",
  "file:///x",
  "http://[",
  [],
  {},
  [null],
  true,
  "x".repeat(5000),
];

/** A copy in which about one value in `rarity` is something odd. */
function damaged(value: unknown, rng: { int(bound: number): number }, rarity: number): unknown {
  if (rng.int(rarity) === 0) return oddities[rng.int(oddities.length)];
  if (Array.isArray(value)) return value.map((part) => damaged(part, rng, rarity));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, damaged(part, rng, rarity)]));
}

/** Nothing is there, and nothing of the network is touched. */
const nothing: typeof fetch = async () => new Response(null, { status: 404 });

describe("damaged items", () => {
  it("end in a GlofError, whatever is wrong", async () => {
    const rng = seededRng("items");
    const codes = new Set<string>();
    for (let round = 0; round < 600; round++) {
      const broken = JSON.parse(JSON.stringify(damaged(item, rng, 30)) ?? "null") as unknown;
      try {
        await openStacItem(parseStacItem(broken, "fuzz"), { http: { fetch: nothing } });
      } catch (error) {
        if (!isGlofError(error)) throw error;
        codes.add(error.code);
      }
    }
    expect([...codes].sort()).toEqual(
      expect.arrayContaining(["bad-argument", "corrupt-file", "not-found", "unsupported-format"]),
    );
  });

  it("end a search in a GlofError or leave it whole", async () => {
    const rng = seededRng("pages");
    const page = {
      type: "FeatureCollection",
      features: [item],
      links: [
        { rel: "next", href: "https://8.8.8.8/search", method: "POST", merge: true, body: { token: "x" } },
      ],
    };
    for (let round = 0; round < 300; round++) {
      const answer: typeof fetch = async () => Response.json(damaged(page, rng, 30) ?? null);
      try {
        const options = { fetch: answer, http: { retries: 0 }, maxPages: 3 };
        for await (const found of searchStac("https://8.8.8.8/", options)) expect(found.id).not.toBe("");
      } catch (error) {
        if (!isGlofError(error)) throw error;
      }
    }
  });
});
