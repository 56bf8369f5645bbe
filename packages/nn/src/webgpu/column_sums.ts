import type { TensorInfo } from "@tensorflow/tfjs-core";
import { dispatch, type ShaderInput, type UniformValue } from "./dispatch.js";
import type { WebgpuKernel } from "./kernel.js";
import type { ShaderBackend } from "./shader.js";

/**
 * Sums down the columns of a matrix: gradients of biases, of norms' weights, statistics per channel.
 *
 * Arithmetic: one addition a number over 4 bytes: bound by device memory. Many rows are cut into chunks of their own, whose sums
 * a second pass adds: two passes, the second over a hundredth of the numbers, and always in the same order, so that results
 * repeat to the bit. TensorFlow.js transposes the matrix first, three passes over memory, and leaves all rows of a column to one
 * group of threads.
 */

const threads = 256;
/** Groups that keep a large GPU busy. */
const wantedGroups = 512;
/** Rows that a thread adds at least: fewer would cost more in adding the parts than they gain. */
const rowsPerThread = 4;

/** Two numbers per element of a matrix [images * rows, cols], to be added down the columns of each image. */
export interface ColumnTerms {
  /** Unique for the code. */
  readonly key: string;
  readonly images?: number;
  readonly rows: number;
  readonly cols: number;
  readonly inputs: readonly ShaderInput[];
  /** Beside rows, cols and perChunk. Default none. */
  readonly uniforms?: readonly UniformValue[];
  /** WGSL: `fn term(image : i32, row : i32, col : i32) -> vec2<f32>`, the row counted over all images. */
  readonly term: string;
}

/** Parts of the rows, and what each of them sums to. */
export interface ColumnParts {
  /** [images * chunks, cols] of pairs. */
  readonly sums: TensorInfo;
  readonly chunks: number;
  /** Rows of a chunk; the last may have fewer. */
  readonly perChunk: number;
}

/** Columns side by side in a group: neighbouring threads read neighbouring numbers. */
export function columnsOfGroup(cols: number): number {
  let columns = 1;
  while (columns < cols && columns < 64) columns *= 2;
  return columns;
}

/** How the rows of an image are cut into chunks, so that about `mostGroups` groups of threads work on all images. */
export function chunksOf(
  images: number,
  rows: number,
  cols: number,
  mostGroups = wantedGroups,
): { chunks: number; perChunk: number } {
  const columns = columnsOfGroup(cols);
  const groups = images * Math.ceil(cols / columns);
  const most = Math.max(1, Math.floor((rows * columns) / (threads * rowsPerThread)));
  const wanted = Math.max(1, Math.min(most, Math.ceil(mostGroups / groups)));
  const perChunk = Math.ceil(rows / wanted);
  return { chunks: Math.ceil(rows / perChunk), perChunk };
}

/** WGSL: `laneSum(value, thread)`, the sum over all threads of a group that share a column; the same in each of them. */
export function laneSumCode(columns: number, type: "vec2<f32>" | "vec4<f32>" = "vec2<f32>"): string {
  return `
var<workgroup> lanes : array<${type}, ${threads}>;
fn laneSum(value : ${type}, thread : u32) -> ${type} {
  lanes[thread] = value;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half >= ${columns}u; half = half / 2u) {
    if (thread < half) { lanes[thread] = lanes[thread] + lanes[thread + half]; }
    workgroupBarrier();
  }
  let whole = lanes[thread % ${columns}u];
  workgroupBarrier();
  return whole;
}
`;
}

/** WGSL: the head of a pass over columns: the column, rows and image of a thread, and the place of its chunk's result. */
export function columnHead(columns: number): string {
  return `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(num_workgroups) groups : vec3<u32>,
        @builtin(local_invocation_index) thread : u32) {
  let col = i32(group.x * ${columns}u + thread % ${columns}u);
  let lane = i32(thread / ${columns}u);
  let image = i32(group.z);
  let start = image * uniforms.rows;
  let first = start + i32(group.y) * uniforms.perChunk;
  let last = min(first + uniforms.perChunk, start + uniforms.rows);
  let place = (image * i32(groups.y) + i32(group.y)) * uniforms.cols + col;
`;
}

const sumCode = (term: string, columns: number, outputs: readonly string[]): string => `
${term}
${laneSumCode(columns)}
${columnHead(columns)}
  var sum = vec2<f32>();
  if (col < uniforms.cols) {
    for (var row = first + lane; row < last; row += ${threads / columns}) { sum += term(image, row, col); }
  }
  let whole = laneSum(sum, thread);
  if (lane == 0 && col < uniforms.cols) { ${outputs.join(" ")} }
}
`;

function runSums(
  backend: ShaderBackend,
  { key, images = 1, rows, cols, inputs, uniforms = [], term }: ColumnTerms,
  { chunks, perChunk }: { chunks: number; perChunk: number },
  results: { readonly names: readonly string[]; readonly shape: readonly number[]; readonly paired: boolean },
): TensorInfo[] {
  const columns = columnsOfGroup(cols);
  const { names, shape, paired } = results;
  return dispatch(backend, {
    key: `${key}_sums_${columns}_${names.join("_")}`,
    outputs: names.map((name) => ({ name, element: paired ? "vec2<f32>" : "f32", into: shape })),
    inputs,
    uniforms: [["rows", "i32", rows], ["cols", "i32", cols], ["perChunk", "i32", perChunk], ...uniforms],
    code: () =>
      sumCode(
        term,
        columns,
        names.map((name, at) => `${name}[place] = whole${paired ? "" : at === 0 ? ".x" : ".y"};`),
      ),
    groups: [Math.ceil(cols / columns), chunks, images],
  });
}

/** The sums of each chunk of rows. */
export function columnParts(backend: ShaderBackend, terms: ColumnTerms): ColumnParts {
  const { images = 1, rows, cols } = terms;
  const cut = chunksOf(images, rows, cols);
  const shape = [images * cut.chunks, cols, 2];
  const [sums] = runSums(backend, terms, cut, { names: ["parts"], shape, paired: true });
  return { sums: sums!, ...cut };
}

/** Adds the rows of a matrix [rows, cols] of pairs: the first and, where `count` is 2, the second sums, each [cols]. */
export function addPairs(
  backend: ShaderBackend,
  pairs: TensorInfo,
  [rows, cols]: readonly [number, number],
  count: 1 | 2,
): TensorInfo[] {
  const terms: ColumnTerms = {
    key: "pairs",
    rows,
    cols,
    inputs: [{ name: "pairs", element: "vec2<f32>", tensor: pairs }],
    term: "fn term(image : i32, row : i32, col : i32) -> vec2<f32> { return pairs[row * uniforms.cols + col]; }",
  };
  return columnSums(backend, terms, count, { chunks: 1, perChunk: rows });
}

/** Sums over all rows of one image: the first terms' and, where `count` is 2, the second terms', each [cols]. */
export function columnSums(
  backend: ShaderBackend,
  terms: ColumnTerms,
  count: 1 | 2,
  cut = chunksOf(1, terms.rows, terms.cols),
): TensorInfo[] {
  if (cut.chunks === 1) {
    const names = ["firstSums", "secondSums"].slice(0, count);
    return runSums(backend, terms, cut, { names, shape: [terms.cols], paired: false });
  }
  const { sums, chunks } = columnParts(backend, terms);
  const whole = addPairs(backend, sums, [chunks, terms.cols], count);
  backend.disposeData(sums.dataId);
  return whole;
}

const factorTerm =
  "fn term(image : i32, row : i32, col : i32) -> vec2<f32> { let at = row * uniforms.cols + col; return vec2<f32>(x[at] * factor[at], 0.0); }";
const plainTerm =
  "fn term(image : i32, row : i32, col : i32) -> vec2<f32> { return vec2<f32>(x[row * uniforms.cols + col], 0.0); }";

/** `GlofColumnSums`: x [M, D], factor? [M, D] -> sums over the rows of x * factor, [D]. */
export const columnSumsKernel: WebgpuKernel = {
  name: "GlofColumnSums",
  compute: ({ backend, inputs }) => {
    const [rows, cols] = inputs.x!.shape as [number, number];
    const { x, factor } = inputs;
    const given = Object.entries({ x, factor }).flatMap(([name, tensor]): ShaderInput[] =>
      tensor ? [{ name, element: "f32", tensor }] : [],
    );
    const term = factor ? factorTerm : plainTerm;
    const [sums] = columnSums(
      backend,
      { key: factor ? "products" : "plain", rows, cols, inputs: given, term },
      1,
    );
    return sums!;
  },
};
