import {
  arithmetic,
  attention,
  gelu,
  type LayerNormWeights,
  layerNorm,
  linear,
  type OnnxAttention,
  type OnnxGraph,
  type OnnxValue,
  silu,
  split,
  type WeightReader,
} from "@glof/onnx";
import { type Dinov2Config, ffnHidden } from "../config.js";

/** Of the model's own norms. */
const epsilon = 1e-6;

/** What the parts of a graph are made from. */
export interface GraphParts {
  readonly graph: OnnxGraph;
  readonly config: Dinov2Config;
  readonly read: WeightReader;
  readonly attention: OnnxAttention;
  /** Put before the names of parameters in the graph, such as `backbone.`. */
  readonly prefix: string;
}

/** One pre-norm block, [N, T, D] to [N, T, D]; LayerScale is multiplied into the weights before it. */
export function addBlock(parts: GraphParts, x: OnnxValue, layer: number): OnnxValue {
  const { graph, config } = parts;
  const at = `blocks.${layer}.`;
  const { embedDim: width, heads, qkvBias } = config;
  const normed = layerNorm(graph, x, normWeights(parts, `${at}norm1`));
  const qkv = addLinear(parts, normed, `${at}attn.qkv`, {
    inWidth: width,
    outWidth: 3 * width,
    hasBias: qkvBias,
  });
  const [q, k, v] = split(graph, qkv, 2, [width, width, width]);
  const mixed = attention(graph, { q: q!, k: k!, v: v! }, heads, parts.attention);
  const attended = arithmetic(
    graph,
    "Add",
    x,
    addLinear(parts, mixed, `${at}attn.proj`, {
      inWidth: width,
      outWidth: width,
      hasBias: config.projBias,
      gamma: gammaOf(config, `${at}ls1`),
    }),
  );
  const renormed = layerNorm(graph, attended, normWeights(parts, `${at}norm2`));
  return arithmetic(graph, "Add", attended, feedForward(parts, renormed, at));
}

/** Weights of the LayerNorm over D named `at`. */
export function normWeights({ graph, config, read, prefix }: GraphParts, at: string): LayerNormWeights {
  const stored = (name: string): OnnxValue =>
    graph.weight(prefix + name, [config.embedDim], () => read(name));
  return { weight: stored(`${at}.weight`), bias: stored(`${at}.bias`), epsilon };
}

function feedForward(parts: GraphParts, x: OnnxValue, at: string): OnnxValue {
  const { graph, config } = parts;
  const { embedDim: width, ffn, ffnBias: hasBias } = config;
  const hidden = ffnHidden(config);
  const gamma = gammaOf(config, `${at}ls2`);
  if (ffn === "mlp") {
    const wide = addLinear(parts, x, `${at}mlp.fc1`, { inWidth: width, outWidth: hidden, hasBias });
    return addLinear(parts, gelu(graph, wide), `${at}mlp.fc2`, {
      inWidth: hidden,
      outWidth: width,
      hasBias,
      gamma,
    });
  }
  const both = addLinear(parts, x, `${at}mlp.w12`, { inWidth: width, outWidth: 2 * hidden, hasBias });
  const [gate, value] = split(graph, both, 2, [hidden, hidden]);
  const gated = arithmetic(graph, "Mul", silu(graph, gate!), value!);
  return addLinear(parts, gated, `${at}mlp.w3`, { inWidth: hidden, outWidth: width, hasBias, gamma });
}

const gammaOf = ({ layerScale }: Dinov2Config, at: string): string | undefined =>
  layerScale === null ? undefined : `${at}.gamma`;

interface LinearShape {
  readonly inWidth: number;
  readonly outWidth: number;
  readonly hasBias: boolean;
  /** Name of a LayerScale that the result is multiplied by. */
  readonly gamma?: string | undefined;
}

function addLinear(
  { graph, read, prefix }: GraphParts,
  x: OnnxValue,
  at: string,
  { inWidth, outWidth, hasBias, gamma }: LinearShape,
): OnnxValue {
  const scale = async (): Promise<Float32Array | undefined> =>
    gamma === undefined ? undefined : read(gamma);
  const w = graph.weight(`${prefix}${at}.weight`, [inWidth, outWidth], async () =>
    transposed(await read(`${at}.weight`), outWidth, inWidth, await scale()),
  );
  const readBias = async (): Promise<Float32Array> =>
    transposed(await read(`${at}.bias`), outWidth, 1, await scale());
  return linear(graph, x, w, hasBias ? graph.weight(`${prefix}${at}.bias`, [outWidth], readBias) : undefined);
}

/** [rows, cols] to [cols, rows], each row times its scale. */
function transposed(
  values: Float32Array,
  rows: number,
  cols: number,
  scale: Float32Array | undefined,
): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const factor = scale?.[row] ?? 1;
    for (let col = 0, from = row * cols, to = row; col < cols; col++, from++, to += rows) {
      result[to] = values[from]! * factor;
    }
  }
  return result;
}
