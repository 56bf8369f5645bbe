import { type Epilogue, finishCode, isGated } from "./epilogue.js";
import { foldedGroup, foldedParameters } from "./folded_groups.js";
import { loaderCode, type OperandKind } from "./operand_loader.js";
import { repeat } from "./repeat.js";

/**
 * The matrix product's WGSL.
 *
 * Arithmetic: 2 M N K FLOP over 4 (M K + K N + M N) bytes at the least. A tile of R x C results reads K (R + C) numbers for
 * R C K products, so device memory is asked for 4 (R + C) / (R C) bytes per multiply-add: 1/16 byte at 128 x 128, which leaves
 * a device of 67 TFLOP/s (fp32) and 4.8 TB/s bound by arithmetic from K of a few hundred on.
 *
 * 256 threads share a tile. Each keeps R C / 256 sums in registers and reads (R + C) / 16 numbers of workgroup memory for
 * each step along K: a load for 4 multiply-adds at 128 x 128, for 2.7 at 128 x 64, for 2 at 64 x 64. Operands pass through two
 * halves of 1024 numbers at most, the next one on its way while the present one is multiplied. Both lie as [k][outer / 4] with
 * the last index xored by k, so that neither the threads that fill a half nor those that read it meet in one memory bank.
 */

/** Results of a workgroup. */
export interface ProductTile {
  readonly rows: 64 | 128;
  readonly cols: 64 | 128;
}

/** What one compiled product does; every combination is a shader of its own. */
export interface ProductVariant extends Epilogue, ProductTile {
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
/** Numbers of the wider operand in one half of the workgroup memory: four a thread. */
const halfNumbers = 1024;

/** Columns of a block of gates or values: what a thread's two halves of a row are apart. */
const pairWidth = 64;

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
  const { rows, cols, unroll } = variant;
  const depth = halfNumbers / Math.max(rows, cols);
  const [quadsA, quadsB] = [rows / 4, cols / 4];
  const [halvesA, halvesB] = [rows / 64, cols / 64];
  const gated = isGated(variant);
  const paired = gated ? pairWidth : undefined;
  return `
var<workgroup> tileA : array<vec4<f32>, ${2 * depth * quadsA}>;
var<workgroup> tileB : array<vec4<f32>, ${2 * depth * quadsB}>;
${loaderCode({ name: "A", kind: variant.a, vector: variant.vectorM, half: variant.halfA }, depth, quadsA)}
${loaderCode({ name: "B", kind: variant.b, vector: vectorB(variant), half: variant.halfB, paired }, depth, quadsB)}
${finishCode(variant)}

@compute @workgroup_size(${productThreads})
fn main(${foldedParameters}, @builtin(local_invocation_index) thread : u32) {
  // Lines of groups: tiles of rows, for each product or part of a sum.
  let line = ${foldedGroup};
  let turn = line / uniforms.rowTiles;
  if (turn >= uniforms.turns) { return; }
  let rowBase = line % uniforms.rowTiles * ${rows};
  let colBase = i32(group.x) * ${cols};
  let startA = turn * uniforms.strideA;
  let startB = turn * uniforms.strideB;
  let first = ${variant.split ? "turn * uniforms.perSplit" : "0"};
  let last = ${variant.split ? "min(uniforms.K, first + uniforms.perSplit)" : "uniforms.K"};
  let startY = turn * uniforms.M * uniforms.N${gated ? " / 2" : ""};
  let ty = thread / 16u;
  let tx = thread % 16u;
  // Sum [row][half] of columns: rows are ty * 4 + row % 4 of each half of the tile.
  var sums : array<vec4<f32>, ${4 * halvesA * halvesB}>;
  let placeA = placeOfA(thread);
  let placeB = placeOfB(thread);
  let steps = (last - first + ${depth - 1}) / ${depth};
  // Each turn sends for the numbers of one step, multiplies those of the step before, and puts the new ones into the other half.
  for (var step = 0; step <= steps; step++) {
    var nextA = vec4<f32>();
    var nextB = vec4<f32>();
    if (step < steps) {
      ${forLoaders(depth * quadsA, `nextA = loadA(startA, rowBase, first + step * ${depth}, last, i32(thread));`)}
      ${forLoaders(depth * quadsB, `nextB = loadB(startB, colBase, first + step * ${depth}, last, i32(thread));`)}
    }
    let past = u32((step + 1) & 1);
    let depthNow = select(0u, ${depth}u, step > 0);
    for (var k = 0u; k < depthNow; k++) {
      let lineA = (past * ${depth}u + k) * ${quadsA}u;
      let lineB = (past * ${depth}u + k) * ${quadsB}u;
      let swap = k & 7u;
      var left : array<vec4<f32>, ${halvesA}>;
      var right : array<vec4<f32>, ${halvesB}>;
      ${repeat(halvesA, "half", unroll, (at) => `left[${at}] = tileA[lineA + ((ty + 16u * ${at}) ^ swap)];`)}
      ${repeat(halvesB, "half", unroll, (at) => `right[${at}] = tileB[lineB + ((tx + 16u * ${at}) ^ swap)];`)}
      ${repeat(4 * halvesA, "i", unroll, (i) =>
        repeat(halvesB, "j", unroll, (j) => {
          const at = `${i} * ${halvesB}u + ${j}`;
          return `sums[${at}] = fma(vec4<f32>(left[${i} / 4u][${i} % 4u]), right[${j}], sums[${at}]);`;
        }),
      )}
    }
    let coming = u32(step & 1) * ${depth}u;
    ${forLoaders(depth * quadsA, `tileA[coming * ${quadsA}u + placeA] = nextA;`)}
    ${forLoaders(depth * quadsB, `tileB[coming * ${quadsB}u + placeB] = nextB;`)}
    workgroupBarrier();
  }
  let row = rowBase + i32(ty) * 4;
  let col = colBase${gated ? " / 2" : ""} + i32(tx) * 4;
  ${repeat(4 * halvesA, "i", unroll, (i) => {
    const line = `row + i32(64u * (${i} / 4u) + ${i} % 4u)`;
    if (gated) return `finishPair(startY, ${line}, col, sums[${i} * 2u], sums[${i} * 2u + 1u]);`;
    return repeat(
      halvesB,
      "j",
      unroll,
      (j) => `finish(startY, ${line}, col + i32(64u * ${j}), sums[${i} * ${halvesB}u + ${j}]);`,
    );
  })}
}
`;
}

/** WGSL: what the threads do that bring an operand's quads; all of them, but for the narrower side of a tile. */
function forLoaders(quads: number, code: string): string {
  return quads === productThreads ? code : `if (thread < ${quads}u) { ${code} }`;
}
