import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { type InputFiles, oneFile } from "../fuzz_target.js";
import { projectPath } from "../seed_files.js";

/** What is used here of `h5wasm`, which is installed where `geo` can find it, not at the root. */
interface Hdf5 {
  readonly ready: Promise<unknown>;
  readonly File: new (
    path: string,
    mode: "w",
  ) => {
    create_dataset(options: Record<string, unknown>): {
      make_scale(name: string): void;
      attach_scale(index: number, name: string): void;
      create_attribute(name: string, value: unknown): void;
    };
    close(): void;
  };
}

/** A NetCDF-4 cube as xarray writes them, with chunks packed and plain, and a bare HDF5 file. */
export async function netcdfSeeds(): Promise<InputFiles[]> {
  const module = projectPath("packages/geo/node_modules/h5wasm/dist/node/hdf5_hl.js");
  const hdf5 = (await import(pathToFileURL(module).href)) as Hdf5;
  await hdf5.ready;
  const folder = await mkdtemp(join(tmpdir(), "glof-seeds-"));
  const write = async (
    name: string,
    fill: (file: InstanceType<Hdf5["File"]>) => void,
  ): Promise<InputFiles> => {
    const path = join(folder, name);
    const file = new hdf5.File(path, "w");
    fill(file);
    file.close();
    return oneFile("cube.nc", await readFile(path));
  };
  try {
    return [
      await write("packed.nc", (file) =>
        fillCube(file, { chunks: [1, 2, 3], compression: "gzip", compression_opts: 4 }),
      ),
      await write("plain.nc", (file) => fillCube(file, {})),
      await write("bare.h5", (file) =>
        file.create_dataset({
          name: "values",
          data: Float32Array.from({ length: 20 }, Math.sqrt),
          shape: [4, 5],
        }),
      ),
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}

function fillCube(file: InstanceType<Hdf5["File"]>, storage: Record<string, unknown>): void {
  const axes = { band: [1, 2, 3], y: [3095, 3085, 3075, 3065], x: [5, 15, 25, 35, 45, 55] };
  for (const [name, values] of Object.entries(axes)) {
    const axis = file.create_dataset({ name, data: Float64Array.from(values) });
    axis.make_scale(name);
    if (name !== "band") axis.create_attribute("axis", name.toUpperCase());
  }
  const reference = file.create_dataset({ name: "spatial_ref", data: [0], dtype: "<i" });
  reference.create_attribute("crs_wkt", 'PROJCS["WGS 84 / UTM zone 45N",AUTHORITY["EPSG","32645"]]');
  reference.create_attribute("GeoTransform", "0.0 10.0 0.0 3100.0 0.0 -10.0");
  const data = Int16Array.from({ length: 72 }, (_, at) => at * 7 - 100);
  const cube = file.create_dataset({ name: "band_data", data, shape: [3, 4, 6], ...storage });
  for (const [index, name] of ["band", "y", "x"].entries()) cube.attach_scale(index, name);
  cube.create_attribute("long_name", ["B", "G", "NIR"]);
  cube.create_attribute("grid_mapping", "spatial_ref");
  cube.create_attribute("scale_factor", 0.0001);
}

const bytesOf = (values: Int16Array | Float64Array): Uint8Array => new Uint8Array(values.buffer);

/** A hierarchy of each version. */
export async function zarrSeeds(): Promise<InputFiles[]> {
  const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const v2 = (shape: number[], chunks: number[], dtype: string, more: object = {}): Uint8Array =>
    text({
      zarr_format: 2,
      shape,
      chunks,
      dtype,
      order: "C",
      filters: null,
      compressor: null,
      fill_value: null,
      ...more,
    });
  const v3 = (
    shape: number[],
    data_type: string,
    dimension_names: string[],
    attributes: object,
  ): Uint8Array =>
    text({
      ...{ zarr_format: 3, node_type: "array", shape, data_type, fill_value: 0, dimension_names, attributes },
      chunk_grid: { name: "regular", configuration: { chunk_shape: shape } },
      chunk_key_encoding: { name: "default", configuration: { separator: "/" } },
      codecs: [{ name: "bytes", configuration: { endian: "little" } }],
    });
  const row = bytesOf(Int16Array.from({ length: 10 }, (_, at) => at));
  const wkt = 'PROJCS["WGS 84 / UTM zone 45N",AUTHORITY["EPSG","32645"]]';
  const second = new Map<string, Uint8Array>([
    [".zgroup", text({ zarr_format: 2 })],
    ["x/.zarray", v2([5], [5], "<f8")],
    ["x/.zattrs", text({ _ARRAY_DIMENSIONS: ["x"], axis: "X" })],
    ["x/0", bytesOf(Float64Array.of(5, 15, 25, 35, 45))],
    ["y/.zarray", v2([3], [3], "<f8")],
    ["y/.zattrs", text({ _ARRAY_DIMENSIONS: ["y"], axis: "Y" })],
    ["y/0", bytesOf(Float64Array.of(25, 15, 5))],
    ["spatial_ref/.zarray", v2([], [], "<i4")],
    ["spatial_ref/.zattrs", text({ _ARRAY_DIMENSIONS: [], spatial_ref: wkt })],
    [
      "green/.zarray",
      v2([2, 3, 5], [1, 2, 5], "<i2", { compressor: { id: "gzip", level: 5 }, fill_value: -1 }),
    ],
    [
      "green/.zattrs",
      text({ _ARRAY_DIMENSIONS: ["time", "y", "x"], grid_mapping: "spatial_ref", add_offset: -2 }),
    ],
    ...["0.0.0", "0.1.0", "1.0.0"].map((key) => [`green/${key}`, gzipSync(row)] as const),
  ]);
  const third = new Map<string, Uint8Array>([
    ["zarr.json", text({ zarr_format: 3, node_type: "group", attributes: {} })],
    ["lat/zarr.json", v3([2], "float64", ["lat"], { units: "degrees_north" })],
    ["lat/c/0", bytesOf(Float64Array.of(-1, 1))],
    ["lon/zarr.json", v3([2], "float64", ["lon"], { units: "degrees_east" })],
    ["lon/c/0", bytesOf(Float64Array.of(3, 5))],
    ["v/zarr.json", v3([2, 2], "int16", ["lat", "lon"], { _FillValue: 9 })],
    ["v/c/0/0", bytesOf(Int16Array.of(1, 2, 3, 4))],
  ]);
  return [second, third];
}
