import { GlofError, throwIfAborted } from "@glof/core";
import type { RasterArray, RasterDtype } from "../../types.js";
import { fromBigIntegers } from "../cube/big_integers.js";
import { type CubeAttribute, type CubeStore, type CubeVariable, toAttribute } from "../cube/cube_store.js";
import { type Hdf5Object, isBrokenModule } from "./hdf5_module.js";

/** Groups within groups, and variables in all: more belong to broken or hostile files. */
const maxDepth = 32;
const maxVariables = 10_000;
/** The most one read may hold. */
const maxReadBytes = 2 ** 30;

/** Attributes that say how the file is built, not what it means. */
const structural = /^(_Netcdf4|_NCProperties|DIMENSION_LIST$|REFERENCE_LIST$|CLASS$|NAME$|DIMENSION_LABELS$)/;

/**
 * The variables of an open HDF5 file, as NetCDF-4 names them: dimensions are the dimension scales attached to each
 * dataset. Links to other files are not followed.
 *
 * @param onClose runs when the store is closed, after the file
 */
export function createHdf5Store(file: Hdf5Object, name: string, onClose: () => Promise<void>): CubeStore {
  const variables: CubeVariable[] = [];
  const visit = (group: Hdf5Object, path: string, depth: number): void => {
    if (depth > maxDepth || variables.length > maxVariables) {
      throw new GlofError(
        "limit-exceeded",
        `${name}: expected up to ${maxVariables} variables in ${maxDepth} levels of groups, got more. Check the file.`,
        { name },
      );
    }
    for (const key of group.keys?.() ?? []) {
      const child = group.get?.(key);
      const full = path === "" ? key : `${path}/${key}`;
      if (child?.type === "Group") visit(child, full, depth + 1);
      else if (child?.type === "Dataset") variables.push(createVariable(child, full, name));
    }
  };
  named(name, () => visit(file, "", 0));
  return {
    name,
    variables,
    async close() {
      try {
        named(name, () => file.close?.());
      } finally {
        await onClose();
      }
    },
  };
}

/** The innermost line of HDF5's stack of errors: `truncated file: eof = 600, …`. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const reasons = [...text.matchAll(/#\d+: .*?\(\): (.*)/g)].map(([, reason]) => reason!.trim());
  return reasons.at(-1) ?? text;
}

/** HDF5's own failures as ours. */
function named<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof GlofError) throw error;
    isBrokenModule(error);
    throw new GlofError(
      "corrupt-file",
      `${name}: expected a whole HDF5 file, got ${reasonOf(error)}. Copy or make the file again.`,
      { name, cause: error },
    );
  }
}

function createVariable(dataset: Hdf5Object, name: string, fileName: string): CubeVariable {
  const shape = [...(dataset.shape ?? [])];
  const attributes = readAttributes(dataset);
  const dtype = dtypeOf(dataset, attributes);
  return {
    name,
    shape,
    attributes,
    dtype,
    storedType: typeof dataset.dtype === "string" ? dataset.dtype : "a structure",
    dimensions: shape.map((_, dimension) => dimensionName(dataset, dimension, name, shape.length)),
    chunks: dataset.metadata?.chunks ?? undefined,
    async read(start, count, signal) {
      throwIfAborted(signal, "readWindow");
      const bytes = count.reduce((product, length) => product * length, dataset.metadata?.size ?? 8);
      if (bytes > maxReadBytes) {
        throw new GlofError(
          "limit-exceeded",
          `${fileName}: expected windows up to 1 GiB, got ${count.join(" x ")} of ${name}. Read smaller windows.`,
        );
      }
      return named(fileName, () => {
        const ranges = start.map((first, dimension) => [first, first + count[dimension]!] as const);
        return toPixels(shape.length === 0 ? dataset.value : dataset.slice?.(ranges), dtype, fileName);
      });
    },
    readTexts: async () => {
      const value = named(fileName, () => dataset.value);
      return Array.isArray(value) ? value.map(String) : [];
    },
  };
}

/** The scale attached to a dimension; scales are their own dimension; plain HDF5 files have neither. */
function dimensionName(dataset: Hdf5Object, dimension: number, name: string, rank: number): string {
  try {
    const attached = dataset.get_attached_scales?.(dimension)[0];
    if (attached !== undefined) return attached.replace(/^\//, "");
  } catch {
    // A file without dimension scales.
  }
  if (rank === 1) return name;
  return dimension === rank - 1 ? "x" : dimension === rank - 2 ? "y" : `dimension${dimension}`;
}

/** HDF5's classes of types (H5T_class_t). */
const [integerClass, floatClass, enumClass] = [0, 1, 8];

function dtypeOf(dataset: Hdf5Object, attributes: CubeVariable["attributes"]): RasterDtype | undefined {
  const { type, size, signed, virtual_sources } = dataset.metadata ?? { type: -1, size: 0, signed: false };
  if ((virtual_sources?.length ?? 0) > 0) return undefined;
  if (type === floatClass) return size === 4 ? "float32" : size === 8 ? "float64" : undefined;
  if (type === enumClass) return size === 1 ? "uint8" : undefined;
  if (type !== integerClass) return undefined;
  // NetCDF-3 has no unsigned types, and its users say so in an attribute.
  const isSigned = signed && String(attributes._Unsigned ?? "").toLowerCase() !== "true";
  if (size === 1) return isSigned ? "int8" : "uint8";
  if (size === 2) return isSigned ? "int16" : "uint16";
  if (size === 4) return isSigned ? "int32" : "uint32";
  return size === 8 ? "float64" : undefined;
}

function readAttributes(object: Hdf5Object): Record<string, CubeAttribute> {
  const attributes: Record<string, CubeAttribute> = {};
  for (const [key, attribute] of Object.entries(object.attrs ?? {})) {
    if (structural.test(key)) continue;
    let value: unknown;
    try {
      value = attribute.value;
    } catch {
      // A type that has no counterpart here, such as a structure.
      continue;
    }
    const plain = toAttribute(value);
    if (plain !== undefined) attributes[key] = plain;
  }
  return attributes;
}

function toPixels(values: unknown, dtype: RasterDtype | undefined, name: string): RasterArray {
  if (typeof values === "bigint") return fromBigIntegers(BigInt64Array.of(values), name);
  if (typeof values === "number") return Float64Array.of(values);
  if (values instanceof BigInt64Array || values instanceof BigUint64Array)
    return fromBigIntegers(values, name);
  if (!ArrayBuffer.isView(values)) {
    throw new GlofError(
      "unsupported-feature",
      `${name}: expected numbers, got ${typeof values}. Choose another variable.`,
      { name },
    );
  }
  if (dtype === "uint8" && values instanceof Int8Array)
    return new Uint8Array(values.buffer, values.byteOffset, values.length);
  if (dtype === "uint16" && values instanceof Int16Array)
    return new Uint16Array(values.buffer, values.byteOffset, values.length);
  if (dtype === "uint32" && values instanceof Int32Array)
    return new Uint32Array(values.buffer, values.byteOffset, values.length);
  return values as RasterArray;
}
