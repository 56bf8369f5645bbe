import { GlofError } from "@glof/core";
import {
  arithmetic,
  conv2d,
  layerNorm,
  type OnnxAttention,
  type OnnxGraph,
  type OnnxValue,
  padFront,
  reshape,
  slice,
  transpose,
  type WeightReader,
} from "@glof/onnx";
import type { Dinov2Config } from "../config.js";
import type { PatchGrid } from "../embed.js";
import { addBlock, type GraphParts, normWeights } from "./block_graph.js";
import { positionValues } from "./position_values.js";

/** Options of `addDinov2`. */
export interface AddDinov2Options {
  /** Blocks (0-based) whose tokens are wanted; blocks behind the last are left out. Default: the last block. */
  readonly layers?: readonly number[] | undefined;
  /** Default `"standard"`. */
  readonly attention?: OnnxAttention | undefined;
  /** Put before the names of parameters in the graph. Default none. */
  readonly prefix?: string | undefined;
}

/** A model's backbone as part of a graph. */
export interface Dinov2Graph {
  readonly grid: PatchGrid;
  /** All tokens of the wanted blocks after the final norm, shallow to deep: cls, registers, patches. [N, T, D] each */
  readonly tokens: readonly OnnxValue[];
}

/**
 * Adds the forward pass of a model to a graph, for images of one size: the position embedding is computed here, once.
 *
 * @param read gives a parameter by its official name, in PyTorch's layout
 * @param image [N, C, H, W], H and W multiples of the patch
 * @throws GlofError `shape-mismatch`, `bad-argument`
 */
export function addDinov2(
  graph: OnnxGraph,
  config: Dinov2Config,
  read: WeightReader,
  image: OnnxValue,
  options: AddDinov2Options = {},
): Dinov2Graph {
  const { layers = [config.depth - 1], attention = "standard", prefix = "" } = options;
  checkLayers(config, layers);
  const grid = gridOf(config, image);
  const parts: GraphParts = { graph, config, read, attention, prefix };
  let tokens = addTokens(parts, image, grid);
  const taken: OnnxValue[] = [];
  for (let layer = 0; layer <= Math.max(...layers); layer++) {
    tokens = addBlock(parts, tokens, layer);
    if (layers.includes(layer)) taken.push(tokens);
  }
  const norm = normWeights(parts, "norm");
  return { grid, tokens: taken.map((one) => layerNorm(graph, one, norm)) };
}

/** Patch tokens as an image: [N, T, D] to [N, D, rows, cols]. */
export function patchMap(
  graph: OnnxGraph,
  { registers, embedDim }: Dinov2Config,
  tokens: OnnxValue,
  [rows, cols]: PatchGrid,
): OnnxValue {
  const patches = slice(graph, tokens, 1, 1 + registers, rows * cols);
  return reshape(graph, transpose(graph, patches, [0, 2, 1]), [tokens.shape[0]!, embedDim, rows, cols]);
}

/**
 * Zeros stand before the patches where class token and registers will be: so one addition puts in positions and both,
 * and nothing has to be repeated for each image.
 */
function addTokens(
  { graph, config, read, prefix }: GraphParts,
  image: OnnxValue,
  grid: PatchGrid,
): OnnxValue {
  const { embedDim: width, patchSizePx: patch, bands, registers } = config;
  const count = grid[0] * grid[1];
  const at = "patch_embed.proj";
  const maps = conv2d(graph, image, {
    weight: graph.weight(`${prefix}${at}.weight`, [width, bands.length, patch, patch], () =>
      read(`${at}.weight`),
    ),
    bias: graph.weight(`${prefix}${at}.bias`, [width], () => read(`${at}.bias`)),
    stride: patch,
  });
  const patches = transpose(graph, reshape(graph, maps, [image.shape[0]!, width, count]), [0, 2, 1]);
  const position = graph.weight(`${prefix}pos_embed`, [1, 1 + registers + count, width], async () =>
    positionValues(config, grid, {
      posEmbed: await read("pos_embed"),
      clsToken: await read("cls_token"),
      registers: registers > 0 ? await read("register_tokens") : new Float32Array(0),
    }),
  );
  return arithmetic(graph, "Add", padFront(graph, patches, 1, 1 + registers), position);
}

function gridOf({ name, patchSizePx: patch, bands }: Dinov2Config, image: OnnxValue): PatchGrid {
  const [, channels, height, width] = image.shape;
  const isWhole = (size: unknown): size is number =>
    typeof size === "number" && size > 0 && size % patch === 0;
  if (channels === bands.length && isWhole(height) && isWhole(width)) return [height / patch, width / patch];
  throw new GlofError(
    "shape-mismatch",
    `addDinov2(${name}): expected an image [N, ${bands.length}, H, W] with H and W multiples of ${patch}, ` +
      `got [${image.shape.join(", ")}]. Choose a size that the patch divides.`,
    { shape: image.shape },
  );
}

function checkLayers({ name, depth }: Dinov2Config, layers: readonly number[]): void {
  const sound = layers.every((layer) => Number.isInteger(layer) && layer >= 0 && layer < depth);
  if (sound && layers.length > 0 && new Set(layers).size === layers.length) return;
  throw new GlofError(
    "bad-argument",
    `addDinov2(${name}): expected different block numbers from 0 to ${depth - 1}, got ${JSON.stringify(layers)}. ` +
      "Name blocks that exist.",
    { layers },
  );
}
