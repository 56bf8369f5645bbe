import type { TensorInfo } from "@tensorflow/tfjs-core";
import { internalsOf, type TensorEntry } from "./backend_internals.js";
import type { ShaderBackend } from "./shader.js";

/**
 * Numbers kept as halves (IEEE binary16), two in a 32-bit word: half the memory, and half the bytes for a shader that is bound
 * by them. Sums stay in single precision. It needs no `shader-f16`, so that every WebGPU device has it.
 *
 * It is a property of a buffer and not of a tensor's type: for everyone the tensor is float32 with its own shape. Our shaders
 * read and write such buffers where they say so; whoever else wants the numbers gets a widened copy.
 *
 * A half has 11 bits (a relative error of 2^-12 at most from 6.1e-5 on) and ends at 65504. What shaders write beyond it is
 * stored as that, which is why sums that run through a whole network (its residual stream), statistics and logits stay floats.
 */

/** The largest half. */
export const largestHalf = 65_504;

/** The backend's records of buffers that hold halves. A record is gone with its buffer, also when the data moves elsewhere. */
const halfEntries = new WeakSet<TensorEntry>();

/** Whether the tensor's buffer holds halves. */
export function holdsHalves(backend: ShaderBackend, { dataId }: TensorInfo): boolean {
  return halfEntries.has(internalsOf(backend).tensorMap.get(dataId));
}

/** Whether numbers of this shape can be kept as halves: shaders write four neighbours at once. */
export function fitsHalves(shape: readonly number[]): boolean {
  const last = shape.at(-1) ?? 0;
  return last > 0 && last % 4 === 0;
}

/** A new tensor whose buffer, not yet written, holds halves; `shape` is one that `fitsHalves`. */
export function makeHalfTensor(shaderBackend: ShaderBackend, shape: readonly number[]): TensorInfo {
  const backend = internalsOf(shaderBackend);
  const tensor = backend.makeTensorInfo([...shape], "float32");
  const entry = backend.tensorMap.get(tensor.dataId);
  const bytes = 2 * shape.reduce((product, size) => product * size, 1);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  entry.resource = backend.bufferManager.acquireBuffer(bytes, usage);
  halfEntries.add(entry);
  return tensor;
}

/** The element type of a buffer for code that reads or writes it one number or four numbers at a time. */
export function elementOfBuffer(half: boolean, vector: boolean): "f32" | "vec4<f32>" | "u32" | "vec2<u32>" {
  if (half) return vector ? "vec2<u32>" : "u32";
  return vector ? "vec4<f32>" : "f32";
}

/** WGSL: the number at `index` of a buffer of single numbers, or the `index`-th four of a buffer of vectors. */
export function loadExpression(buffer: string, index: string, half: boolean, vector: boolean): string {
  if (!half) return `${buffer}[${index}]`;
  return vector ? `fourOfHalves(${buffer}[${index}])` : `oneOfHalves(${buffer}[(${index}) / 2], ${index})`;
}

/** WGSL: puts four numbers where `loadExpression` finds them in a buffer of vectors. */
export function storeStatement(buffer: string, index: string, value: string, half: boolean): string {
  return `${buffer}[${index}] = ${half ? `halvesOfFour(${value})` : value};`;
}

/**
 * WGSL of the functions that the expressions above call; to be part of a shader once, where any of its buffers holds halves.
 * What lies beyond the largest half is cut off: the packing itself leaves open what becomes of it. NaN stays NaN, found by its bits:
 * clamping makes a number of it, and a compiler may take x != x for false.
 */
export const halvesCode = `
fn fourOfHalves(words : vec2<u32>) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
}
fn oneOfHalves(word : u32, index : i32) -> f32 {
  let two = unpack2x16float(word);
  return select(two.x, two.y, (index & 1) == 1);
}
fn halvesOfFour(four : vec4<f32>) -> vec2<u32> {
  let kept = clamp(four, vec4<f32>(-${largestHalf}.0), vec4<f32>(${largestHalf}.0));
  let words = vec2<u32>(pack2x16float(kept.xy), pack2x16float(kept.zw));
  let isNaN = (bitcast<vec4<u32>>(four) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u);
  let bits = select(vec4<u32>(), vec4<u32>(0x7e00u, 0x7e000000u, 0x7e00u, 0x7e000000u), isNaN);
  return words | bits.xz | bits.yw;
}
`;
