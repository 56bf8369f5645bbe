import { readFile, writeFile } from "node:fs/promises";
import { isGlofError, seededRng } from "@glof/core";
import h5wasm from "h5wasm/node";
import { beforeAll, describe, expect, it } from "vitest";
import { hasGdal, runGdal } from "../../test_support/gdal.js";
import { useTemporaryFolder } from "../../test_support/temporary_folder.js";
import { listVariables } from "../list_variables.js";
import { openRaster } from "../open_raster.js";

const folder = useTemporaryFolder();
const utm45 = [
  'PROJCS["WGS 84 / UTM zone 45N",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,',
  'AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],',
  'AUTHORITY["EPSG","4326"]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],',
  'PARAMETER["central_meridian",87],PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],',
  'PARAMETER["false_northing",0],UNIT["metre",1],AUTHORITY["EPSG","32645"]]',
].join("");

interface Dataset {
  readonly name: string;
  readonly data: number[] | Float64Array | Float32Array | Int16Array | Int8Array | Uint8Array | BigInt64Array;
  readonly shape?: number[];
  readonly dtype?: string;
  readonly chunks?: number[];
  readonly dims?: readonly string[];
  readonly attributes?: Record<string, string | string[] | number | Float32Array>;
}

/** A NetCDF-4 file as xarray lays one out: 1-D coordinates are dimension scales attached to the variables. */
function writeNetcdf(path: string, datasets: readonly Dataset[]): void {
  const file = new h5wasm.File(path, "w");
  for (const { name, data, shape, dtype, chunks, dims, attributes } of datasets) {
    const dataset = file.create_dataset({
      name,
      data: data as Float64Array,
      ...(shape !== undefined && { shape }),
      ...(dtype !== undefined && { dtype }),
      ...(chunks !== undefined && { chunks, compression: "gzip" as const, compression_opts: 4 }),
    });
    if (dims?.length === 1 && dims[0] === name) dataset.make_scale(name);
    else for (const [index, dim] of (dims ?? []).entries()) dataset.attach_scale(index, dim);
    for (const [key, value] of Object.entries(attributes ?? {})) dataset.create_attribute(key, value);
  }
  file.close();
}

const [width, height] = [6, 4];
const pixels = Int16Array.from({ length: 3 * height * width }, (_, at) => at * 7 - 100);

/** A DL4GAM cube: `band_data (band, y, x)` with names in `long_name`, masks of one band, UTM in `spatial_ref`. */
const cube = (): Dataset[] => [
  { name: "band", data: Float64Array.of(1, 2, 3), dims: ["band"] },
  { name: "y", data: Float64Array.of(3095, 3085, 3075, 3065), dims: ["y"], attributes: { axis: "Y" } },
  { name: "x", data: Float64Array.of(5, 15, 25, 35, 45, 55), dims: ["x"], attributes: { axis: "X" } },
  {
    name: "spatial_ref",
    data: [0],
    dtype: "<i",
    attributes: { crs_wkt: utm45, GeoTransform: "0.0 10.0 0.0 3100.0 0.0 -10.0" },
  },
  {
    name: "band_data",
    data: pixels,
    shape: [3, height, width],
    chunks: [1, 2, 3],
    dims: ["band", "y", "x"],
    attributes: {
      long_name: ["B", "G", "NIR"],
      grid_mapping: "spatial_ref",
      scale_factor: 0.0001,
      add_offset: 0.5,
    },
  },
  {
    name: "mask_nok",
    data: Int8Array.from({ length: height * width }, (_, at) => (at % 5) - 1),
    shape: [height, width],
    dims: ["y", "x"],
    attributes: { _FillValue: -1 },
  },
];

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "no error",
    (error: unknown) => (isGlofError(error) ? error.code : `not a GlofError: ${error}`),
  );

let path = "";
beforeAll(async () => {
  await h5wasm.ready;
  path = folder.at("cube.nc");
  writeNetcdf(path, cube());
});

describe("a DL4GAM cube", () => {
  it("lists its variables", async () => {
    const variables = await listVariables(path);
    expect(variables.filter(({ isRaster }) => isRaster).map(({ name }) => name)).toEqual([
      "band_data",
      "mask_nok",
    ]);
    expect(variables.find(({ name }) => name === "band_data")).toMatchObject({
      dtype: "int16",
      dimensions: [
        { name: "band", size: 3 },
        { name: "y", size: 4 },
        { name: "x", size: 6 },
      ],
      attributes: { long_name: ["B", "G", "NIR"], scale_factor: 0.0001 },
    });
  });

  it.each(["path", "Blob", "ArrayBuffer"])("reads windows of a variable from a %s", async (kind) => {
    const content = new Uint8Array(await readFile(path));
    const sources = { path, Blob: new Blob([content]), ArrayBuffer: content.buffer };
    const raster = await openRaster(sources[kind as keyof typeof sources], { variable: "band_data" });
    expect(raster.grid).toMatchObject({ width, height, geoTransform: [0, 10, 0, 3100, 0, -10] });
    expect(raster.grid.crs?.epsg).toBe(32645);
    expect(raster.bands.map(({ name }) => name)).toEqual(["B", "G", "NIR"]);
    expect(raster.bands[2]).toMatchObject({ dtype: "int16", nodata: undefined, scale: 0.0001, offset: 0.5 });
    expect(raster.blockSize).toEqual([2, 3]);
    expect(raster.overviews).toEqual([]);
    const rng = seededRng(kind);
    for (let trial = 0; trial < 20; trial++) {
      const [x, y] = [rng.int(width), rng.int(height)];
      const [w, h] = [1 + rng.int(width - x), 1 + rng.int(height - y)];
      const [nir, blue] = await raster.readWindow({ x, y, width: w, height: h }, { bands: [2, 0] });
      const cut = (band: number) =>
        Int16Array.from(
          { length: w * h },
          (_, at) => pixels[(band * height + y + Math.floor(at / w)) * width + x + (at % w)]!,
        );
      expect(nir).toEqual(cut(2));
      expect(blue).toEqual(cut(0));
    }
    await raster.close();
  });

  it("takes the fill value as no-data, and names the choice when there is one", async () => {
    const mask = await openRaster(path, { variable: "mask_nok" });
    expect(mask.bands).toEqual([{ name: "mask_nok", dtype: "int8", nodata: -1, scale: 1, offset: 0 }]);
    await mask.close();
    await expect(openRaster(path)).rejects.toThrow(/band_data, mask_nok/);
    await expect(openRaster(path, { variable: "x" })).rejects.toThrow(/"x"/);
  });

  it("refuses windows and bands that are not there, and stops when told to", async () => {
    const raster = await openRaster(path, { variable: "band_data" });
    const whole = { x: 0, y: 0, width, height };
    expect(await codeOf(raster.readWindow({ ...whole, x: 1 }))).toBe("bad-argument");
    expect(await codeOf(raster.readWindow(whole, { bands: [3] }))).toBe("bad-argument");
    expect(await codeOf(raster.readWindow(whole, { signal: AbortSignal.abort() }))).toBe("aborted");
    await raster.close();
  });
});

describe("other layouts", () => {
  it("turns rows from the south, columns from the east and transposed arrays", async () => {
    const values = Float32Array.of(1, 2, 3, 4, 5, 6);
    writeNetcdf(folder.at("turned.nc"), [
      { name: "lat", data: Float64Array.of(10, 11), dims: ["lat"], attributes: { units: "degrees_north" } },
      {
        name: "lon",
        data: Float64Array.of(22, 21, 20),
        dims: ["lon"],
        attributes: { units: "degrees_east" },
      },
      {
        name: "t",
        data: values,
        shape: [3, 2],
        dims: ["lon", "lat"],
        attributes: { _FillValue: Float32Array.of(1e20) },
      },
    ]);
    const raster = await openRaster(folder.at("turned.nc"));
    expect(raster.grid.geoTransform).toEqual([19.5, 1, 0, 11.5, 0, -1]);
    expect(raster.grid.crs?.epsg).toBe(4326);
    expect(raster.bands[0]!.nodata).toBe(Math.fround(1e20));
    const [all] = await raster.readWindow({ x: 0, y: 0, width: 3, height: 2 });
    expect(all).toEqual(Float32Array.of(6, 4, 2, 5, 3, 1));
    expect((await raster.readWindow({ x: 0, y: 0, width: 1, height: 2 }))[0]).toEqual(Float32Array.of(6, 5));
    expect((await raster.readWindow({ x: 2, y: 1, width: 1, height: 1 }))[0]).toEqual(Float32Array.of(1));
    await raster.close();
  });

  it("makes bands of times and levels, and numbers of 64-bit integers", async () => {
    const big = BigInt64Array.from({ length: 8 }, (_, at) => BigInt(at) * 1_000_000_007n);
    const axes: Dataset[] = [
      {
        name: "time",
        data: Float64Array.of(0, 31.5),
        dims: ["time"],
        attributes: { units: "days since 2020-01-01" },
      },
      { name: "level", data: Float64Array.of(850, 500), dims: ["level"] },
      { name: "y", data: Float64Array.of(1), dims: ["y"] },
      { name: "x", data: Float64Array.of(1, 3), dims: ["x"] },
    ];
    writeNetcdf(folder.at("times.nc"), [
      ...axes,
      { name: "count", data: big, shape: [2, 2, 1, 2], dims: ["time", "level", "y", "x"] },
    ]);
    const raster = await openRaster(folder.at("times.nc"));
    expect(raster.bands.map(({ name }) => name)).toEqual([
      "time=2020-01-01, level=850",
      "time=2020-01-01, level=500",
      "time=2020-02-01T12:00:00Z, level=850",
      "time=2020-02-01T12:00:00Z, level=500",
    ]);
    // One row has no spacing of its own: pixels are taken as square.
    expect(raster.grid.geoTransform).toEqual([0, 2, 0, 2, 0, -2]);
    const [band] = await raster.readWindow({ x: 0, y: 0, width: 2, height: 1 }, { bands: [3] });
    expect(band).toEqual(Float64Array.of(6_000_000_042, 7_000_000_049));
    await raster.close();
    writeNetcdf(folder.at("huge.nc"), [
      ...axes.slice(2),
      { name: "count", data: BigInt64Array.of(1n, 2n ** 60n + 1n), shape: [1, 2], dims: ["y", "x"] },
    ]);
    const huge = await openRaster(folder.at("huge.nc"));
    const window = { x: 0, y: 0, width: 2, height: 1 };
    expect(await codeOf(huge.readWindow(window))).toBe("unsupported-feature");
    await huge.close();
  });

  it("reads CF projection parameters, _Unsigned bytes and single-precision coordinates", async () => {
    const lon = Float32Array.from({ length: 50 }, (_, at) => 86.9 + at * 1e-4);
    writeNetcdf(folder.at("cf.nc"), [
      { name: "x", data: lon, dims: ["x"], attributes: { standard_name: "projection_x_coordinate" } },
      {
        name: "y",
        data: Float64Array.of(2, 1),
        dims: ["y"],
        attributes: { standard_name: "projection_y_coordinate" },
      },
      {
        name: "polar",
        data: [0],
        dtype: "<i",
        attributes: {
          grid_mapping_name: "polar_stereographic",
          standard_parallel: 70,
          latitude_of_projection_origin: 90,
          straight_vertical_longitude_from_pole: -45,
          semi_major_axis: 6378137,
          inverse_flattening: 298.257223563,
        },
      },
      {
        name: "v",
        data: Int8Array.from({ length: 100 }, (_, at) => at - 100),
        shape: [2, 50],
        dims: ["y", "x"],
        attributes: { grid_mapping: "polar", _Unsigned: "true" },
      },
    ]);
    const raster = await openRaster(folder.at("cf.nc"));
    expect(raster.grid.crs).toMatchObject({
      epsg: undefined,
      geographic: false,
      proj4: "+proj=stere +lat_0=90 +lon_0=-45 +lat_ts=70 +units=m +datum=WGS84 +no_defs",
    });
    expect(raster.bands[0]!.dtype).toBe("uint8");
    const [row] = await raster.readWindow({ x: 0, y: 0, width: 2, height: 1 });
    expect(row).toEqual(Uint8Array.of(156, 157));
    await raster.close();
  });

  it("refuses coordinates that are not evenly spaced, classic NetCDF and broken files", async () => {
    writeNetcdf(folder.at("uneven.nc"), [
      { name: "x", data: Float64Array.of(0, 1, 3), dims: ["x"] },
      { name: "y", data: Float64Array.of(0, 1), dims: ["y"] },
      { name: "v", data: new Float32Array(6), shape: [2, 3], dims: ["y", "x"] },
    ]);
    expect(await codeOf(openRaster(folder.at("uneven.nc")))).toBe("bad-geotransform");
    await writeFile(folder.at("classic.nc"), Uint8Array.of(0x43, 0x44, 0x46, 1, 0, 0, 0, 0));
    await expect(openRaster(folder.at("classic.nc"))).rejects.toThrow(/nccopy/);
    await expect(listVariables(folder.at("classic.nc"))).rejects.toThrow(/NetCDF classic/);
    const content = new Uint8Array(await readFile(path));
    for (const length of [8, 100, 600, content.length >> 1]) {
      await writeFile(folder.at("cut.nc"), content.subarray(0, length));
      const code = await codeOf(openRaster(folder.at("cut.nc"), { variable: "band_data" }));
      expect(code, `${length} bytes`).toMatch(/^(corrupt-file|bad-argument)$/);
    }
  });
});

describe("heaps without end", () => {
  it.each([
    ["a free object of no size", 0, 0n],
    ["an object whose size overflows", 1, 0xffff_fff0n],
    ["a free object that overflows", 0, 2n ** 64n - 8n],
  ])("%s is found before HDF5 goes round in it", async (_, index, size) => {
    const content = new Uint8Array(await readFile(path));
    const heap = Buffer.from(content.buffer).indexOf("GCOL");
    expect(heap).toBeGreaterThan(0);
    const view = new DataView(content.buffer);
    view.setUint16(heap + 16, index, true);
    view.setBigUint64(heap + 24, size, true);
    for (const work of [openRaster(content.buffer), listVariables(content.buffer)]) {
      await expect(work).rejects.toThrow(/heaps whose objects end/);
    }
  });
});

describe("an h5wasm that broke", () => {
  const trap = (): never => {
    throw new WebAssembly.RuntimeError("memory access out of bounds");
  };
  const FS = { writeFile: () => undefined, unlink: () => undefined };
  const fake = (File: unknown, activate_throwing_error_handler: () => void) => ({
    h5wasm: { ready: Promise.resolve({ FS, activate_throwing_error_handler }), File },
  });

  it("is told from a broken file, and later files are read by a new copy", async () => {
    const content = new Uint8Array(await readFile(path)).buffer;
    const inFile = fake(
      class {
        constructor() {
          trap();
        }
      },
      () => undefined,
    );
    expect(await codeOf(openRaster(content, { peers: inFile }))).toBe("corrupt-file");
    expect(await codeOf(openRaster(content, { peers: fake(Object, trap) }))).toBe("out-of-memory");
    for (const source of [content, path]) {
      const raster = await openRaster(source, { variable: "band_data" });
      expect((await raster.readWindow({ x: 0, y: 0, width: 6, height: 4 })).length).toBe(3);
      await raster.close();
    }
  });
});

describe.skipIf(!hasGdal("NetCDF against GDAL"))("GDAL", () => {
  it("reads the cube as this package does", async () => {
    const [count, transform, sum, epsg] = runGdal<[number, number[], number, string]>(
      `
ds = gdal.Open('NETCDF:"%s":band_data' % args)
print(json.dumps([ds.RasterCount, ds.GetGeoTransform(), int(ds.ReadAsArray().astype('i8').sum()), ds.GetSpatialRef().GetAuthorityCode(None)]))
`,
      path,
    );
    expect([count, transform, epsg]).toEqual([3, [0, 10, 0, 3100, 0, -10], "32645"]);
    expect(sum).toBe(pixels.reduce((total, value) => total + value, 0));
  });
});
