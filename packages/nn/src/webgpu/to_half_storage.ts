import { castBytes } from "@glof/checkpoint";
import * as tf from "@tensorflow/tfjs-core";
import { disposeParams } from "../params/select.js";
import type { Params } from "../types.js";
import { internalsOf } from "./backend_internals.js";
import { isHalfStorageInForce } from "./half_in_force.js";
import { fitsHalves, holdsHalves, makeHalfTensor } from "./half_storage.js";
import type { ShaderBackend } from "./shader.js";
import { widenForOthers } from "./widened_doors.js";

/** Options of `toHalfStorage`. */
export interface HalfStorageOptions {
  /** Smaller ones save nothing worth a rounding. Default 4096. */
  readonly leastNumbers?: number;
}

/**
 * The same parameters with the large weights, matrices and convolution kernels, kept as halves (IEEE binary16) on the "webgpu"
 * backend: half the memory and half the bytes to read. A weight is rounded to nearest, ties to even, a relative error of at most
 * 2^-12; products add up in single precision as ever. For prediction: training would lose updates smaller than that.
 *
 * Tensors stay float32 with their shapes for everyone. What is small, has a last axis that does not divide by four, or a number
 * that no half can hold (beyond 65504) stays as it is; on other backends everything does.
 *
 * @param params borrowed; the caller disposes them and the result, in any order
 */
export async function toHalfStorage(params: Params, options: HalfStorageOptions = {}): Promise<Params> {
  const { leastNumbers = 4096 } = options;
  const halved: Record<string, tf.Tensor> = {};
  try {
    for (const [name, param] of Object.entries(params)) halved[name] = await toHalves(param, leastNumbers);
  } catch (error) {
    tf.dispose(halved);
    throw error;
  }
  return halved;
}

/**
 * What a model that only predicts should keep of its parameters, which this takes over: where `useWebgpuPrecision("f16")` is
 * in force on the current backend, those of `toHalfStorage`, else the same ones.
 */
export async function storeForPrediction(params: Params): Promise<Params> {
  if (!isHalfStorageInForce() || webgpuBackend() === undefined) return params;
  return toHalfStorage(params).finally(() => disposeParams(params));
}

/** Bytes that the parameters take on the current backend, halves counted as what they are. */
export function storedBytes(params: Params): number {
  const backend = webgpuBackend();
  let bytes = 0;
  for (const param of Object.values(params)) {
    bytes += (backend && holdsHalves(backend, param) ? 2 : 4) * param.size;
  }
  return bytes;
}

function webgpuBackend(): ShaderBackend | undefined {
  return tf.getBackend() === "webgpu" ? (tf.backend() as unknown as ShaderBackend) : undefined;
}

async function toHalves(param: tf.Tensor, leastNumbers: number): Promise<tf.Tensor> {
  const backend = webgpuBackend();
  const isWeight = (param.rank === 2 || param.rank === 4) && param.dtype === "float32";
  if (!backend || !isWeight || param.size < leastNumbers || !fitsHalves(param.shape)) return param.clone();
  if (holdsHalves(backend, param)) return param.clone();
  const numbers = (await param.data()) as Float32Array;
  // Rounded here and not on the device: its rounding is its own affair, and floats would take memory there meanwhile.
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  const halves = castBytes(bytes, "F32", "F16") as Uint8Array<ArrayBuffer>;
  return isAllFinite(halves) ? upload(backend, halves, param.shape) : param.clone();
}

/** Whether no half has the exponent of infinity and NaN. */
function isAllFinite({ buffer, byteOffset, byteLength }: Uint8Array): boolean {
  const words = new Uint16Array(buffer, byteOffset, byteLength / 2);
  for (let at = 0; at < words.length; at++) {
    if ((words[at]! & 0x7c00) === 0x7c00) return false;
  }
  return true;
}

function upload(
  backend: ShaderBackend,
  halves: Uint8Array<ArrayBuffer>,
  shape: readonly number[],
): tf.Tensor {
  widenForOthers(backend);
  const { device, tensorMap } = internalsOf(backend);
  const tensor = makeHalfTensor(backend, shape);
  device.queue.writeBuffer(tensorMap.get(tensor.dataId).resource!, 0, halves);
  return tf.engine().makeTensorFromTensorInfo(tensor);
}
