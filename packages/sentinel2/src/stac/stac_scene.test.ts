import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGlofError } from "@glof/core";
import { hasShared, sharedPath } from "@glof/test-kit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openScene } from "../open_scene.js";
import type { OpenSceneOptions } from "../scene_door.js";
import type { BandName } from "../types.js";
import { openStacItem } from "./open_stac_item.js";
import { parseStacItem, type StacItem } from "./stac_item.js";
import { extentM, serve, type TestServer, testCog } from "./test_catalogue.js";

const shared = "data/safe_stac/stac";
const files = new Map<string, Uint8Array>();
const pages = new Map<string, string>();
let server: TestServer;
const whole = { x: 0, y: 0, width: extentM.x / 10, height: extentM.y / 10 };

/** Digital number that band `code` of the test files holds at a pixel. */
const dnOf = (code: string, row: number, col: number): number =>
  2000 + 100 * (code.charCodeAt(2) % 16) + row + 10 * col;
const metresOf = (code: string): number => (/B0[2348]/.test(code) ? 10 : /B01|B09/.test(code) ? 60 : 20);

beforeAll(async () => {
  for (const code of ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"]) {
    files.set(code, await testCog({ pixelM: metresOf(code), value: (row, col) => dnOf(code, row, col) }));
  }
  files.set("SCL", await testCog({ pixelM: 20, dtype: "uint8", value: (_, col) => (col < 2 ? 9 : 6) }));
  server = await serve((path) => {
    const code = /(?:^|[/_])(B\d[\dA]|SCL)(?:_\d+m)?\.tif$/.exec(path)?.[1];
    return (code && files.get(code)) ?? files.get(path) ?? pages.get(path);
  });
});
afterAll(() => server.close());

/** An item of a catalogue with its addresses on the test server. */
const localised = (json: string): string =>
  json.replaceAll(/https:\/\/(?:sentinel-cogs|sentinel2l2a01)[\w.-]+/g, server.base);

async function openShared(name: string, options: OpenSceneOptions = {}) {
  pages.set(`/items/${name}`, localised(await readFile(sharedPath(`${shared}/${name}`), "utf8")));
  return openScene(`${server.base}/items/${name}`, { bands: ["B02", "B08", "B11"], ...options });
}

/** A minimal item of Sentinel-2. */
function madeItem(properties: object = {}, assets: object = { B02: { href: "B02.tif" } }): StacItem {
  const item = {
    type: "Feature",
    stac_version: "1.0.0",
    id: "made",
    geometry: null,
    links: [],
    properties,
    assets,
  };
  return parseStacItem(item, "test");
}

const openMade = (item: StacItem, options: OpenSceneOptions & { href?: string } = {}) =>
  openStacItem(item, { href: `${server.base}/made.json`, ...options });

describe.skipIf(!hasShared(shared))("items of real catalogues", () => {
  it.each([
    ["earthsearch_v1_item.json", "S2A_31UDQ_20230617_0_L2A", 0, "31UDQ", "05.09", 99.995255],
    ["S2A_28QCH_20200714_0_L2A.json", "S2A_28QCH_20200714_0_L2A", 0, "28QCH", "02.14", 2.36],
    [
      "S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531.json",
      "S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531",
      0,
      "06VVN",
      "02.12",
      0.314306,
    ],
  ])("%s opens as a scene", async (name, id, offsetDn, tile, baseline, cloudPercent) => {
    const scene = await openShared(name);
    expect(scene).toMatchObject({ id, level: "L2A", sensor: "sentinel-2", bands: ["B02", "B08", "B11"] });
    expect(scene.acquiredAt).toMatch(/^20(23-06-17|20-07-14|19-06-29)T/);
    expect(scene.product).toMatchObject({ tile, processingBaseline: baseline, cloudPercent });
    expect(scene.radiometry.B02).toEqual({ quantification: 10_000, offsetDn });
    expect(scene.grid.width).toBe(48);
    const { bandsRefl, validMask } = await scene.readReflectance({ x: 10, y: 4, width: 3, height: 1 }, [
      "B02",
      "B08",
    ]);
    expect(bandsRefl[0]![1]).toBeCloseTo((dnOf("B02", 4, 11) + offsetDn) / 10_000, 6);
    expect(bandsRefl[1]![2]).toBeCloseTo((dnOf("B08", 4, 12) + offsetDn) / 10_000, 6);
    expect([...validMask]).toEqual([1, 1, 1]);
    await scene.close();
  });

  it("masks by the scene classification", async () => {
    const scene = await openShared("earthsearch_v1_item.json");
    const { validMask } = await scene.readReflectance({ x: 0, y: 0, width: 6, height: 1 }, ["B02"]);
    expect([...validMask]).toEqual([0, 0, 0, 0, 1, 1]);
    expect([...(await scene.classification!.readWindow({ x: 2, y: 0, width: 3, height: 1 }))]).toEqual([
      9, 9, 6,
    ]);
    const all = await openShared("earthsearch_v1_item.json", { validity: false });
    expect((await all.readReflectance(whole, ["B02"])).validMask).not.toContain(0);
  });

  it("reads 20 m and 60 m bands on the grid asked for", async () => {
    const name = "S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531.json";
    const scene = await openShared(name, { bands: ["B03", "B8A", "B01"], resolutionM: 20 });
    expect([scene.grid.width, scene.grid.height, scene.grid.geoTransform[1]]).toEqual([24, 18, 20]);
    const { bandsRefl } = await scene.readReflectance({ x: 5, y: 7, width: 1, height: 1 }, ["B8A", "B03"]);
    expect(bandsRefl[0]![0]).toBeCloseTo(dnOf("B8A", 7, 5) / 10_000, 6);
    expect(bandsRefl[1]![0]).toBeCloseTo(dnOf("B03", 14.5, 10.5) / 10_000, 6);
  });

  it("warns that an offset in the item is not that of its files", async () => {
    const warnings: string[] = [];
    const logger = { debug() {}, info() {}, warn: (text: string) => void warnings.push(text), error() {} };
    await openShared("earthsearch_v1_item.json", { logger });
    expect(warnings.join()).toMatch(
      /states an offset of -1000 DN \(baseline 05.09\), used is 0 by the archive/,
    );
  });

  it("opens from a path, with the files beside it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "glof-stac-item-"));
    try {
      const item = JSON.parse(await readFile(sharedPath(`${shared}/earthsearch_v1_item.json`), "utf8"));
      item.assets = {
        blue: { ...item.assets.blue, href: "./B02.tif" },
        nir: { ...item.assets.nir, href: "B08.tif" },
      };
      await writeFile(join(folder, "item.json"), JSON.stringify(item));
      for (const code of ["B02", "B08"]) await writeFile(join(folder, `${code}.tif`), files.get(code)!);
      const scene = await openScene(join(folder, "item.json"));
      expect(scene.bands).toEqual(["B02", "B08"]);
      expect(scene.inputs[0]).toEqual({
        path: join(folder, "./B02.tif").replace("B02", "./B02"),
        role: "B02",
      });
      await scene.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("names the kind of a document that is no item", async () => {
    await expect(openShared("earthsearch_v1_item_collection.json")).rejects.toMatchObject({
      code: "unsupported-format",
      message: /a collection of items/,
    });
    await expect(openShared("sentinel-2-l2a.collection.json")).rejects.toMatchObject({
      code: "unsupported-format",
    });
  });
});

describe("radiometry", () => {
  const band = (extra: object) => ({ B02: { href: "B02.tif", ...extra } });
  const raster = (offset: number, scale = 0.0001) => band({ "raster:bands": [{ scale, offset }] });
  it.each<[string, object, object, OpenSceneOptions, number, number]>([
    ["an item that says nothing", {}, band({}), {}, 10_000, 0],
    ["baseline 05.09", { "s2:processing_baseline": "05.09" }, band({}), {}, 10_000, -1000],
    ["baseline 03.01", { "s2:processing_baseline": "03.01" }, raster(-0.1), {}, 10_000, 0],
    [
      "baseline 05.09 with a false offset",
      { "s2:processing_baseline": "05.09" },
      raster(0),
      {},
      10_000,
      -1000,
    ],
    [
      "Earth Search, applied",
      { "s2:processing_baseline": "05.09", "earthsearch:boa_offset_applied": true },
      raster(-0.1),
      {},
      10_000,
      0,
    ],
    [
      "Earth Search, not applied",
      { "s2:processing_baseline": "05.09", "earthsearch:boa_offset_applied": false },
      raster(0),
      {},
      10_000,
      -1000,
    ],
    [
      "Earth Search v0, applied",
      {
        "sentinel:boa_offset_applied": true,
        "sentinel:product_id": "S2A_MSIL2A_20220714T115221_N0400_R123_T28QCH_20220714T191310",
      },
      band({}),
      {},
      10_000,
      0,
    ],
    [
      "its product's name",
      { "s2:product_uri": "S2A_MSIL2A_20230617T105621_N0509_R094_T31UDQ_20230617T170054.SAFE" },
      band({}),
      {},
      10_000,
      -1000,
    ],
    ["the raster extension alone", {}, raster(-0.1), {}, 10_000, -1000],
    [
      "STAC 1.1",
      { "processing:version": "05.11" },
      band({ bands: [{ name: "B02" }], "raster:scale": 0.0001 }),
      {},
      10_000,
      -1000,
    ],
    ["another software's version", { "processing:version": "9.1.2" }, band({}), {}, 10_000, 0],
    [
      "the caller's offset",
      { "s2:processing_baseline": "05.09" },
      raster(-0.1),
      { offsetDn: 7, quantification: 5 },
      5,
      7,
    ],
    [
      "the caller's harmonised",
      { "s2:processing_baseline": "05.09" },
      raster(-0.1),
      { harmonised: true },
      10_000,
      0,
    ],
    [
      "the caller's doubt",
      { "s2:processing_baseline": "05.09", "earthsearch:boa_offset_applied": true },
      raster(-0.1),
      { harmonised: false },
      10_000,
      -1000,
    ],
  ])("of %s", async (_, properties, assets, options, quantification, offsetDn) => {
    const scene = await openMade(madeItem(properties, assets), options);
    expect(scene.radiometry.B02).toEqual({ quantification, offsetDn });
    await scene.close();
  });
});

describe("assets", () => {
  it("become bands by key, name and common name; the finest web-readable GeoTIFF wins", async () => {
    const tiff = { type: "image/tiff; application=geotiff" };
    const assets = {
      "blue-jp2": { href: "s3://bucket/B02.jp2", type: "image/jp2" },
      B02_20m: { href: "B11.tif", ...tiff, "proj:transform": [20, 0, 0, 0, -20, 0] },
      B02_10m: { href: "B02.tif", ...tiff, "proj:transform": [10, 0, 0, 0, -10, 0] },
      first: { href: "B03.tif", ...tiff, bands: [{ name: "x", "eo:common_name": "green" }] },
      second: {
        href: "s3://bucket/B04.tif",
        ...tiff,
        "eo:bands": [{ name: "B04" }],
        alternate: { https: { href: "B04.tif" } },
      },
      visual: {
        href: "TCI.tif",
        ...tiff,
        "eo:bands": [{ name: "red" }, { name: "green" }, { name: "blue" }],
      },
      preview: { href: "B08.tif", ...tiff, "eo:bands": [{ name: "nir" }], roles: ["overview"] },
      rededge: { href: "B8A.tif", ...tiff, "eo:bands": [{ name: "B8A", common_name: "rededge" }] },
    };
    const scene = await openMade(madeItem({}, assets));
    expect(scene.bands).toEqual(["B02", "B03", "B04", "B8A"]);
    expect(scene.inputs.map(({ path }) => path.split("/").at(-1))).toEqual([
      "B02.tif",
      "B03.tif",
      "B04.tif",
      "B8A.tif",
    ]);
    await scene.close();
    const coarse = await openMade(madeItem({}, assets), { bands: ["B02"], resolutionM: 20 });
    expect(coarse.inputs[0]!.path).toMatch(/B11\.tif$/);
  });

  it("are signed, and shown without the signature", async () => {
    const signed: string[] = [];
    const scene = await openMade(madeItem(), {
      sign: async (href) => {
        signed.push(href);
        return `${href}?sig=secret`;
      },
    });
    expect(signed).toEqual([`${server.base}/B02.tif`]);
    expect(server.asked.at(-1)).toBe("GET /B02.tif?sig=secret");
    expect(JSON.stringify(scene.inputs)).not.toContain("secret");
  });

  it.each<[string, string, string]>([
    ["a file", "file:///etc/passwd", "bad-argument"],
    ["another protocol", "ftp://8.8.8.8/x.tif", "bad-argument"],
    ["an address inside", "http://169.254.169.254/x.tif", "bad-argument"],
    ["a network of its own", "http://10.1.2.3/x.tif", "bad-argument"],
    ["nothing", "gone.tif", "not-found"],
  ])("of remote items may not name %s", async (_, href, code) => {
    const item = madeItem({}, { B02: { href }, B03: { href: "B03.tif" } });
    await expect(openMade(item)).rejects.toMatchObject({ code });
  });

  it("need an address where the item has none", async () => {
    await expect(openStacItem(madeItem())).rejects.toMatchObject({ code: "bad-argument" });
    const text = JSON.stringify(madeItem({}, { B02: { href: `${server.base}/B02.tif` } }));
    const scene = await openScene(new Blob([text]));
    expect(scene.bands).toEqual(["B02"]);
  });

  it("in buckets, of another sensor, or unknown to the caller are named", async () => {
    const bucket = madeItem({}, { B02: { href: "s3://bucket/B02.tif" } });
    await expect(openMade(bucket)).rejects.toMatchObject({ code: "missing-band", message: /storage bucket/ });
    await expect(openMade(madeItem({ platform: "sentinel-1a" }))).rejects.toMatchObject({
      code: "unsupported-feature",
    });
    await expect(openMade(madeItem(), { bands: ["B99"] })).rejects.toMatchObject({ code: "unknown-band" });
    await expect(openMade(madeItem(), { bands: ["B08"] })).rejects.toMatchObject({ code: "missing-band" });
  });

  it("stop to be opened when cancelled; afterwards the scene is read all the same", async () => {
    const stop = new AbortController();
    const scene = await openMade(madeItem(), { signal: stop.signal });
    stop.abort();
    expect((await scene.readReflectance(whole, ["B02"])).validMask).toContain(1);
    await expect(openMade(madeItem(), { signal: stop.signal })).rejects.toMatchObject({ code: "aborted" });
    const slow = AbortSignal.timeout(20);
    const sign = (href: string) => new Promise<string>((done) => setTimeout(done, 50, href));
    await expect(openMade(madeItem(), { signal: slow, sign })).rejects.toMatchObject({ code: "aborted" });
  });

  it("on grids that do not fit are refused", async () => {
    files.set("/far.tif", await testCog({ pixelM: 10, epsg: 32632, value: () => 1 }));
    const item = madeItem({}, { B02: { href: "B02.tif" }, B03: { href: "far.tif" } });
    await expect(openMade(item)).rejects.toMatchObject({ code: "grid-mismatch" });
  });
});

describe("Landsat", () => {
  const scale = { "raster:bands": [{ nodata: 0, scale: 0.000_027_5, offset: -0.2 }] };
  const tiff = { type: "image/vnd.stac.geotiff; cloud-optimized=true" };
  const landsat = (properties: object, keys: Readonly<Record<string, string>>): StacItem => {
    const assets = Object.fromEntries(
      Object.entries(keys).map(([key, name]) => [
        key,
        {
          href: `${name}.tif`,
          ...tiff,
          ...(key === "qa_pixel"
            ? {}
            : { ...scale, "eo:bands": [{ name: `OLI_${name}`, common_name: key }] }),
        },
      ]),
    );
    return {
      ...madeItem(properties, assets),
      id: "LC09_L2SP_146039_20230101_02_T1",
      collection: "landsat-c2-l2",
    };
  };
  beforeAll(async () => {
    for (const [index, name] of ["L2", "L3", "L5", "L6"].entries()) {
      files.set(
        `/${name}.tif`,
        await testCog({ pixelM: 30, value: (row, col) => (col === 15 ? 0 : 8000 + index + row) }),
      );
    }
    const bits = [1, 1 << 3, 1 << 2, 1 << 1, 1 << 4, 1 << 5, (1 << 6) | (1 << 7), 1 << 6];
    files.set("/QA.tif", await testCog({ pixelM: 30, value: (_, col) => bits[col] ?? 1 << 6 }));
  });

  it("Collection 2 Level-2 has the same names, its own numbers and classes", async () => {
    const keys = { blue: "L2", green: "L3", nir08: "L5", swir16: "L6", qa_pixel: "QA" };
    const properties = {
      platform: "LANDSAT_9",
      "eo:cloud_cover": 3,
      "landsat:correction": "L2SP",
      "landsat:wrs_path": "146",
      "landsat:wrs_row": "039",
    };
    const scene = await openMade(landsat(properties, keys));
    expect(scene).toMatchObject({ sensor: "landsat", level: "L2A", bands: ["B02", "B03", "B08", "B11"] });
    expect(scene.product).toMatchObject({ tile: "146/039", cloudPercent: 3 });
    const row = { x: 0, y: 2, width: 16, height: 1 };
    const { bandsRefl, validMask } = await scene.readReflectance(row, ["B08"] as BandName[]);
    expect(bandsRefl[0]![8]).toBeCloseTo(8004 * 0.000_027_5 - 0.2, 6);
    expect([...validMask]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
    expect([...(await scene.classification!.readWindow(row))].slice(0, 8)).toEqual([
      0, 9, 10, 8, 3, 11, 6, 7,
    ]);
  });

  it("Level-1 is refused", async () => {
    const item = landsat({ platform: "landsat-8", "landsat:correction": "L1TP" }, { blue: "L2" });
    await expect(openMade(item)).rejects.toMatchObject({ code: "unsupported-feature", message: /Level-2/ });
  });
});

describe("documents", () => {
  it.each<[string, string, string]>([
    ["no JSON", "<html>", "network"],
    ["a list", "[]", "unsupported-format"],
    ["no id", JSON.stringify({ ...madeItem(), id: 3 }), "corrupt-file"],
    ["no assets", JSON.stringify({ ...madeItem(), assets: [] }), "corrupt-file"],
    ["an asset without href", JSON.stringify({ ...madeItem(), assets: { B02: {} } }), "corrupt-file"],
    ["bad links", JSON.stringify({ ...madeItem(), links: [1] }), "corrupt-file"],
  ])("with %s are refused", async (_, text, code) => {
    pages.set("/bad.json", text);
    const http = { backoffMs: 1 };
    const failure = await openScene(`${server.base}/bad.json`, { http }).catch((error: unknown) => error);
    expect(isGlofError(failure, code as "network")).toBe(true);
  });
});
