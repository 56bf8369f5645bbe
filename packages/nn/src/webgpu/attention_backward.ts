import type { AttentionOperand } from "./attention_problem.js";
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
  tileQuad,
  walkTiles,
} from "./attention_shader.js";

/**
 * Flash attention's backward pass (Dao et al. 2022, algorithm 4), the weights computed again from the statistics of
 * `attentionStatisticsCode`. With p = 2^(q . k - log2 sum) and ds = p (dy . v - dy . y):
 * dq = scale * sum over keys of ds k, dk = scale * sum over queries of ds q, dv = sum over queries of p dy.
 *
 * Arithmetic: 6 T S d FLOP a head for dq and for dk, 4 T S d for dv, 4 T S d for the statistics: 2.5 times the forward pass
 * and no atomic addition, so the result does not depend on the order of threads.
 */
export type AttentionGradient = "dq" | "dk" | "dv";

/** The operands that a pass keeps by row, those it walks in tiles, and which tile it adds up by which weight. */
const roles = {
  dq: { own: ["q", "dy"], tiles: ["k", "v"], rows: "queries", others: "keys", weight: "ds", added: 0 },
  dk: { own: ["k", "v"], tiles: ["q", "dy"], rows: "keys", others: "queries", weight: "ds", added: 0 },
  dv: { own: ["k"], tiles: ["q", "dy"], rows: "keys", others: "queries", weight: "p", added: 1 },
} as const;

/** The operands of a pass, as buffers in order; `statistics` follows them. */
export function operandsOf(gradient: AttentionGradient): readonly AttentionOperand[] {
  return [...roles[gradient].own, ...roles[gradient].tiles];
}

/** WGSL of one gradient. Buffers: result; the operands of `operandsOf`, statistics. */
export function attentionGradientCode(gradient: AttentionGradient, shape: HeadShape): string {
  const { own, tiles, rows, others, weight, added } = roles[gradient];
  const statisticsAt = (query: string): string =>
    `statistics[pair * uniforms.queries + min(${query}, uniforms.queries - 1)]`;
  const isOfQuery = gradient === "dq";
  const weightOf = (c: string): string =>
    weight === "p"
      ? "let factor = p;"
      : `var along = 0.0;
      ${eachQuad(shape, (j) => `along += dot(own1[${j}], ${tileQuad(shape, 1, c, j)});`)}
      let factor = p * (along - known.y) * uniforms.scale;`;
  const body = eachRow(
    shape,
    (c) => `if (firstRow + i32(${c}) < uniforms.${others}) {
      ${isOfQuery ? "" : `let known = ${statisticsAt(`firstRow + i32(${c})`)};`}
      var score = 0.0;
      ${eachQuad(shape, (j) => `score += dot(own0[${j}], ${tileQuad(shape, 0, c, j)});`)}
      let p = exp2(score * uniforms.scale2 - known.x);
      ${weightOf(c)}
      ${eachQuad(shape, (j) => `sums[${j}] = fma(vec4<f32>(factor), ${tileQuad(shape, added, c, j)}, sums[${j}]);`)}
    }`,
  );
  return `
${operandsOf(gradient)
  .map((buffer) => quadReader(buffer, shape))
  .join("\n")}
${quadWriter(shape)}
${poolDeclaration(shape)}
${mainHead(shape, `uniforms.${rows}`)}
  ${operandsOf(gradient).map(headStart).join("\n  ")}
  var sums : array<vec4<f32>, ${quadsOf(shape)}>;
  ${own
    .map(
      (name, at) => `var own${at} : array<vec4<f32>, ${quadsOf(shape)}>;
  ${eachQuad(shape, (j) => `own${at}[${j}] = quadOf_${name}(${name}At + row * uniforms.${name}Row, ${j});`)}`,
    )
    .join("\n  ")}
  ${isOfQuery ? `let known = ${statisticsAt("row")};` : ""}
  ${walkTiles(shape, { count: `uniforms.${others}`, first: tiles[0], second: tiles[1], body })}
  let resultAt = uniforms.resultOffset + image * uniforms.resultBatch + head * uniforms.headStep
    + row * uniforms.resultRow;
  let isMine = wanted < uniforms.${rows};
  ${addSlices(
    shape,
    (j) => `sums[${j}]`,
    (j, sum) => `if (isMine) { writeQuad(resultAt, ${j}, ${sum}); }`,
  )}
}
`;
}
