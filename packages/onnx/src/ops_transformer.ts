import type { OnnxGraph } from "./graph.js";
import { arithmetic, elementwise, matMul, reshape, single, transpose } from "./ops_basic.js";
import { fixedSize, wrongShapes } from "./shapes.js";
import type { OnnxValue } from "./types.js";

/** Learned scale and shift [D], and what is added to the variance. */
export interface LayerNormWeights {
  readonly weight: OnnxValue;
  readonly bias: OnnxValue;
  readonly epsilon: number;
}

/**
 * Normalises over the last axis.
 *
 * @throws GlofError `shape-mismatch`
 */
export function layerNorm(
  graph: OnnxGraph,
  x: OnnxValue,
  { weight, bias, epsilon }: LayerNormWeights,
): OnnxValue {
  const width = String(x.shape.at(-1));
  if (String(weight.shape) !== width || String(bias.shape) !== width) {
    throw wrongShapes("layerNorm", "[…, D], [D] and [D]", [x, weight, bias]);
  }
  const attributes = { axis: { int: -1 }, epsilon: { float: epsilon } };
  return single(
    graph.node("LayerNormalization", { inputs: [x, weight, bias], shapes: [x.shape], attributes }),
  );
}

/** x w + b, b left out where there is none. `w` [in, out], `b` [out]. */
export function linear(graph: OnnxGraph, x: OnnxValue, w: OnnxValue, b: OnnxValue | undefined): OnnxValue {
  const product = matMul(graph, x, w);
  return b === undefined ? product : arithmetic(graph, "Add", product, b);
}

/** The exact GELU, x Φ(x): one operation from opset 20 on, and before that what programs recognise as one. */
export function gelu(graph: OnnxGraph, x: OnnxValue): OnnxValue {
  if (graph.opset >= 20) return single(graph.node("Gelu", { inputs: [x], shapes: [x.shape] }));
  const scaled = arithmetic(graph, "Div", x, graph.floats([Math.SQRT2], []));
  const phi2 = arithmetic(graph, "Add", elementwise(graph, "Erf", scaled), graph.floats([1], []));
  return arithmetic(graph, "Mul", arithmetic(graph, "Mul", x, phi2), graph.floats([0.5], []));
}

/** x · sigmoid(x). */
export function silu(graph: OnnxGraph, x: OnnxValue): OnnxValue {
  return arithmetic(graph, "Mul", x, elementwise(graph, "Sigmoid", x));
}

/** Softmax over the last axis. */
export function softmax(graph: OnnxGraph, x: OnnxValue): OnnxValue {
  return single(graph.node("Softmax", { inputs: [x], shapes: [x.shape], attributes: { axis: { int: -1 } } }));
}

/**
 * How attention is written: by ONNX's own operations, or as ONNX Runtime's `com.microsoft` `MultiHeadAttention`, which
 * keeps no T x T matrix in memory and which other programs do not know.
 */
export type OnnxAttention = "standard" | "fused";

/** What attention takes: queries, keys and values [N, T, D]. */
export interface AttentionInputs {
  readonly q: OnnxValue;
  readonly k: OnnxValue;
  readonly v: OnnxValue;
}

/**
 * Scaled dot-product attention of `heads` heads of D / heads.
 *
 * @returns [N, T, D]
 * @throws GlofError `shape-mismatch`
 */
export function attention(
  graph: OnnxGraph,
  { q, k, v }: AttentionInputs,
  heads: number,
  how: OnnxAttention,
): OnnxValue {
  const [batch, count] = q.shape;
  const width = fixedSize("attention", q, 2);
  const isSame = [k, v].every((value) => value.shape.join() === q.shape.join());
  if (q.shape.length !== 3 || !isSame || width % heads !== 0) {
    throw wrongShapes("attention", `three [N, T, D], D a multiple of ${heads} heads`, [q, k, v]);
  }
  const headWidth = width / heads;
  const scale = headWidth ** -0.5;
  if (how === "fused") {
    const attributes = { num_heads: { int: heads }, scale: { float: scale } };
    const node = { inputs: [q, k, v], shapes: [q.shape], attributes, domain: "com.microsoft" };
    return single(graph.node("MultiHeadAttention", node));
  }
  const heads4 = (value: OnnxValue, order: readonly number[]): OnnxValue =>
    transpose(graph, reshape(graph, value, [batch!, count!, heads, headWidth]), order);
  const scaled = arithmetic(graph, "Mul", heads4(q, [0, 2, 1, 3]), graph.floats([scale], []));
  const weights = softmax(graph, matMul(graph, scaled, heads4(k, [0, 2, 3, 1]))); // [N, A, T, T]
  const mixed = matMul(graph, weights, heads4(v, [0, 2, 1, 3]));
  return reshape(graph, transpose(graph, mixed, [0, 2, 1, 3]), q.shape);
}
