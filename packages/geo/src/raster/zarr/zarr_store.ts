import { GlofError, parseJson, throwIfAborted } from "@glof/core";
import type { RasterArray, RasterDtype } from "../../types.js";
import { fromBigIntegers } from "../cube/big_integers.js";
import { type CubeAttribute, type CubeStore, type CubeVariable, toAttribute } from "../cube/cube_store.js";
import { hasSoundShape, requireKnownCodecs } from "./check_array.js";
import type { ZarrPlace } from "./zarr_keys.js";
import type { ZarrArray, ZarrModule } from "./zarr_module.js";

/** More arrays, or deeper groups, belong to broken or hostile files. */
const maxArrays = 1_000;
const maxDepth = 16;
/** The most that one chunk or one read may hold. */
const maxReadBytes = 2 ** 30;

/**
 * The arrays of a Zarr hierarchy (versions 2 and 3): by consolidated metadata where there is some, else by walking the
 * folders. Dimension names are xarray's (`_ARRAY_DIMENSIONS`) or version 3's own.
 *
 * @param wanted a variable to look for where nothing can be listed
 */
export async function createZarrStore(
  place: ZarrPlace,
  zarr: ZarrModule,
  wanted: string | undefined,
): Promise<CubeStore> {
  const paths = await arrayPaths(place);
  const root = zarr.root(place);
  const variables: CubeVariable[] = [];
  const load = async (path: string, format?: 2 | 3): Promise<CubeVariable | undefined> => {
    const open = format === 2 ? zarr.open.v2 : format === 3 ? zarr.open.v3 : zarr.open;
    const array = await open(root.resolve(path), { kind: "array" }).catch(() => undefined);
    if (array === undefined || !hasSoundShape(array)) return undefined;
    const second = format === 3 ? undefined : await readJson(place, `/${join(path, ".zarray")}`);
    const metadata = second ?? (await readJson(place, `/${join(path, "zarr.json")}`));
    const requireCodecs = (): void => requireKnownCodecs(zarr, metadata, `${place.name}/${path}`);
    const variable = createVariable(zarr, array, path, { name: place.name, format, requireCodecs });
    variables.push(variable);
    return variable;
  };
  if (paths !== undefined) {
    for (const [path, format] of paths) await load(path, format);
  } else if (wanted !== undefined) {
    const variable = await load(wanted);
    const mapping = variable?.attributes.grid_mapping;
    const around = [...(variable?.dimensions ?? []), typeof mapping === "string" ? mapping : "spatial_ref"];
    for (const name of around) await load(name);
  }
  if (variables.length === 0) throw nothingFound(place.name, wanted);
  return { name: place.name, variables, close: async () => {} };
}

const nothingFound = (name: string, wanted: string | undefined): GlofError =>
  new GlofError(
    "corrupt-file",
    `${name}: expected a Zarr hierarchy with arrays that can be listed${wanted === undefined ? "" : `, or ${wanted}`}, got none. Consolidate its metadata, or give the right \`variable\`.`,
    { name },
  );

type ArrayPaths = readonly (readonly [path: string, format: 2 | 3])[];

async function arrayPaths(place: ZarrPlace): Promise<ArrayPaths | undefined> {
  const consolidated = await readJson(place, "/.zmetadata");
  const v2 = Object.keys(objectOf(consolidated?.metadata))
    .filter((key) => key === ".zarray" || key.endsWith("/.zarray"))
    .map((key) => [key.replace(/\/?\.zarray$/, ""), 2] as const);
  if (v2.length > 0) return v2.slice(0, maxArrays);
  const v3root = await readJson(place, "/zarr.json");
  const v3 = Object.entries(objectOf(objectOf(v3root?.consolidated_metadata).metadata))
    .filter(([, node]) => objectOf(node).node_type === "array")
    .map(([key]) => [key, 3] as const);
  if (v3.length > 0) return v3.slice(0, maxArrays);
  const found: [string, 2 | 3][] = [];
  const canList = await walk(place, "", 0, found);
  return canList || found.length > 0 ? found : undefined;
}

/** Looks for arrays in a folder and those below; false where the place cannot list. */
async function walk(
  place: ZarrPlace,
  path: string,
  depth: number,
  found: [string, 2 | 3][],
): Promise<boolean> {
  if (depth > maxDepth || found.length >= maxArrays) return true;
  if ((await place.get(`/${join(path, ".zarray")}`)) !== undefined) {
    found.push([path, 2]);
    return true;
  }
  if ((await readJson(place, `/${join(path, "zarr.json")}`))?.node_type === "array") {
    found.push([path, 3]);
    return true;
  }
  const names = await place.list(path);
  for (const name of names ?? []) await walk(place, join(path, name), depth + 1, found);
  return names !== undefined;
}

const join = (path: string, name: string): string => (path === "" ? name : `${path}/${name}`);

const objectOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

async function readJson(
  place: ZarrPlace,
  key: `/${string}`,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const bytes = await place.get(key);
  if (bytes === undefined) return undefined;
  try {
    return objectOf(parseJson(new TextDecoder().decode(bytes)));
  } catch (error) {
    throw new GlofError(
      "corrupt-file",
      `${place.name}: expected JSON in ${key}, got ${error}. Make it again.`,
      {
        cause: error,
      },
    );
  }
}

const dtypes: Readonly<Record<string, RasterDtype>> = {
  ...{ bool: "uint8", int8: "int8", uint8: "uint8", int16: "int16", uint16: "uint16" },
  ...{ int32: "int32", uint32: "uint32", int64: "float64", uint64: "float64" },
  ...{ float16: "float32", float32: "float32", float64: "float64" },
};

/** What is known of an array beside itself. */
interface ArrayFacts {
  /** Of the hierarchy. */
  readonly name: string;
  readonly format: 2 | 3 | undefined;
  /** Throws where its chunks cannot be unpacked. */
  readonly requireCodecs: () => void;
}

function createVariable(
  zarr: ZarrModule,
  array: ZarrArray,
  path: string,
  { name, format, requireCodecs }: ArrayFacts,
): CubeVariable {
  const attributes = readAttributes(array, format);
  const named = array.dimensionNames ?? (array.attrs._ARRAY_DIMENSIONS as unknown);
  const dimensions = Array.isArray(named) ? named.map(String) : [];
  const rank = array.shape.length;
  const dtype = dtypes[array.dtype];
  const plain = (dimension: number): string =>
    dimension === rank - 1 ? "x" : dimension === rank - 2 ? "y" : `dimension${dimension}`;
  return {
    name: path,
    dimensions: array.shape.map((_, dimension) => dimensions[dimension] ?? plain(dimension)),
    shape: array.shape,
    chunks: array.chunks,
    dtype,
    storedType: array.dtype,
    attributes,
    async read(start, count, signal) {
      throwIfAborted(signal, "readWindow");
      requireCodecs();
      checkSize(name, path, array.chunks);
      checkSize(name, path, count);
      const selection = start.map((first, dimension) => zarr.slice(first, first + count[dimension]!));
      const result = await decoding(name, () =>
        zarr.get(array, selection, signal === undefined ? {} : { signal }),
      );
      return requireCount(toPixels(result, name), count, name);
    },
    async readTexts() {
      requireCodecs();
      const result = await decoding(name, () => zarr.get(array, []));
      return Array.from((result as { data: Iterable<unknown> }).data, String);
    },
  };
}

/** Chunks of other sizes than the metadata says come back as they are. */
function requireCount(pixels: RasterArray, count: readonly number[], name: string): RasterArray {
  const wanted = count.reduce((product, length) => product * length, 1);
  if (pixels.length === wanted) return pixels;
  throw new GlofError(
    "corrupt-file",
    `${name}: expected ${wanted} pixels, got ${pixels.length}. Copy or make the file again.`,
    { name },
  );
}

function checkSize(name: string, path: string, shape: readonly number[]): void {
  const bytes = shape.reduce((product, length) => product * length, 8);
  if (bytes > maxReadBytes) {
    throw new GlofError(
      "limit-exceeded",
      `${name}: expected windows and chunks up to 1 GiB, got ${shape.join(" x ")} of ${path}. Read smaller windows, or rechunk the file.`,
      { name },
    );
  }
}

async function decoding<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GlofError) throw error;
    throw new GlofError(
      "corrupt-file",
      `${name}: expected whole chunks, got ${error instanceof Error ? error.message : String(error)}. Copy or make the file again.`,
      { name, cause: error },
    );
  }
}

/** In version 2 the fill value of the array is its no-data, as xarray and GDAL take it; version 3 has an attribute. */
function readAttributes(array: ZarrArray, format: 2 | 3 | undefined): Record<string, CubeAttribute> {
  const attributes: Record<string, CubeAttribute> = {};
  for (const [key, value] of Object.entries(array.attrs)) {
    const plain = key === "_CRS" ? (objectOf(value).wkt ?? undefined) : value;
    const attribute = toAttribute(plain);
    if (attribute !== undefined) attributes[key] = attribute;
  }
  const isV2 = format === 2 || (format === undefined && array.dimensionNames === undefined);
  const fill = toAttribute(array.fillValue);
  if (isV2 && typeof fill === "number" && !("_FillValue" in attributes)) attributes._FillValue = fill;
  return attributes;
}

function toPixels(result: unknown, name: string): RasterArray {
  const data = objectOf(result).data ?? result;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return fromBigIntegers(data, name);
  if (typeof data === "number") return Float64Array.of(data);
  if (
    data instanceof Uint8Array ||
    data instanceof Int8Array ||
    data instanceof Uint16Array ||
    data instanceof Int16Array ||
    data instanceof Uint32Array ||
    data instanceof Int32Array ||
    data instanceof Float32Array ||
    data instanceof Float64Array
  ) {
    return data;
  }
  // Booleans and half floats come in arrays of zarrita's own.
  const values = Array.from(data as Iterable<number | boolean>, Number);
  return Float32Array.from(values);
}
