import { join } from "node:path";
import { parseJson } from "../../../packages/core/src/index.js";
import { openScene, parseStacItem, searchStac } from "../../../packages/sentinel2/src/index.js";
import { parseProductMetadata } from "../../../packages/sentinel2/src/safe/product_metadata.js";
import { testSafeFiles } from "../../../packages/sentinel2/src/safe/test_safe.js";
import { testZip } from "../../../packages/sentinel2/src/safe/test_zip.js";
import { parseTileMetadata } from "../../../packages/sentinel2/src/safe/tile_metadata.js";
import { openStacItem } from "../../../packages/sentinel2/src/stac/open_stac_item.js";
import { testTiff } from "../../../packages/sentinel2/src/test_tiff.js";
import { type FuzzTarget, type InputFiles, oneFile, onlyBytes, onlyText } from "../fuzz_target.js";
import { readSceneCorners } from "../read_everything.js";
import { sharedFiles } from "../seed_files.js";
import { writeFiles } from "./rasters.js";

const pixels = (count: number): Uint16Array =>
  Uint16Array.from({ length: count }, (_, at) => 700 + ((at * 37) % 900));

const product = (level: "L1C" | "L2A"): { name: string; files: InputFiles } =>
  testSafeFiles({
    level,
    offsetsDn: { B02: -1000, B03: -1000 },
    images:
      level === "L2A"
        ? {
            "R10m/B02_10m": { bands: [pixels(144)] },
            "R10m/B03_10m": { bands: [pixels(144)] },
            "R20m/SCL_20m": { bands: [new Uint8Array(36).fill(4)], type: "uint8" },
          }
        : { B02: { bands: [pixels(144)] }, B03: { bands: [pixels(144)] } },
  });

async function productSeeds(): Promise<InputFiles[]> {
  return (["L1C", "L2A"] as const).map((level) => {
    const { name, files } = product(level);
    return new Map([...files].map(([path, content]) => [`${name}/${path}`, content]));
  });
}

const parentOf = (files: InputFiles): string => [...files.keys()][0]?.split("/")[0] ?? "x.SAFE";

async function metadataSeeds(): Promise<InputFiles[]> {
  const own = (await productSeeds()).flatMap((files) =>
    [...files]
      .filter(([path]) => path.endsWith(".xml"))
      .map(([path, content]) => oneFile(path.replace(/^.*\//, ""), content)),
  );
  return [...own, ...sharedFiles("data/safe_stac", /MTD_.*\.xml$/)];
}

const stack = testTiff({
  width: 12,
  height: 12,
  bands: [pixels(144), pixels(144), pixels(144), pixels(144)],
  names: ["B02", "B03", "B04", "B08"],
});

/** A server that has the same image behind every address. */
const imageServer: typeof fetch = async () => {
  const image = testTiff({ width: 12, height: 12, bands: [pixels(144)] });
  return new Response(image, {
    status: 206,
    headers: { "content-range": `bytes 0-${image.byteLength - 1}/${image.byteLength}` },
  });
};

const asset = (name: string): Record<string, unknown> => ({
  href: `https://8.8.8.8/${name}.tif`,
  type: "image/tiff; application=geotiff",
  "eo:bands": [{ name, common_name: "blue" }],
  "raster:bands": [{ scale: 0.0001, offset: -0.1, nodata: 0 }],
  "proj:transform": [10, 0, 500_000, 0, -10, 3_100_000],
});
const item = {
  type: "Feature",
  stac_version: "1.0.0",
  id: "S2A_45RVL_20230617_0_L2A",
  collection: "sentinel-2-l2a",
  bbox: [1, 2, 3, 4],
  geometry: { type: "Point", coordinates: [1, 2] },
  links: [{ rel: "self", href: "https://8.8.8.8/items/a" }],
  properties: {
    datetime: "2023-06-17T11:07:28Z",
    platform: "sentinel-2a",
    "eo:cloud_cover": 9,
    "mgrs:utm_zone": 45,
  },
  assets: { B02: asset("B02"), B03: asset("B03"), scl: asset("SCL") },
};

async function readItem(files: InputFiles): Promise<void> {
  let json: unknown;
  try {
    json = parseJson(onlyText(files));
  } catch {
    return;
  }
  // Allowed private hosts: no name is looked up then, which takes long where there is no network.
  const http = { fetch: imageServer, retries: 0, timeoutMs: 1000, allowPrivateHosts: true };
  await readSceneCorners(await openStacItem(parseStacItem(json, "fuzz"), { http }));
}

const search = {
  type: "FeatureCollection",
  features: [item],
  links: [{ rel: "next", href: "https://8.8.8.8/search", method: "POST", merge: true, body: { token: "x" } }],
};

async function readSearch(files: InputFiles): Promise<void> {
  const answer: typeof fetch = async () => new Response(onlyBytes(files), { status: 200 });
  const found = searchStac("https://8.8.8.8/", {
    fetch: answer,
    http: { retries: 0, allowPrivateHosts: true },
    maxPages: 3,
  });
  for await (const one of found) if (typeof one.id !== "string") throw new Error("an item without an id");
}

/** Doors of scenes. */
export const sceneTargets: Readonly<Record<string, FuzzTarget>> = {
  "safe-xml": {
    about: "metadata of SAFE products, of ESA's too",
    seeds: metadataSeeds,
    run: async (files) => {
      const [name] = [...files.keys()];
      if (name!.includes("MTD_TL")) parseTileMetadata(onlyText(files), name!);
      else parseProductMetadata(onlyText(files), name!);
    },
  },
  safe: {
    about: "SAFE folders: files missing, exchanged and damaged",
    seeds: productSeeds,
    run: async (files, makeFolder) => {
      const folder = await makeFolder();
      await writeFiles(files, folder);
      await readSceneCorners(await openScene(join(folder, parentOf(files))));
    },
  },
  "safe-zip": {
    about: "SAFE products in a zip",
    seeds: async () =>
      (await productSeeds()).map((files) => oneFile("product.zip", testZip(files, { packed: true }))),
    run: async (files) => readSceneCorners(await openScene(onlyBytes(files).buffer, { name: "product.zip" })),
  },
  stac: {
    about: "STAC items, with assets behind them",
    seeds: async () => [
      oneFile("item.json", JSON.stringify(item)),
      ...sharedFiles("data/safe_stac/stac", /\.json$/, 30_000),
    ],
    run: readItem,
  },
  "stac-search": {
    about: "pages of a STAC search",
    seeds: async () => [oneFile("page.json", JSON.stringify(search))],
    run: readSearch,
  },
  stack: {
    about: "multi-band GeoTIFFs as scenes",
    seeds: async () => [oneFile("stack.tif", new Uint8Array(stack))],
    run: async (files) => readSceneCorners(await openScene(onlyBytes(files).buffer, { name: "stack.tif" })),
  },
};
