import type { TensorInfo } from "@tensorflow/tfjs-core";
import {
  type Dispatch,
  dispatch,
  type ShaderInput,
  type ShaderOutput,
  type UniformValue,
} from "./dispatch.js";
import { groupsPerAxis } from "./groups_per_axis.js";
import {
  digitBits,
  histogramCode,
  passes,
  scanCode,
  scanThreads,
  scatterCode,
  threads,
} from "./radix_sort_shader.js";
import type { ShaderBackend } from "./shader.js";

/**
 * Sorts rows on the GPU, stable, in 12 dispatches whatever the size (TensorFlow.js's bitonic `topk` takes 192 for 268,324
 * numbers).
 *
 * Arithmetic: a pass reads a number twice and writes it once, key and payload: 24 bytes, so 96 for each number in all;
 * bound by memory. On a device of 3 TB/s a million numbers move in 0.03 ms; starting 12 dispatches costs more.
 */

/** What is sorted: keys and payloads that the first pass makes of the inputs. */
export interface SortSource {
  /** Of the code, for the cache of pipelines. */
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  readonly inputs: readonly ShaderInput[];
  readonly uniforms?: readonly UniformValue[];
  /** WGSL `fn keyAt(at : u32) -> u32`, of the smallest key first; it uses every input. */
  readonly keyCode: string;
  /** WGSL `fn payloadAt(at : u32, column : u32) -> u32`: goes with the key. */
  readonly payloadCode: string;
}

/** What becomes of the sorted numbers. */
export interface SortTarget {
  readonly name: string;
  readonly outputs: readonly ShaderOutput[];
  readonly inputs: readonly ShaderInput[];
  /** WGSL `fn put(place : u32, rowStart : u32, key : u32, payload : u32)`. */
  readonly putCode: string;
}

/** How rows are cut into tiles, a group of threads each. */
export interface Tiling {
  readonly rows: number;
  readonly cols: number;
  readonly tileSize: number;
  readonly tiles: number;
}

/** Numbers of a tile at least, and tiles of a row at most: their counts are added up one after the other. */
const [leastTile, mostTiles] = [8 * threads, 512];

/** Tiles of rows of `cols` numbers. */
export function tilingOf(rows: number, cols: number): Tiling {
  const tileSize = Math.max(leastTile, Math.ceil(cols / mostTiles / threads) * threads);
  return { rows, cols, tileSize, tiles: Math.ceil(cols / tileSize) };
}

/** A group of threads per tile. */
export function groupsOf({ rows, tiles }: Pick<Tiling, "rows" | "tiles">): Dispatch["groups"] {
  return [tiles, Math.min(rows, groupsPerAxis), Math.ceil(rows / groupsPerAxis)];
}

/** The numbers of a tiling as uniforms. */
export function tilingUniforms({ rows, cols, tileSize, tiles }: Tiling): readonly UniformValue[] {
  return [
    ["rows", "i32", rows],
    ["cols", "i32", cols],
    ["tileSize", "i32", tileSize],
    ["tiles", "i32", tiles],
  ];
}

const kept: Pick<SortSource, "name" | "keyCode" | "payloadCode"> = {
  name: "kept",
  keyCode: "fn keyAt(at : u32) -> u32 { return keys[at]; }",
  payloadCode: "fn payloadAt(at : u32, column : u32) -> u32 { return payloads[at]; }",
};

function keeping(shape: readonly number[]): SortTarget {
  return {
    name: "kept",
    outputs: [
      { name: "nextKeys", element: "u32", into: shape },
      { name: "nextPayloads", element: "u32", into: shape },
    ],
    inputs: [],
    putCode: `fn put(place : u32, rowStart : u32, key : u32, payload : u32) {
  nextKeys[place] = key;
  nextPayloads[place] = payload;
}`,
  };
}

/** Sorts each row by its keys; gives the target's outputs, by default keys and payloads in order. */
export function radixSort(backend: ShaderBackend, source: SortSource, target?: SortTarget): TensorInfo[] {
  const shape = [source.rows, source.cols];
  let from = source;
  let moved: TensorInfo[] = [];
  for (let pass = 0; pass < passes; pass++) {
    const isLast = pass === passes - 1;
    const to = (isLast && target) || keeping(shape);
    const before = moved;
    moved = sortPass(backend, from, to, pass * digitBits);
    for (const { dataId } of before) backend.disposeData(dataId);
    if (!isLast) from = { ...kept, rows: source.rows, cols: source.cols, inputs: itemsOf(moved) };
  }
  return moved;
}

function itemsOf([keys, payloads]: readonly TensorInfo[]): ShaderInput[] {
  return [
    { name: "keys", element: "u32", tensor: keys! },
    { name: "payloads", element: "u32", tensor: payloads! },
  ];
}

function sortPass(backend: ShaderBackend, from: SortSource, to: SortTarget, shift: number): TensorInfo[] {
  const tiling = tilingOf(from.rows, from.cols);
  const uniforms: UniformValue[] = [
    ...tilingUniforms(tiling),
    ["shift", "i32", shift],
    ...(from.uniforms ?? []),
  ];
  const [counts] = dispatch(backend, {
    key: `sort_histogram_${from.name}`,
    outputs: [{ name: "counts", element: "u32", into: [from.rows, tiling.tiles, threads] }],
    // A shader is bound to what it uses, and the payloads are not counted.
    inputs: from.inputs.filter(({ name }) => name !== "payloads"),
    uniforms,
    code: () => histogramCode(from.keyCode),
    groups: groupsOf(tiling),
  });
  const [, totals] = dispatch(backend, {
    key: "sort_scan",
    outputs: [
      { name: "counts", element: "u32", into: counts! },
      { name: "totals", element: "u32", into: [from.rows, threads] },
    ],
    inputs: [],
    uniforms: tilingUniforms(tiling),
    code: () => scanCode,
    groups: groupsOf({ rows: from.rows, tiles: threads / scanThreads }),
  });
  const moved = dispatch(backend, {
    key: `sort_scatter_${from.name}_${to.name}`,
    outputs: to.outputs,
    inputs: [
      ...from.inputs,
      ...to.inputs,
      { name: "counts", element: "u32", tensor: counts! },
      { name: "totals", element: "u32", tensor: totals! },
    ],
    uniforms,
    code: () => scatterCode(`${from.keyCode}\n${from.payloadCode}\n${to.putCode}`),
    groups: groupsOf(tiling),
  });
  for (const { dataId } of [counts!, totals!]) backend.disposeData(dataId);
  return moved;
}
