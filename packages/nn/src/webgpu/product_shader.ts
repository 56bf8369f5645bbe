import { type Epilogue, finishCode } from "./epilogue.js";
import { loaderCode, type OperandKind } from "./operand_loader.js";
import { repeat } from "./repeat.js";

/**
 * The matrix product's WGSL.
 *
 * Arithmetic: 2 M N K FLOP over 4 (M K + K N + M N) bytes at the least. A tile of B x B results reads each operand K B
 * times for B^2 K products, so device memory is asked for 8 / B bytes per multiply-add: 1/16 byte at B = 128, which leaves
 * a device of 67 TFLOP/s (fp32) and 4.8 TB/s bound by arithmetic from K of a few hundred on.
 *
 * 256 threads share a tile. Each keeps (B / 16)^2 sums in registers and reads 2 B / 16 numbers of workgroup memory for
 * each step along K: a load for 4 multiply-adds at B = 128. Operands pass through two halves of 1024 numbers each, the next
 * one on its way while the present one is multiplied. Both lie as [k][outer / 4] with the last index xored by k, so that
 * neither the threads that fill a half nor those that read it meet in one memory bank.
 */

/** What one compiled product does; every combination is a shader of its own. */
export interface ProductVariant extends Epilogue {
  /** Edge of the results of a workgroup. */
  readonly tile: 64 | 128;
  readonly a: OperandKind;
  readonly b: OperandKind;
  /** A is read as vectors along M. */
  readonly vectorM: boolean;
  /** The buffers of the operands hold halves. */
  readonly halfA: boolean;
  readonly halfB: boolean;
  /** As in `Epilogue`, and B, where it runs along N, is read so too. */
  readonly vectorN: boolean;
  /** The groups along z share the sum over K of one product instead of making several. */
  readonly split: boolean;
  /** Inner loops written out; see `repeat`. */
  readonly unroll: boolean;
}

/** Threads of a workgroup: 16 x 16. */
export const productThreads = 256;
/** Numbers of each operand in one half of the workgroup memory. */
const halfNumbers = 1024;

/** Numbers along K that a half holds. */
export function productDepth(tile: number): number {
  return halfNumbers / tile;
}

/** Whether B is read as vectors along N. */
export function vectorB({ vectorN, b }: ProductVariant): boolean {
  return vectorN && b === "outer";
}

/** A short name of a variant, unique. */
export function variantKey(variant: ProductVariant): string {
  const flags = Object.entries(variant).map(([name, value]) => (value === true ? name : value || ""));
  return `product_${flags.join("_")}`;
}

/** WGSL of a product; buffers y, a, b and those of the epilogue. */
export function productCode(variant: ProductVariant): string {
  const { tile, unroll } = variant;
  const depth = productDepth(tile);
  const halves = tile / 64;
  const quads = tile / 4;
  return `
var<workgroup> tileA : array<vec4<f32>, ${halfNumbers / 2}>;
var<workgroup> tileB : array<vec4<f32>, ${halfNumbers / 2}>;
${loaderCode({ name: "A", kind: variant.a, vector: variant.vectorM, half: variant.halfA }, depth, quads)}
${loaderCode({ name: "B", kind: variant.b, vector: vectorB(variant), half: variant.halfB }, depth, quads)}
${finishCode(variant)}

@compute @workgroup_size(${productThreads})
fn main(@builtin(workgroup_id) group : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let rowBase = i32(group.y) * ${tile};
  let colBase = i32(group.x) * ${tile};
  let startA = i32(group.z) * uniforms.strideA;
  let startB = i32(group.z) * uniforms.strideB;
  let first = ${variant.split ? "i32(group.z) * uniforms.perSplit" : "0"};
  let last = ${variant.split ? "min(uniforms.K, first + uniforms.perSplit)" : "uniforms.K"};
  let startY = i32(group.z) * uniforms.M * uniforms.N;
  let ty = thread / 16u;
  let tx = thread % 16u;
  // Sum [row][half] of columns: rows are ty * 4 + row % 4 of each half of the tile.
  var sums : array<vec4<f32>, ${4 * halves * halves}>;
  let placeA = placeOfA(thread);
  let placeB = placeOfB(thread);
  let steps = (last - first + ${depth - 1}) / ${depth};
  // Each turn sends for the numbers of one step, multiplies those of the step before, and puts the new ones into the other half.
  for (var step = 0; step <= steps; step++) {
    var nextA = vec4<f32>();
    var nextB = vec4<f32>();
    if (step < steps) {
      nextA = loadA(startA, rowBase, first + step * ${depth}, last, i32(thread));
      nextB = loadB(startB, colBase, first + step * ${depth}, last, i32(thread));
    }
    let past = u32((step + 1) & 1) * ${halfNumbers / 4}u;
    let depthNow = select(0u, ${depth}u, step > 0);
    for (var k = 0u; k < depthNow; k++) {
      let line = past + k * ${quads}u;
      let turn = k & 7u;
      var left : array<vec4<f32>, ${halves}>;
      var right : array<vec4<f32>, ${halves}>;
      ${repeat(halves, "half", unroll, (at) => `left[${at}] = tileA[line + ((ty + 16u * ${at}) ^ turn)];`)}
      ${repeat(halves, "half", unroll, (at) => `right[${at}] = tileB[line + ((tx + 16u * ${at}) ^ turn)];`)}
      ${repeat(4 * halves, "i", unroll, (i) =>
        repeat(halves, "j", unroll, (j) => {
          const at = `${i} * ${halves}u + ${j}`;
          return `sums[${at}] = fma(vec4<f32>(left[${i} / 4u][${i} % 4u]), right[${j}], sums[${at}]);`;
        }),
      )}
    }
    let coming = u32(step & 1) * ${halfNumbers / 4}u;
    tileA[coming + placeA] = nextA;
    tileB[coming + placeB] = nextB;
    workgroupBarrier();
  }
  let row = rowBase + i32(ty) * 4;
  let col = colBase + i32(tx) * 4;
  ${repeat(4 * halves, "i", unroll, (i) =>
    repeat(
      halves,
      "j",
      unroll,
      (j) =>
        `finish(startY, row + i32(64u * (${i} / 4u) + ${i} % 4u), col + i32(64u * ${j}), sums[${i} * ${halves}u + ${j}]);`,
    ),
  )}
}
`;
}
