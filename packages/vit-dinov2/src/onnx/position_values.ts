import { interpolationMap } from "@glof/nn";
import { type Dinov2Config, trainedGrid } from "../config.js";
import type { PatchGrid } from "../embed.js";

/**
 * What is added to the tokens of a fixed grid: class token and its position, registers as they are, and the positions of
 * the patches, interpolated by the rule of `interpolatePosition`, in plain numbers.
 *
 * @param posEmbed [1 + M², D]
 * @param clsToken [D]
 * @param registers [R, D], empty without registers
 * @returns [1 + R + rows · cols, D]
 */
export function positionValues(
  config: Dinov2Config,
  [rows, cols]: PatchGrid,
  {
    posEmbed,
    clsToken,
    registers,
  }: { readonly posEmbed: Float32Array; readonly clsToken: Float32Array; readonly registers: Float32Array },
): Float32Array {
  const { embedDim: width } = config;
  const patches = patchPositions(config, posEmbed.subarray(width), [rows, cols]);
  const all = new Float32Array(width + registers.length + patches.length);
  for (let at = 0; at < width; at++) all[at] = clsToken[at]! + posEmbed[at]!;
  all.set(registers, width);
  all.set(patches, width + registers.length);
  return all;
}

/** [M, M, D] to [rows, cols, D]. */
function patchPositions(config: Dinov2Config, square: Float32Array, [rows, cols]: PatchGrid): Float32Array {
  const { embedDim: width, positionOffset: offset, positionAntialias: antialias } = config;
  const trained = trainedGrid(config);
  if (rows === trained && cols === trained) return square;
  const mapOf = (size: number) => {
    const scale = offset > 0 ? (size + offset) / trained : undefined;
    if (scale === undefined && size === trained) return undefined;
    return interpolationMap("bicubic", trained, size, { alignCorners: false, antialias, scale }).values;
  };
  const tall = mapAxis(square, { outer: 1, size: trained, inner: trained * width }, rows, mapOf(rows));
  return mapAxis(tall, { outer: rows, size: trained, inner: width }, cols, mapOf(cols));
}

/** Multiplies the middle axis of [outer, size, inner] by a matrix [result, size]; sums in double precision. */
function mapAxis(
  values: Float32Array,
  { outer, size, inner }: { readonly outer: number; readonly size: number; readonly inner: number },
  result: number,
  matrix: Float32Array | undefined,
): Float32Array {
  if (matrix === undefined) return values;
  const mapped = new Float32Array(outer * result * inner);
  const sums = new Float64Array(inner);
  for (let block = 0; block < outer; block++) {
    for (let to = 0; to < result; to++) {
      sums.fill(0);
      for (let from = 0; from < size; from++) {
        const weight = matrix[to * size + from]!;
        if (weight === 0) continue;
        const start = (block * size + from) * inner;
        for (let at = 0; at < inner; at++) sums[at]! += weight * values[start + at]!;
      }
      mapped.set(sums, (block * result + to) * inner);
    }
  }
  return mapped;
}
