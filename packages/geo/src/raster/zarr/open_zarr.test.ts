import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";
import { isGlofError } from "@glof/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasGdal, runGdal } from "../../test_support/gdal.js";
import { useTemporaryFolder } from "../../test_support/temporary_folder.js";
import { listVariables } from "../list_variables.js";
import { openRaster } from "../open_raster.js";

const folder = useTemporaryFolder();
const wkt = 'PROJCS["WGS 84 / UTM zone 45N",AUTHORITY["EPSG","32645"]]';

async function put(root: string, key: string, content: Uint8Array | object): Promise<void> {
  const path = folder.at(`${root}/${key}`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content instanceof Uint8Array ? content : JSON.stringify(content));
}

const bytesOf = (values: Int16Array | Float64Array): Uint8Array => new Uint8Array(values.buffer);

/** Two times of 3 x 5 pixels in chunks of 1 x 2 x 5, gzipped; the last chunk of rows is half empty. */
async function writeV2(root: string): Promise<void> {
  const array = (shape: number[], chunks: number[], dtype: string, more: object = {}): object => ({
    ...{
      zarr_format: 2,
      shape,
      chunks,
      dtype,
      order: "C",
      filters: null,
      compressor: null,
      fill_value: null,
    },
    ...more,
  });
  await put(root, ".zgroup", { zarr_format: 2 });
  await put(root, "x/.zarray", array([5], [5], "<f8"));
  await put(root, "x/.zattrs", { _ARRAY_DIMENSIONS: ["x"], axis: "X" });
  await put(root, "x/0", bytesOf(Float64Array.of(5, 15, 25, 35, 45)));
  await put(root, "y/.zarray", array([3], [3], "<f8"));
  await put(root, "y/.zattrs", { _ARRAY_DIMENSIONS: ["y"], axis: "Y" });
  await put(root, "y/0", bytesOf(Float64Array.of(25, 15, 5)));
  await put(root, "spatial_ref/.zarray", array([], [], "<i4"));
  await put(root, "spatial_ref/.zattrs", { _ARRAY_DIMENSIONS: [], spatial_ref: wkt });
  const gzip = { compressor: { id: "gzip", level: 5 }, fill_value: -1 };
  await put(root, "green/.zarray", array([2, 3, 5], [1, 2, 5], "<i2", gzip));
  await put(root, "green/.zattrs", {
    ...{ _ARRAY_DIMENSIONS: ["time", "y", "x"], grid_mapping: "spatial_ref" },
    ...{ scale_factor: 0.5, add_offset: -2 },
  });
  for (let time = 0; time < 2; time++) {
    for (let row = 0; row < 2; row++) {
      // The last chunk is absent: it holds the fill value.
      if (time === 1 && row === 1) continue;
      const values = Int16Array.from({ length: 10 }, (_, at) => 1000 * time + 10 * row + at);
      await put(root, `green/${time}.${row}.0`, gzipSync(bytesOf(values)));
    }
  }
}

async function writeV3(root: string): Promise<void> {
  const array = (shape: number[], type: string, names: string[], attributes: object): object => ({
    ...{ zarr_format: 3, node_type: "array", shape, data_type: type, fill_value: 0, dimension_names: names },
    chunk_grid: { name: "regular", configuration: { chunk_shape: shape } },
    chunk_key_encoding: { name: "default", configuration: { separator: "/" } },
    codecs: [{ name: "bytes", configuration: { endian: "little" } }],
    attributes,
  });
  await put(root, "zarr.json", { zarr_format: 3, node_type: "group", attributes: {} });
  await put(root, "lat/zarr.json", array([2], "float64", ["lat"], { units: "degrees_north" }));
  await put(root, "lat/c/0", bytesOf(Float64Array.of(-1, 1)));
  await put(root, "lon/zarr.json", array([2], "float64", ["lon"], { units: "degrees_east" }));
  await put(root, "lon/c/0", bytesOf(Float64Array.of(3, 5)));
  await put(root, "v/zarr.json", array([2, 2], "int16", ["lat", "lon"], { _FillValue: 9 }));
  await put(root, "v/c/0/0", bytesOf(Int16Array.of(1, 2, 3, 4)));
}

const whole = { x: 0, y: 0, width: 5, height: 3 };
const first = Int16Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);

beforeAll(async () => {
  await writeV2("two.zarr");
  await writeV3("three.zarr");
});

describe("openRaster on Zarr", () => {
  it("reads version 2 as xarray writes it", async () => {
    const raster = await openRaster(folder.at("two.zarr"));
    expect(raster.grid).toMatchObject({ width: 5, height: 3, geoTransform: [0, 10, 0, 30, 0, -10] });
    expect(raster.grid.crs?.epsg).toBe(32645);
    expect(raster.bands).toEqual(
      ["time=0", "time=1"].map((name) => ({ name, dtype: "int16", nodata: -1, scale: 0.5, offset: -2 })),
    );
    expect(raster.blockSize).toEqual([2, 5]);
    const [zero, one] = await raster.readWindow(whole);
    expect(zero).toEqual(first);
    expect(one).toEqual(Int16Array.from(first, (value, at) => (at < 10 ? 1000 + value : -1)));
    expect(await raster.readWindow({ x: 1, y: 1, width: 2, height: 2 }, { bands: [0] })).toEqual([
      Int16Array.of(6, 7, 11, 12),
    ]);
    await raster.close();
  });

  it("reads version 3, with rows from the south", async () => {
    const raster = await openRaster(folder.at("three.zarr"));
    expect(raster.grid).toMatchObject({ geoTransform: [2, 2, 0, 2, 0, -2] });
    expect(raster.grid.crs?.epsg).toBe(4326);
    expect(raster.bands[0]!.nodata).toBe(9);
    expect(await raster.readWindow({ x: 0, y: 0, width: 2, height: 2 })).toEqual([Int16Array.of(3, 4, 1, 2)]);
    await raster.close();
  });

  it("lists variables", async () => {
    const variables = await listVariables(folder.at("two.zarr"));
    expect(variables.map(({ name, isRaster }) => `${name} ${isRaster}`).sort()).toEqual([
      "green true",
      "spatial_ref false",
      "x false",
      "y false",
    ]);
  });

  it("refuses broken hierarchies by name", async () => {
    const codeOf = (work: Promise<unknown>): Promise<string> =>
      work.then(
        () => "no error",
        (error: unknown) => (isGlofError(error) ? error.code : `not a GlofError: ${error}`),
      );
    await put("empty.zarr", ".zgroup", { zarr_format: 2 });
    expect(await codeOf(openRaster(folder.at("empty.zarr")))).toBe("corrupt-file");
    await writeV2("broken.zarr");
    await put("broken.zarr", "green/0.0.0", Uint8Array.of(31, 139, 8, 0, 1, 2));
    const raster = await openRaster(folder.at("broken.zarr"));
    expect(await codeOf(raster.readWindow(whole))).toBe("corrupt-file");
    await writeV2("codecs.zarr");
    const packed = JSON.parse(await readFile(folder.at("codecs.zarr/green/.zarray"), "utf8"));
    const odd = { filters: [{ id: "delta" }, { id: "odd" }], compressor: {} };
    await put("codecs.zarr", "green/.zarray", { ...packed, ...odd });
    const codecs = await openRaster(folder.at("codecs.zarr"));
    expect(await codeOf(codecs.readWindow(whole))).toBe("unsupported-feature");
    await expect(codecs.readWindow(whole)).rejects.toThrow(/numcodecs\.odd, numcodecs\.undefined/);
    for (const change of [
      { shape: "wide" },
      { shape: [2, 3, -5] },
      { chunks: null },
      { chunks: [1, 0, 5] },
    ]) {
      await writeV2("sizes.zarr");
      await put("sizes.zarr", "green/.zarray", { ...packed, ...change });
      expect(await codeOf(openRaster(folder.at("sizes.zarr"))), JSON.stringify(change)).toBe("bad-argument");
    }
    await writeV2("vast.zarr");
    const meta = JSON.parse(await readFile(folder.at("vast.zarr/green/.zarray"), "utf8"));
    await put("vast.zarr", "green/.zarray", { ...meta, chunks: [1, 1e5, 1e5] });
    const vast = await openRaster(folder.at("vast.zarr"));
    expect(await codeOf(vast.readWindow(whole))).toBe("limit-exceeded");
  });
});

describe("over HTTP", () => {
  let server: Server;
  let address = "";
  beforeAll(async () => {
    server = createServer(async (request, response) => {
      const content = await readFile(folder.at(decodeURIComponent(request.url!.slice(1)))).catch(
        () => undefined,
      );
      if (content === undefined) return response.writeHead(404).end();
      const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "");
      const from = Number(range?.[1] ?? 0);
      const to = Math.min(Number(range?.[2] ?? content.length), content.length - 1);
      response.writeHead(206, { "content-range": `bytes ${from}-${to}/${content.length}` });
      return response.end(content.subarray(from, to + 1));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it("reads a named variable, and any with consolidated metadata", async () => {
    const raster = await openRaster(`${address}/two.zarr`, { variable: "green" });
    expect(raster.grid.crs?.epsg).toBe(32645);
    expect((await raster.readWindow(whole))[0]).toEqual(first);
    await raster.close();
    await expect(openRaster(`${address}/two.zarr`)).rejects.toThrow(/Consolidate/);
    await writeV2("consolidated.zarr");
    const metadata: Record<string, unknown> = { ".zgroup": { zarr_format: 2 } };
    for (const name of ["x", "y", "green", "spatial_ref"]) {
      for (const part of [".zarray", ".zattrs"]) {
        metadata[`${name}/${part}`] = JSON.parse(
          await readFile(folder.at(`two.zarr/${name}/${part}`), "utf8"),
        );
      }
    }
    await put("consolidated.zarr", ".zmetadata", { zarr_consolidated_format: 1, metadata });
    const named = await openRaster(`${address}/consolidated.zarr`);
    expect((await named.readWindow(whole))[0]).toEqual(first);
    await named.close();
  });
});

describe.skipIf(!hasGdal("Zarr against GDAL"))("GDAL", () => {
  it("writes Zarr that reads to its values", async () => {
    const path = folder.at("gdal.zarr");
    runGdal(
      `
ds = gdal.GetDriverByName('MEM').Create('', 70, 50, 1, gdal.GDT_Float32)
ds.SetGeoTransform([483000, 10, 0, 3095000, 0, -10])
s = osr.SpatialReference(); s.ImportFromEPSG(32645); ds.SetSpatialRef(s)
import numpy as np
ds.GetRasterBand(1).WriteArray(np.arange(3500, dtype='f4').reshape(50, 70))
gdal.GetDriverByName('Zarr').CreateCopy(args, ds, options=['COMPRESS=ZLIB', 'BLOCKSIZE=16,32'])
ds = None
print('0')
`,
      path,
    );
    const raster = await openRaster(path);
    expect(raster.grid.crs?.epsg).toBe(32645);
    expect(raster.grid.geoTransform).toEqual([483_000, 10, 0, 3_095_000, 0, -10]);
    const [values] = await raster.readWindow({ x: 0, y: 0, width: 70, height: 50 });
    expect(values).toEqual(Float32Array.from({ length: 3500 }, (_, at) => at));
    await raster.close();
  });
});
