import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { GlofError } from "@glof/core";
import type { ByteSource } from "@glof/core/bytes";
import { describe, expect, it } from "vitest";
import { directoryBytes, formatDirectory, type TiffField } from "../cog/tiff_directory.js";
import { hasGdal, runGdal } from "../test_support/gdal.js";
import { useTemporaryFolder } from "../test_support/temporary_folder.js";
import { openRaster } from "./open_raster.js";
import { readReduced } from "./read_reduced.js";

const folder = useTemporaryFolder();

interface Page {
  readonly width: number;
  readonly height: number;
  readonly bits: 1 | 8;
  readonly pixels: Uint8Array;
  readonly fields?: readonly TiffField[];
}

/** An uncompressed TIFF of one strip per page. */
function tiffOf(pages: readonly Page[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [Uint8Array.of(0x49, 0x49, 42, 0, 0, 0, 0, 0)];
  let end = 8;
  const starts: number[] = [];
  const formatted = pages.map(({ width, height, bits, pixels, fields = [] }, index) => {
    const own: TiffField[] = [
      { tag: 256, type: "long", values: [width] },
      { tag: 257, type: "long", values: [height] },
      { tag: 258, type: "short", values: [bits] },
      { tag: 259, type: "short", values: [1] },
      { tag: 273, type: "offset", values: [end] },
      { tag: 277, type: "short", values: [1] },
      { tag: 278, type: "long", values: [height] },
      { tag: 279, type: "long", values: [pixels.length] },
      ...(fields.some(({ tag }) => tag === 262) ? [] : [{ tag: 262, type: "short", values: [1] } as const]),
      ...fields,
    ];
    starts[index] = end + pixels.length;
    end = starts[index]! + directoryBytes(own, false);
    return own;
  });
  pages.forEach(({ pixels }, index) => {
    parts.push(pixels, formatDirectory(formatted[index]!, false, starts[index]!, starts[index + 1] ?? 0));
  });
  const whole = new Uint8Array(Buffer.concat(parts));
  new DataView(whole.buffer).setUint32(4, starts[0]!, true);
  return whole;
}

const geoKeys = (rasterType: 1 | 2): TiffField => ({
  tag: 34735,
  type: "short",
  values: [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, rasterType, 3072, 0, 1, 32645],
});
const ramp = (width: number, height: number): Uint8Array =>
  Uint8Array.from({ length: width * height }, (_, index) => index % 251);

const pointFile = tiffOf([
  {
    ...{ width: 8, height: 8, bits: 8, pixels: ramp(8, 8) },
    fields: [
      { tag: 33550, type: "double", values: [10, 20, 0] },
      { tag: 33922, type: "double", values: [2, 1, 0, 500_000, 3_000_000, 0] },
      geoKeys(2),
    ],
  },
]);
const controlPoints = [
  0, 0, 0, 500_000, 3_000_000, 0, 8, 0, 0, 500_080, 3_000_010, 0, 8, 8, 0, 500_090, 2_999_920, 0,
];
const gcpFile = tiffOf([
  {
    ...{ width: 8, height: 8, bits: 8, pixels: ramp(8, 8) },
    fields: [{ tag: 33922, type: "double", values: controlPoints }, geoKeys(1)],
  },
]);
const maskBits = Uint8Array.of(0xff, 0x80, 0xf0, 0x00, 0x01, 0xff, 0xff, 0x7f, 0xff, 0xff);
const maskedFile = tiffOf([
  { width: 10, height: 5, bits: 8, pixels: ramp(10, 5) },
  {
    ...{ width: 10, height: 5, bits: 1, pixels: maskBits },
    fields: [
      { tag: 254, type: "long", values: [4] },
      { tag: 262, type: "short", values: [4] },
    ],
  },
]);

describe("georeference", () => {
  it("moves pixels named by their centres by half of one", async () => {
    const { grid } = await openRaster(pointFile.buffer);
    expect(grid.geoTransform).toEqual([499_975, 10, 0, 3_000_030, 0, -20]);
  });

  it("has no transform where there are control points only, and says which CRS", async () => {
    const raster = await openRaster(gcpFile.buffer);
    expect(raster.grid.geoTransform).toEqual([0, 1, 0, 0, 0, 1]);
    expect(raster.grid.crs?.epsg).toBe(32645);
    expect((await raster.readWindow({ x: 1, y: 1, width: 2, height: 1 }))[0]).toEqual(Uint8Array.of(9, 10));
  });
});

describe("mask", () => {
  it("of one bit per pixel is read as 0 and 255", async () => {
    const raster = await openRaster(maskedFile.buffer);
    const window = { x: 0, y: 0, width: 10, height: 5 };
    const [mask] = await raster.mask!.readWindow(window);
    const expected = Array.from({ length: 50 }, (_, pixel) => {
      const [row, col] = [Math.floor(pixel / 10), pixel % 10];
      return (maskBits[2 * row + (col >> 3)]! >> (7 - (col & 7))) & 1 ? 255 : 0;
    });
    expect([...mask!]).toEqual(expected);
    expect(raster.overviews).toEqual([]);
  });
});

describe.skipIf(!hasGdal("odd TIFFs against GDAL"))("GDAL", () => {
  it("reads them the same", async () => {
    const files = { point: pointFile, gcp: gcpFile, mask: maskedFile };
    for (const [name, bytes] of Object.entries(files)) await writeFile(folder.at(`${name}.tif`), bytes);
    const facts = runGdal<unknown>(
      `
p, g, m = [gdal.Open(args + "/" + name + ".tif") for name in ("point", "gcp", "mask")]
print(json.dumps([p.GetGeoTransform(), g.GetGCPCount(), m.GetRasterBand(1).GetMaskFlags(), list(m.GetRasterBand(1).GetMaskBand().ReadRaster())]))`,
      folder.at("."),
    );
    const mask = await (await openRaster(maskedFile.buffer)).mask!.readWindow({
      x: 0,
      y: 0,
      width: 10,
      height: 5,
    });
    expect(facts).toEqual([[499_975, 10, 0, 3_000_030, 0, -20], 3, 2, [...mask[0]!]]);
  });
});

/** A square of one value, without overviews, with pixels of 1. */
async function writePlain(path: string, side: number, value: number): Promise<void> {
  const place: TiffField[] = [
    { tag: 33550, type: "double", values: [1, 1, 0] },
    { tag: 33922, type: "double", values: [0, 0, 0, 0, side, 0] },
  ];
  const pixels = new Uint8Array(side * side).fill(value);
  await writeFile(path, tiffOf([{ width: side, height: side, bits: 8, pixels, fields: place }]));
}

describe("overviews beside the file", () => {
  it("are found by path, file address and web address, and used", async () => {
    const path = folder.at("beside.tif");
    await writePlain(path, 600, 1);
    expect((await openRaster(path)).overviews).toEqual([]);
    await writePlain(`${path}.ovr`, 300, 2);
    const asked: string[] = [];
    const server = createServer(async (request, response) => {
      asked.push(request.url ?? "");
      const file = /^\/(beside\.tif(\.ovr)?)\?key=1$/.exec(request.url ?? "")?.[1];
      if (file === undefined) return void response.writeHead(404).end();
      const bytes = await readFile(folder.at(file));
      const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
      const part = bytes.subarray(Number(first), Math.min(Number(last) + 1, bytes.length));
      const range = `bytes ${first}-${Number(first) + part.length - 1}/${bytes.length}`;
      response.writeHead(206, { "content-range": range, "content-length": part.length }).end(part);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/beside.tif?key=1`;
    const http = { allowPrivateHosts: true };
    try {
      for (const source of [path, pathToFileURL(path), address]) {
        const raster = await openRaster(source, { http });
        expect(raster.overviews!.map(({ grid }) => [grid.width, grid.geoTransform[1]])).toEqual([[300, 2]]);
        const [reduced] = await readReduced(raster, { x: 0, y: 0, width: 600, height: 600 }, [300, 300]);
        expect(new Set(reduced)).toEqual(new Set([2]));
        await raster.close();
      }
      const without = await openRaster(path, { siblings: false });
      expect(without.overviews).toEqual([]);
      expect(asked.some((url) => url.includes(".ovr?key=1"))).toBe(true);
    } finally {
      server.close();
    }
  });

  it("are passed over when they do not fit or are no TIFF", async () => {
    const path = folder.at("misfit.tif");
    await writePlain(path, 100, 1);
    await writePlain(`${path}.ovr`, 200, 2);
    expect((await openRaster(path)).overviews).toEqual([]);
    await writeFile(`${path}.ovr`, "nothing of the kind");
    expect((await openRaster(path)).overviews).toEqual([]);
  });
});

describe("readers of one block", () => {
  it("do not fail when another gives up", async () => {
    const bytes = tiffOf([{ width: 8, height: 8, bits: 8, pixels: ramp(8, 8) }]);
    let isSlow = false;
    const source: ByteSource = {
      name: "slow.tif",
      size: bytes.length,
      read: (offset, length, signal) =>
        new Promise((resolve, reject) => {
          const give = (): void => resolve(bytes.slice(offset, offset + length));
          if (!isSlow) return give();
          setTimeout(give, 30);
          signal?.addEventListener("abort", () => reject(new GlofError("aborted", "slow.tif: aborted")));
        }),
      close: async () => {},
    };
    const raster = await openRaster(source);
    isSlow = true;
    const window = { x: 0, y: 0, width: 2, height: 1 };
    const impatient = new AbortController();
    const first = raster.readWindow(window, { signal: impatient.signal });
    const second = raster.readWindow(window);
    const third = raster.readWindow(window, { signal: new AbortController().signal });
    setTimeout(() => impatient.abort(), 5);
    await expect(first).rejects.toMatchObject({ code: "aborted" });
    expect(await second).toEqual([Uint8Array.of(0, 1)]);
    expect(await third).toEqual([Uint8Array.of(0, 1)]);
  });
});

describe("overviews that are mixtures", () => {
  it("are not for classes", async () => {
    const grid = { width: 4, height: 4, geoTransform: [0, 1, 0, 4, 0, -1], crs: undefined } as const;
    const band = { name: undefined, dtype: "uint8", nodata: undefined, scale: 1, offset: 0 } as const;
    const level = (side: number, value: number) => ({
      ...{ name: "classes", bands: [band], blockSize: [side, side] as const },
      grid: { ...grid, width: side, height: side },
      readWindow: async ({ width, height }: { width: number; height: number }) => [
        new Uint8Array(width * height).fill(value),
      ],
      close: async () => {},
    });
    const plain = { ...level(4, 6), overviews: [level(2, 5)] };
    const mixed = { ...plain, overviewKind: "averaged" } as const;
    const window = { x: 0, y: 0, width: 4, height: 4 };
    const read = async (source: typeof plain, resampling: "nearest" | "average") =>
      (await readReduced(source, window, [2, 2], { resampling }))[0]![0];
    expect(await read(plain, "nearest")).toBe(5);
    expect(await read(mixed, "nearest")).toBe(6);
    expect(await read(mixed, "average")).toBe(5);
  });
});
