import { GlofError } from "@glof/core";
import { castBytes } from "./cast_bytes.js";
import { elementCount, itemBytes } from "./dtypes.js";
import type { CheckpointDtype, TensorBytes, TensorToWrite } from "./types.js";

/** A tensor on its way into a file: what it will be, and its bytes when their turn comes. */
export interface PlannedTensor<Bytes> {
  readonly name: string;
  readonly dtype: CheckpointDtype;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Contiguous, little-endian, of `dtype`. */
  readBytes(): Bytes;
}

/** Element types that floating-point tensors can be written in. */
export type FloatDtype = "F32" | "F16" | "BF16";

/** Tensors that the writers take, by name. */
export type TensorsToWrite = Readonly<Record<string, TensorToWrite | TensorBytes>>;

/** A plan over values at hand, in their order: values of floats become `dtype`, all else stays as it is. */
export function planTensors(
  where: string,
  tensors: TensorsToWrite,
  dtype: FloatDtype,
): PlannedTensor<Uint8Array>[] {
  return Object.entries(tensors).map(([name, tensor]) =>
    "bytes" in tensor ? planBytes(where, name, tensor) : planValues(where, name, tensor, dtype),
  );
}

function planBytes(
  where: string,
  name: string,
  { shape, dtype, bytes }: TensorBytes,
): PlannedTensor<Uint8Array> {
  requireCount(where, name, shape, bytes.byteLength / itemBytes[dtype]);
  return { name, dtype, shape, byteLength: bytes.byteLength, readBytes: () => bytes };
}

function planValues(
  where: string,
  name: string,
  { shape, values }: TensorToWrite,
  floats: FloatDtype,
): PlannedTensor<Uint8Array> {
  requireCount(where, name, shape, values.length);
  const from = valuesDtype(values);
  const dtype = from === "F32" ? floats : from;
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return {
    name,
    dtype,
    shape,
    byteLength: values.length * itemBytes[dtype],
    readBytes: () => castBytes(bytes, from, dtype),
  };
}

/** Element type of an array of values. */
export function valuesDtype(values: TensorToWrite["values"]): "F32" | "I32" | "U8" {
  if (values instanceof Float32Array) return "F32";
  return values instanceof Int32Array ? "I32" : "U8";
}

/** Refuses values that do not fill their shape. */
export function requireCount(where: string, tensor: string, shape: readonly number[], got: number): void {
  const count = elementCount(shape);
  if (count === got) return;
  throw new GlofError(
    "shape-mismatch",
    `${where}: expected ${count} values for "${tensor}" of shape [${shape.join(", ")}], got ${got}. Pass a shape that fits.`,
    { tensor, shape, got },
  );
}
