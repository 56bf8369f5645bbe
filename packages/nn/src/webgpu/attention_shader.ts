import { foldedGroup, foldedParameters } from "./folded_groups.js";
import { loadExpression, storeStatement } from "./half_storage.js";
import { repeat } from "./repeat.js";

/**
 * What the WGSL of flash attention's passes shares.
 *
 * A workgroup works on some rows (queries, or keys in the backward pass; mostly 64) of one head of one image. 256 threads make
 * slices of as many rows, each slice taking its share of every tile of the other side, so that the threads of a hardware group
 * read the same number of a tile at once, and 1370 rows a head still make threads enough. A row's numbers stay in registers.
 * Nothing of size T x T is ever stored.
 */

/** Where the rows of an operand lie: offset + image * batch + head * step + row * rowStride, in numbers. */
export interface RowLayout {
  readonly offset: number;
  readonly batch: number;
  readonly row: number;
}

/** What the rows of a head are like. */
export interface HeadRows {
  /** Numbers per row and head. */
  readonly width: number;
  /** Every offset and stride divides by 4: rows are read four numbers at a time. */
  readonly vector: boolean;
  /** Inner loops written out; see `repeat`. */
  readonly unroll: boolean;
}

/** How a workgroup shares its work out. */
export interface RowTile {
  /** Rows of a workgroup: a power of two. */
  readonly rows: number;
  /** Rows of the other side that a slice takes of each tile. */
  readonly perSlice: number;
}

/** Sizes that the code is made for. */
export interface HeadShape extends HeadRows, RowTile {
  /** With `vector`: the buffers of q, k and v hold halves, that of the result does; see `half_storage.ts`. Default false. */
  readonly packed?: boolean;
  readonly halfY?: boolean;
}

/** Threads of a workgroup. */
export const attentionThreads = 256;

/** Workgroup memory for the two tiles: what every device has. */
const tileBytes = 16_384;

/** Slices that share the rows of a workgroup. */
export function slicesOf({ rows }: Pick<RowTile, "rows">): number {
  return attentionThreads / rows;
}

/** Vectors of four numbers in a row. */
export function quadsOf({ width }: Pick<HeadRows, "width">): number {
  return Math.ceil(width / 4);
}

/** The most rows of a tile for a slice that fit into memory: up to 8, so that their sums stay in registers. */
export function mostPerSlice(head: Pick<HeadRows, "width">, rows: number): number {
  return Math.max(1, Math.min(8, Math.floor(tileBytes / (2 * 16 * quadsOf(head) * slicesOf({ rows })))));
}

/** What of a shape decides on its memory. */
type PoolShape = Pick<HeadShape, "width" | "rows" | "perSlice">;

/** Workgroup memory that the passes take: more than `tileBytes` for heads wider than 512 in workgroups of 64 rows. */
export function poolBytes(shape: PoolShape): number {
  return 16 * poolQuads(shape);
}

function poolQuads(shape: PoolShape): number {
  return Math.max(2 * tileQuads(shape), attentionThreads);
}

/** Code for each vector of a row. */
export function eachQuad(shape: HeadShape, code: (j: string) => string): string {
  return repeat(quadsOf(shape), "j", shape.unroll, code);
}

/** Code for each row of a tile that the thread's slice works through. */
export function eachRow(shape: HeadShape, code: (c: string) => string): string {
  return repeat(shape.perSlice, "c", shape.unroll, code);
}

/** One line for each of the four numbers of a vector. */
function eachNumber(line: (index: number) => string): string {
  return [0, 1, 2, 3].map(line).join("\n  ");
}

/** Element type of operands. */
export function elementOf({ vector }: HeadRows): "f32" | "vec4<f32>" {
  return vector ? "vec4<f32>" : "f32";
}

/** WGSL: `quadOf_<buffer>(at, j)`, the j-th four numbers of the row at `at`. */
export function quadReader(
  buffer: string,
  { width, vector, packed = false }: Pick<HeadShape, "width" | "vector" | "packed">,
): string {
  if (vector) {
    const four = loadExpression(buffer, "at / 4 + i32(j)", packed, true);
    return `fn quadOf_${buffer}(at : i32, j : u32) -> vec4<f32> { return ${four}; }`;
  }
  const one = (i: number): string =>
    `if (4u * j + ${i}u < ${width}u) { four.${"xyzw"[i]} = ${buffer}[at + i32(4u * j) + ${i}]; }`;
  return `fn quadOf_${buffer}(at : i32, j : u32) -> vec4<f32> {
  var four = vec4<f32>();
  ${eachNumber(one)}
  return four;
}`;
}

/** WGSL: `writeQuad(at, j, four)` into the buffer `result`. */
export function quadWriter({ width, vector, halfY = false }: HeadShape): string {
  if (vector) {
    const store = storeStatement("result", "at / 4 + i32(j)", "four", halfY);
    return `fn writeQuad(at : i32, j : u32, four : vec4<f32>) { ${store} }`;
  }
  const one = (i: number): string =>
    `if (4u * j + ${i}u < ${width}u) { result[at + i32(4u * j) + ${i}] = four.${"xyzw"[i]}; }`;
  return `fn writeQuad(at : i32, j : u32, four : vec4<f32>) {
  ${eachNumber(one)}
}`;
}

/** WGSL: the workgroup's memory, used as two tiles and for the slices' last sums. */
export function poolDeclaration(shape: HeadShape): string {
  return `var<workgroup> pool : array<vec4<f32>, ${poolQuads(shape)}>;`;
}

function tileQuads(shape: PoolShape): number {
  return slicesOf(shape) * shape.perSlice * quadsOf(shape);
}

/** WGSL expression: the j-th vector of the slice's `row`-th row in the first (0) or second (1) tile. */
export function tileQuad(shape: HeadShape, tile: 0 | 1, row: string, j: string): string {
  return `pool[slicePart + ${tile * tileQuads(shape)}u + ${row} * ${quadsOf(shape)}u + ${j}]`;
}

/**
 * WGSL: walks `count` rows of the other side in tiles. `body` sees `firstRow`, the row of its slice's first one, and the
 * tiles as `tileQuad` names them. `first` and `second` are buffers; rows of theirs begin at `<buffer>At + row * <buffer>Row`.
 */
export function walkTiles(
  shape: HeadShape,
  { count, first, second, body }: { count: string; first: string; second: string; body: string },
): string {
  const { perSlice } = shape;
  const perTile = slicesOf(shape) * perSlice;
  const quads = quadsOf(shape);
  const fill = (buffer: string, tile: number): string =>
    `pool[${tile * tileQuads(shape)}u + i] = quadOf_${buffer}(${buffer}At + row * uniforms.${buffer}Row, j);`;
  return `
  let slicePart = slice * ${perSlice * quads}u;
  for (var start = 0; start < ${count}; start += ${perTile}) {
    for (var i = thread; i < ${tileQuads(shape)}u; i += ${attentionThreads}u) {
      // Rows past the end are read as the last one and left out later.
      let row = min(start + i32(i / ${quads}u), ${count} - 1);
      let j = i % ${quads}u;
      ${fill(first, 0)}
      ${fill(second, 1)}
    }
    workgroupBarrier();
    let firstRow = start + i32(slice) * ${perSlice};
    ${body}
    workgroupBarrier();
  }`;
}

/** WGSL: adds up a vector per slice through `pool`; slice j modulo their number hands the sum of `value(j)` to `use`. */
export function addSlices(
  shape: HeadShape,
  value: (j: string) => string,
  use: (j: string, sum: string) => string,
): string {
  const slices = slicesOf(shape);
  const sum = Array.from({ length: slices }, (_, s) => `pool[inGroup + ${s * shape.rows}u]`).join(" + ");
  return eachQuad(
    shape,
    (j) => `pool[thread] = ${value(j)};
  workgroupBarrier();
  if (slice == ${j} % ${slices}u) { ${use(j, `(${sum})`)} }
  workgroupBarrier();`,
  );
}

/** WGSL: the head of an image that a group works on, and its number over all images. */
export const imageAndHead = `let pair = ${foldedGroup};
  if (pair >= uniforms.pairs) { return; }
  let image = pair / uniforms.heads;
  let head = pair % uniforms.heads;`;

/** WGSL: the start of `main` up to the thread's row; `count` is the number of rows of this side. */
export function mainHead({ rows }: RowTile, count: string): string {
  return `
@compute @workgroup_size(${attentionThreads})
fn main(${foldedParameters}, @builtin(local_invocation_index) thread : u32) {
  ${imageAndHead}
  let slice = thread / ${rows}u;
  let inGroup = thread % ${rows}u;
  let wanted = i32(group.x) * ${rows} + i32(inGroup);
  let row = min(wanted, ${count} - 1);`;
}

/** WGSL: where the head of an operand begins. */
export function headStart(buffer: string): string {
  return `let ${buffer}At = uniforms.${buffer}Offset + image * uniforms.${buffer}Batch + head * uniforms.headStep;`;
}
