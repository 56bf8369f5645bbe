import { mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type GlofErrorCode, isGlofError } from "@glof/core";
import { openScene, type Scene } from "@glof/sentinel2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../exit_codes.js";
import { useFolder, writeImage, writeTinyBundle } from "../testing/made_up_files.js";
import { filesOf, writeMadeUpItem, writeMadeUpSafe, zipOf } from "../testing/made_up_safe.js";
import { runGlof } from "../testing/run_glof.js";

const { path } = useFolder();
const bands = ["B02", "B03", "B04", "B08"] as const;
const images = "GRANULE/L2A_T45RVL_A042640_20230821T045944/IMG_DATA";
let server: Server;
let address = "";

beforeAll(async () => {
  await writeTinyBundle(path("tiny.safetensors"));
  await writeImage(path("good.tif"));
  server = createServer(({ url }, response) => {
    const target = decodeURIComponent(url!.slice(1));
    if (/^(file|http|ftp):/.test(target)) response.writeHead(302, { location: target }).end();
    else if (target === "item.json") response.end(remoteItem);
    else response.writeHead(200, { "content-type": "text/html" }).end("<html>Please log in</html>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const asset = (href: string) => ({ href, type: "image/tiff; application=geotiff" });
const remoteItem = JSON.stringify({
  ...{ type: "Feature", stac_version: "1.0.0", id: "S2A_45RVL_20230821_0_L2A", collection: "sentinel-2-l2a" },
  ...{ bbox: [87, 27, 88, 28], geometry: null, links: [] },
  properties: { datetime: "2023-08-21T04:59:44Z", platform: "sentinel-2a", constellation: "sentinel-2" },
  assets: { blue: asset("file:///etc/passwd"), green: asset("http://10.0.0.1/B03.tif") },
});

/** A folder of loose bands, one of them other than the rest. */
async function bandFolder(name: string, odd: Parameters<typeof writeImage>[1]): Promise<string> {
  await mkdir(path(name), { recursive: true });
  for (const band of bands) {
    await writeImage(path(name, `${band}.tif`), { bandNames: [band], ...(band === "B03" && odd) });
  }
  return path(name);
}

/** A product with files left out. */
async function safeWithout(name: string, ...without: readonly string[]): Promise<string> {
  await mkdir(path(name), { recursive: true });
  return writeMadeUpSafe(path(name), { without });
}

/** A product in a zip, changed on the way. */
async function zipWith(name: string, change: (files: Map<string, Uint8Array>) => void): Promise<string> {
  const files = await filesOf(await safeWithout(`${name} files`));
  change(files);
  await writeFile(path(`${name}.zip`), zipOf(files));
  return path(`${name}.zip`);
}

/** A TIFF header of one strip or one tile that claims 100 000 x 100 000 pixels of 16 bits, and a kilobyte behind it. */
async function vastTiff(name: string, tiled: boolean): Promise<string> {
  const layout = tiled ? [322, 323, 324, 325] : [278, 273, 279];
  const sizes = tiled ? [512, 512, 500, 500] : [100_000, 500, 500];
  const tags: [number, number][] = [
    [256, 100_000],
    [257, 100_000],
    [258, 16],
    [259, 1],
    [262, 1],
    [277, 1],
    ...layout.map((tag, index): [number, number] => [tag, sizes[index]!]),
  ];
  tags.sort((a, b) => a[0] - b[0]);
  const bytes = Buffer.alloc(1500);
  bytes.write("II*\0\x08\0\0\0", "latin1");
  bytes.writeUInt16LE(tags.length, 8);
  tags.forEach(([tag, value], index) => {
    bytes.writeUInt16LE(tag, 10 + 12 * index);
    bytes.writeUInt16LE(4, 12 + 12 * index);
    bytes.writeUInt32LE(1, 14 + 12 * index);
    bytes.writeUInt32LE(value, 18 + 12 * index);
  });
  await writeFile(path(name), bytes);
  return path(name);
}

/** A JPEG 2000 codestream of one tile that claims as much. */
async function vastJp2(): Promise<string> {
  const bytes = Buffer.alloc(1100);
  bytes.writeUInt32BE(0xff4fff51, 0);
  bytes.writeUInt16BE(41, 4);
  const sizes = [100_000, 100_000, 0, 0, 100_000, 100_000, 0, 0];
  for (const [at, size] of sizes.entries()) bytes.writeUInt32BE(size, 8 + 4 * at);
  bytes.writeUInt16BE(1, 40);
  bytes.set([15, 1, 1], 42);
  await mkdir(path("vast jp2"));
  await writeFile(path("vast jp2", "B02.jp2"), bytes);
  return path("vast jp2");
}

type Case = readonly [what: string, codes: readonly GlofErrorCode[], make: () => Promise<string>];

const cases: readonly Case[] = [
  ["bands in two CRSs", ["grid-mismatch"], () => bandFolder("two crs", { epsg: 32646 })],
  [
    "pixels that fit no others",
    ["grid-mismatch"],
    () => bandFolder("seven", { geoTransform: [483_000, 7, 0, 3_095_000, 0, -7] }),
  ],
  [
    "bands of two places",
    ["grid-mismatch"],
    () => bandFolder("moved", { geoTransform: [493_000, 10, 0, 3_095_000, 0, -10] }),
  ],
  ["bands without a CRS", ["missing-crs", "grid-mismatch"], () => bandFolder("none", { epsg: undefined })],
  ["no metadata of the product", ["corrupt-file"], () => safeWithout("no product", "MTD_MSIL2A.xml")],
  ["no images", ["missing-band", "corrupt-file"], () => safeWithout("no images", ".tif")],
  [
    "half an image",
    ["corrupt-file"],
    async () => {
      const safe = await safeWithout("half");
      const image = `${safe}/${images}/R10m/T45RVL_20230821T045131_B03_10m.tif`;
      await truncate(image, (await readFile(image)).length / 2);
      return safe;
    },
  ],
  [
    "metadata cut off",
    ["corrupt-file"],
    async () => {
      const safe = await safeWithout("cut");
      await truncate(`${safe}/MTD_MSIL2A.xml`, 500);
      return safe;
    },
  ],
  [
    "a zip of something else",
    ["unsupported-format"],
    () => zipWith("other", (files) => keepOnly(files, "x.txt")),
  ],
  [
    "a zip with half a product",
    ["corrupt-file"],
    () => zipWith("half", (files) => drop(files, "MTD_MSIL2A.xml")),
  ],
  [
    "a zip with ../",
    ["corrupt-file"],
    () => zipWith("up", (files) => files.set("../../x", new Uint8Array(1))),
  ],
  [
    "a zip with /etc",
    ["corrupt-file"],
    () => zipWith("root", (files) => files.set("/etc/x", new Uint8Array(1))),
  ],
  [
    "a zip with a link",
    ["unsupported-feature"],
    async () => {
      const zip = await zipWith("link", (files) => files.set("a link", Buffer.from("/etc/passwd")));
      const bytes = await readFile(zip);
      // The Unix mode of the last entry of the directory.
      bytes.writeUInt16LE(0o120777, bytes.lastIndexOf("PK\x01\x02", undefined, "latin1") + 40);
      await writeFile(zip, bytes);
      return zip;
    },
  ],
  [
    "a zip cut off",
    ["corrupt-file"],
    async () => {
      const zip = await zipWith("short", () => {});
      await truncate(zip, (await readFile(zip)).length - 100);
      return zip;
    },
  ],
  [
    "text by the name of a zip",
    ["corrupt-file", "unsupported-format"],
    () => write("text.zip", "no archive"),
  ],
  ["nothing by the name of a TIFF", ["corrupt-file", "unsupported-format"], () => write("empty.tif", "")],
  ["JSON that is no item", ["unsupported-format", "corrupt-file"], () => write("list.json", "[1, 2]")],
  [
    "an item whose files are gone",
    ["not-found"],
    async () => {
      await writeMadeUpItem(path("gone.json"), "gone.SAFE");
      return path("gone.json");
    },
  ],
  ["a strip of 100 000 x 100 000", ["limit-exceeded", "corrupt-file"], () => vastTiff("strip.tif", false)],
  ["tiles of 100 000 x 100 000", ["limit-exceeded", "corrupt-file"], () => vastTiff("tiles.tif", true)],
  ["a JP2 of 100 000 x 100 000", ["limit-exceeded", "corrupt-file"], vastJp2],
  ["no such path", ["not-found"], async () => path("nothing.tif")],
  ["an address of a file", ["bad-argument"], async () => "file:///etc/passwd"],
  ["another protocol", ["bad-argument"], async () => "ftp://example.org/a.tif"],
  [
    "a redirect to a file",
    ["bad-argument"],
    async () => `${address}/${encodeURIComponent("file:///etc/x.tif")}`,
  ],
  [
    "a redirect inside",
    ["bad-argument"],
    async () => `${address}/${encodeURIComponent("http://10.0.0.1/a.tif")}`,
  ],
  ["a page that wants a password", ["unsupported-format", "network"], async () => `${address}/a.tif`],
  ["an item from elsewhere that names a file here", ["bad-argument"], async () => `${address}/item.json`],
];

function keepOnly(files: Map<string, Uint8Array>, name: string): void {
  files.clear();
  files.set(name, new Uint8Array(3));
}

function drop(files: Map<string, Uint8Array>, ending: string): void {
  for (const name of files.keys()) if (name.endsWith(ending)) files.delete(name);
}

async function write(name: string, text: string): Promise<string> {
  await writeFile(path(name), text);
  return path(name);
}

/** Opens the scene and reads all of its first rows, so that lazy readers cannot hide. */
async function use(source: string): Promise<void> {
  const scene: Scene = await openScene(source);
  try {
    const { width } = scene.grid;
    await scene.readReflectance({ x: 0, y: 0, width, height: 1 }, scene.bands);
  } finally {
    await scene.close();
  }
}

describe("bad scenes", () => {
  it.each(cases)("%s: openScene, glof stack and glof map say so", async (_, codes, make) => {
    const source = await make();
    const error = await use(source).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeDefined();
    if (!isGlofError(error)) throw error;
    expect(codes).toContain(error.code);
    // What is wrong, then what to do.
    expect(error.message).toMatch(/: .*\. [A-Z].*\.$/s);

    const model = ["--model", path("tiny.safetensors"), "--backend", "cpu", "--jobs", "1"];
    for (const [command, out, ...flags] of [
      ["stack", "result.tif"],
      ["map", "result", ...model],
    ] as const) {
      const { code, stdout, stderr } = await runGlof(
        command,
        source,
        "--out",
        path(out),
        "--quiet",
        ...flags,
      );
      expect([EXIT.failed, EXIT.usage]).toContain(code);
      expect(stderr).toMatch(/^(glof: |error: )/m);
      expect(stderr).not.toContain("unexpected error");
      expect(stdout).toBe("");
      const left = (await readdir(path())).filter((name) => /^\.?result/.test(name));
      for (const name of left) await rm(path(name), { recursive: true });
      expect(left).toEqual([]);
    }
  });

  it("sound ones still pass", async () => {
    for (const source of [path("good.tif"), await safeWithout("sound"), await zipWith("sound", () => {})]) {
      await use(source);
    }
  });
});
