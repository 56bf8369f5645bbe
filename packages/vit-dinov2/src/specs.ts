import type { Init, ParamSpec } from "@glof/nn";
import { type Dinov2Config, ffnHidden, trainedGrid } from "./config.js";

const zeros: Init = { kind: "zeros" };
const ones: Init = { kind: "ones" };
const linearInit: Init = { kind: "truncated-normal", std: 0.02 };

/**
 * The table of a model's parameters: the official names, shapes and order of `state_dict()`.
 * Source: dinov2/models/vision_transformer.py (`__init__`, `init_weights`).
 */
export function dinov2Specs(config: Dinov2Config): readonly ParamSpec[] {
  const { embedDim: D, patchSizePx: patch, registers, bands, depth } = config;
  // The spread of PyTorch's own uniform initialisation of a convolution.
  const patchInit: Init = { kind: "normal", std: 1 / Math.sqrt(3 * bands.length * patch * patch) };
  const tokenInit: Init = { kind: "normal", std: 1e-6 };
  return [
    weight("cls_token", [1, 1, D], tokenInit),
    weight("pos_embed", [1, trainedGrid(config) ** 2 + 1, D], linearInit),
    ...(registers > 0 ? [weight("register_tokens", [1, registers, D], tokenInit)] : []),
    weight("mask_token", [1, D], zeros),
    { ...weight("patch_embed.proj.weight", [D, bands.length, patch, patch], patchInit), layout: "conv2d" },
    weight("patch_embed.proj.bias", [D], zeros),
    ...Array.from({ length: depth }, (_, layer) => blockSpecs(config, layer)).flat(),
    ...normSpecs("norm", D),
  ];
}

function blockSpecs(config: Dinov2Config, layer: number): ParamSpec[] {
  const { embedDim: D, qkvBias, projBias, ffnBias, ffn } = config;
  const hidden = ffnHidden(config);
  const at = `blocks.${layer}`;
  const isExtra = layer >= config.baseDepth;
  const isLastZero = isExtra && config.extraBlocks !== "zero-gamma";
  const [widen, narrow] = ffn === "mlp" ? (["fc1", "fc2"] as const) : (["w12", "w3"] as const);
  return [
    ...normSpecs(`${at}.norm1`, D),
    ...linearSpecs(`${at}.attn.qkv`, [3 * D, D], qkvBias),
    ...linearSpecs(`${at}.attn.proj`, [D, D], projBias, isLastZero),
    ...scaleSpecs(config, `${at}.ls1`, isExtra),
    ...normSpecs(`${at}.norm2`, D),
    ...linearSpecs(`${at}.mlp.${widen}`, [ffn === "mlp" ? hidden : 2 * hidden, D], ffnBias),
    ...linearSpecs(`${at}.mlp.${narrow}`, [D, hidden], ffnBias, isLastZero),
    ...scaleSpecs(config, `${at}.ls2`, isExtra),
  ];
}

/** An added block starts as the identity, in fresh weights as in loaded ones. */
function scaleSpecs(
  { layerScale, embedDim, extraBlocks }: Dinov2Config,
  at: string,
  isExtra: boolean,
): ParamSpec[] {
  if (layerScale === null) return [];
  const isZero = isExtra && extraBlocks !== "zero-proj";
  return [weight(`${at}.gamma`, [embedDim], isZero ? zeros : { kind: "constant", value: layerScale })];
}

function normSpecs(at: string, width: number): ParamSpec[] {
  return [weight(`${at}.weight`, [width], ones), weight(`${at}.bias`, [width], zeros)];
}

function linearSpecs(
  at: string,
  shape: readonly [number, number],
  hasBias: boolean,
  isZero = false,
): ParamSpec[] {
  const matrix: ParamSpec = {
    ...weight(`${at}.weight`, shape, isZero ? zeros : linearInit),
    layout: "linear",
  };
  return hasBias ? [matrix, weight(`${at}.bias`, [shape[0]], zeros)] : [matrix];
}

function weight(name: string, shape: readonly number[], init: Init): ParamSpec {
  return { name, shape, kind: "weight", layout: "as-is", init };
}
