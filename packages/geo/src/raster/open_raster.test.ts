import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import { isGlofError, seededRng } from "@glof/core";
import { hasShared, sharedPath } from "@glof/test-kit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { beginCog } from "../cog/begin_cog.js";
import { crsFromEpsg } from "../crs/crs.js";
import { hasGdal, runGdal } from "../test_support/gdal.js";
import { useTemporaryFolder } from "../test_support/temporary_folder.js";
import type { RasterArray } from "../types.js";
import { openRaster } from "./open_raster.js";

const folder = useTemporaryFolder();
const [width, height] = [150, 90];
const bands = [1, 2].map((factor) =>
  Uint16Array.from({ length: width * height }, (_, index) => (index * factor) % 50_021),
);
let path = "";
let bytes: Uint8Array<ArrayBuffer>;

beforeAll(async () => {
  path = folder.at("scene.tif");
  const grid = { width, height, geoTransform: [5e5, 10, 0, 3e6, 0, -10], crs: crsFromEpsg(32645) } as const;
  const writer = await beginCog(path, {
    grid,
    dtype: "uint16",
    bandNames: ["B02", "B03"],
    blockSize: 64,
    overviews: "average",
  });
  await writer.writeRows(bands, height);
  await writer.close();
  bytes = new Uint8Array(await readFile(path));
});

/** A window cut from the arrays that were written. */
const cut = (band: Uint16Array, x: number, y: number, w: number, h: number): Uint16Array =>
  Uint16Array.from(
    { length: w * h },
    (_, index) => band[(y + Math.floor(index / w)) * width + x + (index % w)]!,
  );

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "no error",
    (error: unknown) => (isGlofError(error) ? error.code : `not a GlofError: ${error}`),
  );

async function readAll(source: string | ArrayBuffer): Promise<RasterArray[]> {
  const raster = await openRaster(source);
  try {
    return await raster.readWindow({ x: 0, y: 0, width: raster.grid.width, height: raster.grid.height });
  } finally {
    await raster.close();
  }
}

describe("readWindow", () => {
  it.each(["path", "file URL", "Blob", "ArrayBuffer"])("reads any window from a %s", async (kind) => {
    const sources = {
      path,
      "file URL": pathToFileURL(path),
      Blob: new Blob([bytes]),
      ArrayBuffer: bytes.buffer,
    };
    const raster = await openRaster(sources[kind as keyof typeof sources]);
    const rng = seededRng(kind);
    for (let trial = 0; trial < 20; trial++) {
      const [x, y] = [rng.int(width), rng.int(height)];
      const [w, h] = [1 + rng.int(width - x), 1 + rng.int(height - y)];
      const [second, first] = await raster.readWindow({ x, y, width: w, height: h }, { bands: [1, 0] });
      expect(first).toEqual(cut(bands[0]!, x, y, w, h));
      expect(second).toEqual(cut(bands[1]!, x, y, w, h));
    }
    await raster.close();
  });

  it("refuses windows and bands that are not there, and stops when told to", async () => {
    const raster = await openRaster(path, { name: "scene" });
    expect(raster.name).toBe("scene");
    const whole = { x: 0, y: 0, width, height };
    for (const change of [
      { x: -1 },
      { width: width + 1 },
      { height: 0 },
      { y: 0.5 },
      { width: Number.NaN },
    ]) {
      expect(await codeOf(raster.readWindow({ ...whole, ...change }))).toBe("bad-argument");
    }
    expect(await codeOf(raster.readWindow(whole, { bands: [2] }))).toBe("bad-argument");
    expect(await codeOf(raster.readWindow(whole, { signal: AbortSignal.abort() }))).toBe("aborted");
    await raster.close();
  });

  it("reads right with a cache too small for one block", async () => {
    const raster = await openRaster(path, { cacheBytes: 0 });
    expect(await raster.readWindow({ x: 0, y: 0, width, height })).toEqual(bands);
    await raster.close();
  });
});

describe("bad files", () => {
  it("names what is no TIFF, absent, empty or a folder", async () => {
    await writeFile(folder.at("text.tif"), "This is text, and long enough to look at.");
    await writeFile(folder.at("empty.tif"), "");
    expect(await codeOf(openRaster(folder.at("text.tif")))).toBe("unsupported-format");
    expect(await codeOf(openRaster(folder.at("empty.tif")))).toBe("unsupported-format");
    expect(await codeOf(openRaster(folder.at("absent.tif")))).toBe("not-found");
    expect(await codeOf(openRaster(folder.at(".")))).toBe("io");
    expect(await codeOf(openRaster(new URL("ftp://example.org/x.tif")))).toBe("bad-argument");
  });

  it("finds a truncated file when it is opened, wherever it was cut", async () => {
    // The last four bytes repeat others for GDAL's sake; pixels end before them.
    for (let length = bytes.length - 5; length > 20; length -= 377) {
      expect(await codeOf(openRaster(bytes.slice(0, length).buffer)), `${length} bytes`).toBe("corrupt-file");
    }
  });

  it("refuses absurd sizes at once", async () => {
    const claim = (changes: Record<number, number>): ArrayBuffer => {
      const view = new DataView(bytes.slice().buffer);
      const directory = view.getUint32(4, true);
      for (let entry = 0; entry < view.getUint16(directory, true); entry++) {
        const at = directory + 2 + 12 * entry;
        const value = changes[view.getUint16(at, true)];
        if (value !== undefined) view.setUint32(at + 8, value, true);
      }
      return view.buffer as ArrayBuffer;
    };
    expect(await codeOf(openRaster(claim({ 256: 100_000, 257: 100_000 })))).toBe("corrupt-file");
    expect(await codeOf(openRaster(claim({ 256: 4e9, 257: 4e9 })))).toBe("limit-exceeded");
    expect(await codeOf(openRaster(claim({ 256: 0 })))).toBe("corrupt-file");
    expect(await codeOf(openRaster(claim({ 256: 40_000, 257: 40_000, 322: 40_000, 323: 40_000 })))).toBe(
      "limit-exceeded",
    );
    // Blocks that would have to decode to more than DEFLATE can give.
    const bomb = await openRaster(claim({ 256: 8_000, 257: 8_000, 322: 8_000, 323: 8_000 }));
    expect(await codeOf(bomb.readWindow({ x: 0, y: 0, width: 1, height: 1 }))).toBe("corrupt-file");
  });

  it("never crashes or hangs on broken bytes", async () => {
    const rng = seededRng("broken");
    const codes = new Set<string>();
    for (let trial = 0; trial < 400; trial++) {
      const broken = bytes.slice();
      // Mostly in the header and index, where damage is worst.
      const reach = trial % 2 === 0 ? 900 : broken.length;
      for (let change = 0; change < 1 + rng.int(4); change++) broken[rng.int(reach)] = rng.int(256);
      codes.add(await codeOf(readAll(broken.buffer)));
    }
    for (const code of codes) {
      expect(code).toMatch(
        /^(no error|corrupt-file|unsupported-format|unsupported-feature|limit-exceeded|bad-argument)$/,
      );
    }
    expect(codes.size).toBeGreaterThan(3);
  });
});

describe("over HTTP", () => {
  let server: Server;
  let address = "";
  let requests = 0;
  beforeAll(async () => {
    server = createServer((request, response) => {
      requests++;
      const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "");
      if (request.url === "/absent.tif") return response.writeHead(404).end();
      if (request.url === "/whole.tif" || range === null) return response.writeHead(200).end(bytes);
      const [from, to] = [Number(range[1]), Math.min(Number(range[2]), bytes.length - 1)];
      const part = bytes.subarray(from, request.url === "/short.tif" ? to - 10 : to + 1);
      response.writeHead(206, { "content-range": `bytes ${from}-${to}/${bytes.length}` });
      return response.end(part);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it("reads by ranges, in few requests", async () => {
    requests = 0;
    const raster = await openRaster(`${address}/scene.tif`);
    expect(await raster.readWindow({ x: 3, y: 5, width: 100, height: 60 })).toEqual(
      bands.map((band) => cut(band, 3, 5, 100, 60)),
    );
    expect(requests).toBeLessThanOrEqual(Math.ceil(bytes.length / 65_536));
    await raster.close();
  });

  it("says when the server fails", async () => {
    expect(await codeOf(openRaster(`${address}/absent.tif`))).toBe("not-found");
    expect(await codeOf(openRaster(`${address}/whole.tif`))).toBe("network");
    expect(await codeOf(openRaster(`${address}/short.tif`))).toBe("network");
    expect(await codeOf(openRaster("http://127.0.0.1:1/x.tif"))).toBe("network");
  });
});

const zoo = hasShared("data/geotiff_zoo")
  ? readdirSync(sharedPath("data/geotiff_zoo"), { recursive: true, encoding: "utf8" })
      .filter((file) => /\.tiff?$/i.test(file))
      .sort()
  : [];
const zooPath = (file: string): string => sharedPath(`data/geotiff_zoo/${file}`);

describe.skipIf(zoo.length === 0)("files of other programs", () => {
  it("hold the same pixels whatever the compression", async () => {
    // The names of these files end with a hash of their pixels.
    const groups = new Map<string, Set<string>>();
    for (const file of zoo) {
      const group = /seq-(\w+-\w+).*-([0-9a-f]{8})\.tiff?$/.exec(basename(file));
      // Bilevel fax is not read, and stored values of white-is-zero pictures are left as they are.
      if (group === null || /fax3|miniswhite/.test(file)) continue;
      const hash = createHash("sha256");
      for (const band of await readAll(zooPath(file))) hash.update(new Uint8Array(band.buffer));
      const key = group[2]!;
      groups.set(key, (groups.get(key) ?? new Set()).add(hash.digest("hex")));
    }
    expect(groups.size).toBeGreaterThan(10);
    for (const [key, hashes] of groups) expect(hashes.size, key).toBe(1);
  });

  it.skipIf(!hasGdal("the GeoTIFF collection against GDAL"))(
    "read as GDAL reads them, or are refused by name",
    async () => {
      const theirs = viewsOfGdal(zoo.map(zooPath));
      const refused: string[] = [];
      for (const [index, file] of zoo.entries()) {
        const code = await codeOf(compareWithGdal(file, theirs[index]!));
        if (code !== "no error") refused.push(`${basename(file)} ${code}`);
      }
      expect(refused.sort()).toEqual([
        "corrupt.tif corrupt-file",
        "rgba8_strip.tiff unsupported-feature",
        "rgba8_tiled.tiff unsupported-feature",
        "seq-1c-1b-fax3-71f6a21a.tiff unsupported-feature",
        "seq-1c-1b-fax3-fillbits-71f6a21a.tiff unsupported-feature",
        "seq-1c-1b-fax3-lsb-71f6a21a.tiff unsupported-feature",
        "sparse.tiff unsupported-feature",
      ]);
    },
    180_000,
  );
});

interface GdalView {
  readonly sha256: string[];
  readonly transform: number[];
  readonly epsg: string | null;
  readonly names: string[];
}

/** Only the upper left part of large rasters: decoding is the same everywhere. */
const comparedPixels = 1024;

const viewsOfGdal = (paths: readonly string[]): (GdalView | null)[] =>
  runGdal(
    `
gdal.PushErrorHandler('CPLQuietErrorHandler')
out = []
for path in args['paths']:
    ds = gdal.Open(path)
    bands = [ds.GetRasterBand(i + 1) for i in range(ds.RasterCount)] if ds else []
    pixels = [b.ReadRaster(0, 0, min(b.XSize, args['size']), min(b.YSize, args['size'])) for b in bands]
    if ds is None or None in pixels: out.append(None); continue
    srs = ds.GetSpatialRef()
    out.append(dict(sha256=[hashlib.sha256(p).hexdigest() for p in pixels], transform=ds.GetGeoTransform(),
      epsg=srs.GetAuthorityCode(None) if srs else None, names=[b.GetDescription() for b in bands]))
print(json.dumps(out))
`,
    { paths, size: comparedPixels },
  );

async function compareWithGdal(file: string, view: GdalView | null): Promise<void> {
  const raster = await openRaster(zooPath(file));
  try {
    const [w, h] = [
      Math.min(raster.grid.width, comparedPixels),
      Math.min(raster.grid.height, comparedPixels),
    ];
    const pixels = await raster.readWindow({ x: 0, y: 0, width: w, height: h });
    expect(view, file).not.toBeNull();
    expect(
      raster.bands.map(({ name }) => name ?? ""),
      file,
    ).toEqual(view!.names);
    expect(raster.grid.crs?.epsg, file).toBe(view!.epsg === null ? undefined : Number(view!.epsg));
    for (const [at, value] of raster.grid.geoTransform.entries()) {
      expect(value, file).toBeCloseTo(view!.transform[at]!, 8);
    }
    // GDAL turns 8-bit CMYK into RGBA.
    if (/8b-cmyk/.test(file)) return;
    const hashes = pixels.map((band) =>
      createHash("sha256")
        .update(new Uint8Array(band.buffer, band.byteOffset, band.byteLength))
        .digest("hex"),
    );
    expect(hashes, file).toEqual(view!.sha256);
  } finally {
    await raster.close();
  }
}
