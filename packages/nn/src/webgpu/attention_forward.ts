import {
  addSlices,
  eachQuad,
  eachRow,
  type HeadShape,
  headStart,
  mainHead,
  poolDeclaration,
  quadReader,
  quadsOf,
  quadWriter,
  slicesOf,
  tileQuad,
  walkTiles,
} from "./attention_shader.js";

/**
 * Flash attention's forward pass (Dao et al. 2022, algorithm 1, with Rabe and Staats's running maximum).
 *
 * Arithmetic: 4 T S d FLOP a head over 8 (T + S) d bytes at the least; each workgroup of 64 queries reads all keys and
 * values, 8 S d bytes for 256 S d FLOP: 32 FLOP a byte from the second-level cache, bound by arithmetic on every GPU. A
 * vector of a tile brings 8 multiply-adds to one load of workgroup memory.
 *
 * Scores live in base 2: exp2 is what the hardware has, and log2(e) goes into the scale.
 */

/** Lower than any score, and finite: the difference of two of it is 0, not NaN. */
const lowest = "-1e30";

/** WGSL of softmax(q k^T scale) v. Buffers: result; q, k, v. */
export function attentionCode(shape: HeadShape): string {
  return `
${["q", "k", "v"].map((buffer) => quadReader(buffer, shape)).join("\n")}
${quadWriter(shape)}
${softmaxWalk(shape)}
  let factor = exp2(best - whole.x) / whole.y;
  let resultAt = image * uniforms.resultBatch + head * uniforms.headStep + row * uniforms.resultRow;
  let isMine = wanted < uniforms.queries;
  ${addSlices(
    shape,
    (j) => `sums[${j}] * factor`,
    (j, sum) => `if (isMine) { writeQuad(resultAt, ${j}, ${sum}); }`,
  )}
}
`;
}

/**
 * WGSL of what the backward pass needs of each query: [heads of all images, T, 2], the logarithm (base 2) of the sum of its
 * exponentials, and dy . y, without storing y. Buffers: result; q, k, v, dy.
 */
export function attentionStatisticsCode(shape: HeadShape): string {
  return `
${["q", "k", "v", "dy"].map((buffer) => quadReader(buffer, shape)).join("\n")}
${softmaxWalk(shape)}
  let factor = exp2(best - whole.x) / whole.y;
  ${headStart("dy")}
  var along = 0.0;
  ${eachQuad(shape, (j) => `along += dot(sums[${j}], quadOf_dy(dyAt + row * uniforms.dyRow, ${j}));`)}
  pool[thread] = vec4<f32>(along * factor);
  workgroupBarrier();
  if (slice == 0u && wanted < uniforms.queries) {
    let at = 2 * (pair * uniforms.queries + row);
    result[at] = whole.x + log2(whole.y);
    var alongY = 0.0;
    for (var s = 0u; s < ${slicesOf(shape)}u; s++) { alongY += pool[inGroup + s * ${shape.rows}u].x; }
    result[at + 1] = alongY;
  }
}
`;
}

/** WGSL of `main` up to each slice's weighted `sums` under its own maximum `best`, and `whole`: maximum and sum of all. */
function softmaxWalk(shape: HeadShape): string {
  const quads = quadsOf(shape);
  const { perSlice: keys } = shape;
  const isKey = (c: string): string => `firstRow + i32(${c}) < uniforms.keys`;
  const body = `
    // With an initial value: without one it would keep those of the tile before on some drivers.
    var scores = array<f32, ${keys}>();
    ${eachQuad(shape, (j) => eachRow(shape, (c) => `scores[${c}] += dot(query[${j}], ${tileQuad(shape, 0, c, j)});`))}
    var now = best;
    ${eachRow(
      shape,
      (c) => `scores[${c}] = select(${lowest}, scores[${c}], ${isKey(c)});
    now = max(now, scores[${c}]);`,
    )}
    let shrink = exp2(best - now);
    best = now;
    total *= shrink;
    ${eachQuad(shape, (j) => `sums[${j}] *= shrink;`)}
    ${eachRow(
      shape,
      (c) => `{
      let weight = select(0.0, exp2(scores[${c}] - now), ${isKey(c)});
      total += weight;
      ${eachQuad(shape, (j) => `sums[${j}] = fma(vec4<f32>(weight), ${tileQuad(shape, 1, c, j)}, sums[${j}]);`)}
    }`,
    )}`;
  return `
${poolDeclaration(shape)}
${mainHead(shape, "uniforms.queries")}
  ${["q", "k", "v"].map(headStart).join("\n  ")}
  var query : array<vec4<f32>, ${quads}>;
  var sums : array<vec4<f32>, ${quads}>;
  ${eachQuad(shape, (j) => `query[${j}] = quadOf_q(qAt + row * uniforms.qRow, ${j}) * uniforms.scale2;`)}
  var best = ${lowest};
  var total = 0.0;
  ${walkTiles(shape, { count: "uniforms.keys", first: "k", second: "v", body })}
  pool[thread] = vec4<f32>(best, total, 0.0, 0.0);
  workgroupBarrier();
  var whole = vec2<f32>(${lowest}, 0.0);
  for (var s = 0u; s < ${slicesOf(shape)}u; s++) { whole.x = max(whole.x, pool[inGroup + s * ${shape.rows}u].x); }
  for (var s = 0u; s < ${slicesOf(shape)}u; s++) {
    let part = pool[inGroup + s * ${shape.rows}u];
    whole.y += part.y * exp2(part.x - whole.x);
  }
  workgroupBarrier();`;
}
