import { finishCode } from "./epilogue.js";
import { loaderCode } from "./operand_loader.js";
import { type ProductVariant, vectorB } from "./product_shader.js";
import { repeat } from "./repeat.js";

/**
 * The matrix product on the GPU's matrix units (tensor cores): operands rounded to half precision, sums in single.
 *
 * Arithmetic: as `product_shader.ts`. A step of 32 along K brings 2 x 128 x 32 numbers for 2^20 FLOP. Each of the eight subgroups keeps
 * 64 x 32 sums in eight fragments and reads 96 numbers of workgroup memory for 2048 multiply-adds, so that the units and not
 * the memory are the bound. Rounding an operand to 11 bits gives relative errors of about 2^-11 / sqrt(K) of the
 * product's scale.
 *
 * Both operands lie in workgroup memory as [k][outer]: the left one is read by columns, the right one by rows.
 */

/** Edge of the results of a workgroup. */
const tile = 128;
/** Edge of a fragment. */
const edge = 16;
const subgroups = 8;
const threads = 32 * subgroups;
/** Numbers along K that one call of a loader covers: four numbers of each thread. */
const loadDepth = (4 * threads) / tile;
/** Fragments of a subgroup: 64 rows by 32 columns. */
const [fragmentRows, fragmentCols] = [4, 2];

/** Edge of the results of a workgroup. */
export const matrixUnitTile = tile;

/** Numbers along K of a step: as many as fit beside the staged fragments into the device's workgroup memory. */
export function matrixUnitDepth(workgroupBytes: number): 16 | 32 {
  return workgroupBytes >= 24_576 ? 32 : 16;
}

/** WGSL of a product on matrix units; buffers as `productCode`. Needs subgroups of 32 threads in the order of the group. */
export function matrixUnitCode(variant: ProductVariant, depth: 16 | 32): string {
  const quads = tile / 4;
  const loads = depth / loadDepth;
  const place = (name: "A" | "B", i: string): string => `{
      let at = (${loadDepth}u * ${i} + k${name}) * ${tile}u + outer${name};
      let four = vec4<f16>(next${name}[${i}]);
      tile${name}[at] = four.x;
      tile${name}[at + 1u] = four.y;
      tile${name}[at + 2u] = four.z;
      tile${name}[at + 3u] = four.w;
    }`;
  const fragments = (code: (row: number, col: number) => string): string =>
    Array.from({ length: fragmentRows * fragmentCols }, (_, i) =>
      code(Math.floor(i / fragmentCols), i % fragmentCols),
    ).join("\n      ");
  const alongRows = (code: (row: number) => string): string =>
    Array.from({ length: fragmentRows }, (_, row) => code(row)).join("\n      ");
  const alongCols = (code: (col: number) => string): string =>
    Array.from({ length: fragmentCols }, (_, col) => code(col)).join("\n      ");
  return `
var<workgroup> tileA : array<f16, ${tile * depth}>;
var<workgroup> tileB : array<f16, ${tile * depth}>;
var<workgroup> staged : array<f32, ${edge * edge * subgroups}>;
${loaderCode({ name: "A", kind: variant.a, vector: variant.vectorM, half: variant.halfA, plain: true }, loadDepth, quads)}
${loaderCode({ name: "B", kind: variant.b, vector: vectorB(variant), half: variant.halfB, plain: true }, loadDepth, quads)}
${finishCode(variant)}

// A subgroup agrees on where its fragments lie, which the compiler cannot see.
@diagnostic(off, chromium.subgroup_matrix_uniformity)
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let rowBase = i32(group.y) * ${tile};
  let colBase = i32(group.x) * ${tile};
  let startA = i32(group.z) * uniforms.strideA;
  let startB = i32(group.z) * uniforms.strideB;
  let startY = i32(group.z) * uniforms.M * uniforms.N;
  let first = ${variant.split ? "i32(group.z) * uniforms.perSplit" : "0"};
  let last = ${variant.split ? "min(uniforms.K, first + uniforms.perSplit)" : "uniforms.K"};
  let kA = placeOfA(thread).x;
  let outerA = 4u * placeOfA(thread).y;
  let kB = placeOfB(thread).x;
  let outerB = 4u * placeOfB(thread).y;
  let subgroup = thread / 32u;
  let lane = thread % 32u;
  let ownRow = 64u * (subgroup / 4u);
  let ownCol = 32u * (subgroup % 4u);
  ${fragments((row, col) => `var sum${row}${col} : subgroup_matrix_result<f32, ${edge}, ${edge}>;`)}
  var nextA : array<vec4<f32>, ${loads}>;
  var nextB : array<vec4<f32>, ${loads}>;
  let steps = (last - first + ${depth - 1}) / ${depth};
  for (var step = 0; step < steps; step++) {
    let deep = first + step * ${depth};
    ${repeat(loads, "i", true, (i) => `nextA[${i}] = loadA(startA, rowBase, deep + ${loadDepth} * i32(${i}), last, i32(thread));`)}
    ${repeat(loads, "i", true, (i) => `nextB[${i}] = loadB(startB, colBase, deep + ${loadDepth} * i32(${i}), last, i32(thread));`)}
    // The step before has been read by all.
    workgroupBarrier();
    ${repeat(loads, "i", true, (i) => place("A", i))}
    ${repeat(loads, "i", true, (i) => place("B", i))}
    workgroupBarrier();
    for (var k = 0u; k < ${depth}u; k += ${edge}u) {
      ${alongRows((row) => `let left${row} = subgroupMatrixLoad<subgroup_matrix_left<f16, ${edge}, ${edge}>, col_major>(&tileA, k * ${tile}u + ownRow + ${edge * row}u, ${tile}u);`)}
      ${alongCols((col) => `let right${col} = subgroupMatrixLoad<subgroup_matrix_right<f16, ${edge}, ${edge}>, row_major>(&tileB, k * ${tile}u + ownCol + ${edge * col}u, ${tile}u);`)}
      ${fragments((row, col) => `sum${row}${col} = subgroupMatrixMultiplyAccumulate(left${row}, right${col}, sum${row}${col});`)}
    }
  }
  let stage = subgroup * ${edge * edge}u;
  ${fragments(
    (row, col) => `workgroupBarrier();
  subgroupMatrixStore<row_major>(&staged, stage, sum${row}${col}, ${edge}u);
  workgroupBarrier();
  for (var i = lane; i < ${(edge * edge) / 4}u; i += 32u) {
    let at = stage + 4u * i;
    let value = vec4<f32>(staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u]);
    let row = rowBase + i32(ownRow + ${edge * row}u + i / 4u);
    let col = colBase + i32(ownCol + ${edge * col}u + 4u * (i % 4u));
    finish(startY, row, col, value);
  }`,
  )}
}
`;
}
