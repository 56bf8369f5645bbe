import { headStart, imageAndHead } from "./attention_shader.js";
import { foldedParameters } from "./folded_groups.js";
import { storeStatement } from "./half_storage.js";
import { sizesOf, type UnitAttentionShape } from "./matrix_unit_attention_shape.js";
import {
  type FragmentPlace,
  flatIndex,
  fragmentEdge,
  type MatrixUnits,
  type OperandFragment,
  subgroupThreads,
} from "./matrix_units.js";
import { repeat } from "./repeat.js";

/**
 * Flash attention's forward pass on the GPU's matrix units: queries, keys, values and weights rounded to half precision, scores,
 * sums and softmax in single.
 *
 * Fragments cannot be scaled number by number, so that a running maximum costs a detour through workgroup memory. Two ways round:
 * (a) to walk the keys twice, first for the maxima: 6 T S d FLOP instead of 4, and the scores through workgroup memory twice;
 * (b) to keep the sums under a maximum that may be out of date, and to take the detour only when a score passes it by more than
 * 2^8. Weights then reach 256, which halves hold with all their digits, and what a stale maximum costs at the small end is below
 * 2^-24 of the largest weight. This is (b): after the first tile of keys the detour is rare, and its cost is two passes of
 * the sums through memory.
 *
 * Arithmetic, for a tile of 16 queries by 16 keys at d = 64: 65,536 FLOP in 8 products of fragments. Through workgroup memory go
 * scores (1 KB there, 1 KB back), weights (0.5 KB there and back) and operands (4 KB, shared by the strips of a subgroup): 5 KB
 * with two strips, 40 cycles of a multiprocessor at 128 bytes, for 16 cycles of its units at 4096 FLOP: some 40 % of their peak is
 * the bound. A workgroup of 128 queries asks the second-level cache for 8 d bytes a key: 64 FLOP a byte, twice that where they are
 * kept as halves, which go to the units as they are. Workgroup memory at 128 queries, 32 keys and d = 64: 16 KB for queries, later
 * keys and values; 20 KB of scores, 10 KB of weights. Five barriers a tile of keys. Not measured on hardware yet. Lines are padded so that what is read and written at once lies in different banks.
 */

/** What one compiled pass does; every combination is a shader of its own. */
export interface UnitAttention extends UnitAttentionShape {
  /** The buffers of q, k and v hold halves; see `half_storage.ts`. */
  readonly packed: boolean;
  /** The result is kept as halves. */
  readonly halfY: boolean;
}

/** A score may pass the maximum that weights are measured by, by as many powers of two. */
const slack = 8;
/** Lower than any score, and finite: the difference of two of it is 0, not NaN. */
const lowest = "-1e30";
/** A short name of the shader, unique. */
export function unitAttentionKey({ packed, halfY, ...shape }: UnitAttention, units: MatrixUnits): string {
  const kept = `${packed ? "_packed" : ""}${halfY ? "_halfY" : ""}`;
  return `attention_${units.name}_${Object.values(shape).join("x")}${kept}`;
}

/** WGSL type of four numbers of q, k or v on their way, and the halves they become. */
function operandOf(
  { packed }: UnitAttention,
  units: MatrixUnits,
): { type: string; half: (four: string) => string } {
  return packed ? { type: "vec2<u32>", half: units.fromPacked } : { type: "vec4<f32>", half: units.toHalves };
}

/** Where the rows of a strip begin in a memory of lines of so many quads. */
function stripAt(line: number, strip: string): string {
  return `(ownRow + ${fragmentEdge}u * ${strip}) * ${line}u`;
}

/** Code for each strip of a subgroup. */
function eachStrip(
  { strips }: UnitAttentionShape,
  units: MatrixUnits,
  code: (strip: string) => string,
): string {
  return repeat(strips, "strip", units.unroll, code);
}

/** Code for each fragment across the width. */
function eachAcross({ width }: UnitAttentionShape, units: MatrixUnits, code: (d: string) => string): string {
  return repeat(width / fragmentEdge, "d", units.unroll, code);
}

/** Code for each fragment along the keys of a tile. */
function eachKeys({ keys }: UnitAttentionShape, units: MatrixUnits, code: (key: string) => string): string {
  return repeat(keys / fragmentEdge, "key", units.unroll, (key) => `{ ${code(key)} }`);
}

/** A fragment of the sums over keys. */
function sumOf({ width }: UnitAttentionShape, units: MatrixUnits, strip: string, d: string): string {
  return units.sumAt("sum", flatIndex(strip, d, width / fragmentEdge));
}

/** WGSL of softmax(q k^T scale) v. Buffers, of vectors of four: result; q, k, v. */
export function unitAttentionCode(shape: UnitAttention, units: MatrixUnits): string {
  const { queries, threads, scoreLine, operandQuads } = sizesOf(shape, units);
  const { strips, keys, width } = shape;
  return `
${units.declarations}
var<workgroup> operands : array<vec4<${units.half}>, ${operandQuads}>;
var<workgroup> scores : array<vec4<f32>, ${queries * scoreLine}>;
var<workgroup> weights : array<vec4<${units.half}>, ${queries * scoreLine}>;
// Whether a maximum has grown too old, since the sums were last scaled.
var<workgroup> outdated : atomic<u32>;

${units.attributes}
@compute @workgroup_size(${threads})
fn main(${foldedParameters}, @builtin(local_invocation_index) thread : u32) {
  ${units.enter}
  ${imageAndHead}
  let firstQuery = i32(group.x) * ${queries};
  ${["q", "k", "v"].map(headStart).join("\n  ")}
  let ownRow = ${fragmentEdge * strips}u * (thread / ${subgroupThreads}u);
  // Of each strip a thread sees every other vector of one row, its neighbour the rest.
  let line = thread % ${subgroupThreads}u / 2u;
  let side = thread % 2u;
  ${queryCode(shape, units)}
  ${units.sums("sum", (strips * width) / fragmentEdge)}
  var best = array<f32, ${strips}>(${Array.from({ length: strips }, () => lowest).join(", ")});
  var total = array<f32, ${strips}>();
  var shrink = array<f32, ${strips}>();
  ${keyLoads(shape, units).declare}
  ${keyLoads(shape, units).load("0")}
  for (var start = 0; start < uniforms.keys; start += ${keys}) {
    // The tile before has been read by all.
    workgroupBarrier();
    ${keyLoads(shape, units).put}
    workgroupBarrier();
    ${keyLoads(shape, units).load(`start + ${keys}`)}
    ${scoreCode(shape, units)}
    workgroupBarrier();
    ${eachStrip(shape, units, (strip) => softmaxCode(shape, units, strip))}
    if (workgroupUniformLoad(&outdated) != 0u) {
      ${throughScores(shape, units, (strip, quad) => `scores[${quad}] *= shrink[${strip}];`, true)}
      if (thread == 0u) { atomicStore(&outdated, 0u); }
    }
    ${valueCode(shape, units)}
  }
  let resultAt = image * uniforms.resultBatch + head * uniforms.headStep;
  ${eachStrip(shape, units, (strip) => `total[${strip}] += subgroupShuffleXor(total[${strip}], 1u);`)}
  ${throughScores(
    shape,
    units,
    (strip, quad, column) => `let query = firstQuery + i32(ownRow + ${fragmentEdge}u * ${strip} + line);
        if (query < uniforms.queries) {
          let place = (resultAt + query * uniforms.resultRow) / 4 + i32(${column});
          ${storeStatement("result", "place", `scores[${quad}] / total[${strip}]`, shape.halfY)}
        }`,
    false,
  )}
}
`;
}

function queryOf(shape: UnitAttentionShape, units: MatrixUnits, strip: string, d: string): OperandFragment {
  const { queryAt, queryLine } = sizesOf(shape, units);
  return units.left(`query${strip}${d}`, {
    memory: "operands",
    at: `${queryAt}u + ${stripAt(queryLine, strip)} + 4u * ${d}`,
    stride: queryLine,
  });
}

/** WGSL: the workgroup's queries as fragments. */
function queryCode(shape: UnitAttention, units: MatrixUnits): string {
  const { type, half } = operandOf(shape, units);
  const { queries, threads, queryLine, queryAt } = sizesOf(shape, units);
  return `for (var i = thread; i < ${queries * queryLine}u; i += ${threads}u) {
    let row = firstQuery + i32(i / ${queryLine}u);
    var four = ${type}();
    if (row < uniforms.queries) { four = q[(qAt + row * uniforms.qRow) / 4 + i32(i % ${queryLine}u)]; }
    operands[${queryAt}u + i] = ${half("four")};
  }
  workgroupBarrier();
  ${units.unroll ? eachStrip(shape, units, (strip) => eachAcross(shape, units, (d) => queryOf(shape, units, strip, d).code)) : ""}`;
}

/** WGSL that sends for a tile of keys and values, zeros past the end, and puts it into workgroup memory. */
function keyLoads(
  shape: UnitAttention,
  units: MatrixUnits,
): { declare: string; load: (start: string) => string; put: string } {
  const { type, half } = operandOf(shape, units);
  const { threads, keyLine } = sizesOf(shape, units);
  const quads = shape.width / 4;
  const items = (shape.keys * quads) / threads;
  const count = Math.ceil(items);
  const each = (code: (i: string) => string): string => repeat(count, "i", units.unroll, code);
  const item = (i: string): string => `(thread + ${i} * ${threads}u)`;
  const place = (i: string): string => `${item(i)} / ${quads}u * ${keyLine}u + ${item(i)} % ${quads}u`;
  const put = (i: string): string => `operands[${place(i)}] = ${half(`nextK[${i}]`)};
      operands[${shape.keys * keyLine}u + ${place(i)}] = ${half(`nextV[${i}]`)};`;
  return {
    declare: `var nextK : array<${type}, ${count}>;\n  var nextV : array<${type}, ${count}>;`,
    load: (start) =>
      each(
        (i) => `{
      let row = ${start} + i32(${item(i)} / ${quads}u);
      let quad = i32(${item(i)} % ${quads}u);
      nextK[${i}] = ${type}();
      nextV[${i}] = ${type}();
      if (row < uniforms.keys) {
        nextK[${i}] = k[(kAt + row * uniforms.kRow) / 4 + quad];
        nextV[${i}] = v[(vAt + row * uniforms.vRow) / 4 + quad];
      }
    }`,
      ),
    put: each((i) =>
      Number.isInteger(items) ? put(i) : `if (${item(i)} < ${shape.keys * quads}u) { ${put(i)} }`,
    ),
  };
}

/** WGSL: q k^T of the tile into `scores`. */
function scoreCode(shape: UnitAttentionShape, units: MatrixUnits): string {
  const { keyLine, scoreLine } = sizesOf(shape, units);
  return eachKeys(shape, units, (key) => {
    const right = (d: string): OperandFragment =>
      units.right(`key${d}`, {
        memory: "operands",
        at: `${fragmentEdge * keyLine}u * ${key} + 4u * ${d}`,
        stride: keyLine,
        turned: true,
      });
    const score = (strip: string): string => units.sumAt("score", strip);
    return [
      units.sums("score", shape.strips),
      eachAcross(shape, units, (d) =>
        [
          right(d).code,
          eachStrip(shape, units, (strip) =>
            units.multiply(score(strip), queryOf(shape, units, strip, d), right(d)),
          ),
        ].join("\n      "),
      ),
      eachStrip(shape, units, (strip) => units.store(score(strip), scorePlace(scoreLine, strip, key))),
    ].join("\n      ");
  });
}

/** Where a fragment of scores lies. */
function scorePlace(scoreLine: number, strip: string, key: string): FragmentPlace {
  return { memory: "scores", at: `${stripAt(scoreLine, strip)} + 4u * ${key}`, stride: scoreLine };
}

/** WGSL: weights of a strip out of its scores, measured by `best`, which is brought up to date where it is too old. */
function softmaxCode({ keys, ...rest }: UnitAttentionShape, units: MatrixUnits, strip: string): string {
  const { scoreLine } = sizesOf({ keys, ...rest }, units);
  const count = keys / 8;
  return `{
      let at = ${stripAt(scoreLine, strip)} + line * ${scoreLine}u + side;
      var fours : array<vec4<f32>, ${count}>;
      var highest = ${lowest};
      ${repeat(
        count,
        "i",
        units.unroll,
        (i) => `{
        let first = start + i32(4u * (2u * ${i} + side));
        let isKey = vec4<i32>(first) + vec4<i32>(0, 1, 2, 3) < vec4<i32>(uniforms.keys);
        fours[${i}] = select(vec4<f32>(${lowest}), scores[at + 2u * ${i}] * uniforms.scale2, isKey);
        highest = max(highest, max(max(fours[${i}].x, fours[${i}].y), max(fours[${i}].z, fours[${i}].w)));
      }`,
      )}
      highest = max(highest, subgroupShuffleXor(highest, 1u));
      shrink[${strip}] = 1.0;
      if (highest > best[${strip}] + ${slack}.0) {
        shrink[${strip}] = exp2(best[${strip}] - highest);
        total[${strip}] *= shrink[${strip}];
        best[${strip}] = highest;
        // In the first tile the sums are still 0.
        if (start > 0) { atomicStore(&outdated, 1u); }
      }
      ${repeat(
        count,
        "i",
        units.unroll,
        (i) => `{
        let four = ${units.toHalves(`exp2(fours[${i}] - best[${strip}])`)};
        weights[at + 2u * ${i}] = four;
        total[${strip}] += dot(vec4<f32>(four), vec4<f32>(1.0));
      }`,
      )}
    }`;
}

/** WGSL: adds the weighted values of the tile to the sums. */
function valueCode(shape: UnitAttentionShape, units: MatrixUnits): string {
  const { keyLine, scoreLine } = sizesOf(shape, units);
  return eachKeys(shape, units, (key) => {
    const left = (strip: string): OperandFragment =>
      units.left(`weight${strip}`, { ...scorePlace(scoreLine, strip, key), memory: "weights" });
    const right = (d: string): OperandFragment =>
      units.right(`value${d}`, {
        memory: "operands",
        at: `(${shape.keys}u + ${fragmentEdge}u * ${key}) * ${keyLine}u + 4u * ${d}`,
        stride: keyLine,
      });
    return [
      units.bring(shape.strips, left),
      eachAcross(shape, units, (d) =>
        [
          right(d).code,
          eachStrip(shape, units, (strip) =>
            units.multiply(sumOf(shape, units, strip, d), left(strip), right(d)),
          ),
        ].join("\n      "),
      ),
    ].join("\n      ");
  });
}

/** WGSL: passes the sums through `scores`, a fragment of each strip at once, to `each` of a thread's vectors and, maybe, back. */
function throughScores(
  shape: UnitAttentionShape,
  units: MatrixUnits,
  each: (strip: string, quad: string, column: string) => string,
  back: boolean,
): string {
  const { scoreLine } = sizesOf(shape, units);
  const places = shape.keys / fragmentEdge;
  const move = (how: "store" | "load", d: string): string =>
    eachStrip(shape, units, (strip) =>
      units[how](sumOf(shape, units, strip, d), scorePlace(scoreLine, strip, `(${d} % ${places}u)`)),
    );
  // Fragments take turns in the places that a strip of scores has: with two there is one barrier fewer. The one before them all
  // is for who still reads the scores, or the sums of an earlier turn.
  return `workgroupBarrier();\n${eachAcross(shape, units, (d) =>
    [
      places === 1 && Number.parseInt(d, 10) !== 0 ? "workgroupBarrier();" : "",
      move("store", d),
      "workgroupBarrier();",
      eachStrip(
        shape,
        units,
        (strip) => `for (var i = side; i < 4u; i += 2u) {
        let at = ${stripAt(scoreLine, strip)} + line * ${scoreLine}u + 4u * (${d} % ${places}u) + i;
        ${each(strip, "at", `4u * ${d} + i`)}
      }`,
      ),
      ...(back ? ["workgroupBarrier();", move("load", d)] : []),
    ].join("\n      "),
  )}`;
}
