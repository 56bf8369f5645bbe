import {
  arithmetic,
  concat,
  elementwise,
  globalAveragePool,
  type OnnxValue,
  resizeBilinear,
} from "@glof/onnx";
import { planBlocks, type UnetBlock, type UnetDecoderConfig } from "../unet_decoder.js";
import { addConv, addNearest, addUnits, type DecoderParts, sizeOf } from "./unit_graph.js";

/** `buildUnetDecoder`'s forward pass on [N, C, H, W]. */
export function addUnetDecoder(
  parts: DecoderParts,
  config: UnetDecoderConfig,
  features: readonly OnnxValue[],
  image: OnnxValue,
): OnnxValue {
  const { center, blocks } = planBlocks(config);
  const [deepest, ...skips] = [...features].reverse();
  let x = addUnits(parts, center, deepest!);
  for (const [index, block] of blocks.entries()) x = addBlock(parts, config, block, x, skips[index], image);
  return config.classes === null ? x : addConv(parts, "segmentation_head.0", x, { padding: 1 });
}

function addBlock(
  parts: DecoderParts,
  { interpolation, attention }: UnetDecoderConfig,
  { at, convs }: UnetBlock,
  x: OnnxValue,
  skip: OnnxValue | undefined,
  image: OnnxValue,
): OnnxValue {
  const size = sizeOf(skip ?? image);
  const upsampled =
    interpolation === "nearest" ? addNearest(parts, x, size) : resizeBilinear(parts.graph, x, size);
  const joined = skip ? concat(parts.graph, [upsampled, skip], 1) : upsampled;
  const hasAttention = attention === "scse";
  const attended = hasAttention && skip ? addScse(parts, `${at}.attention1.attention`, joined) : joined;
  const out = addUnits(parts, convs, attended);
  return hasAttention ? addScse(parts, `${at}.attention2.attention`, out) : out;
}

/** As `applyScse`: x · channel weights + x · pixel weights. */
function addScse(parts: DecoderParts, at: string, x: OnnxValue): OnnxValue {
  const { graph } = parts;
  const squeezed = addConv(parts, `${at}.cSE.1`, globalAveragePool(graph, x));
  const excited = addConv(parts, `${at}.cSE.3`, elementwise(graph, "Relu", squeezed));
  const channels = elementwise(graph, "Sigmoid", excited);
  const pixels = elementwise(graph, "Sigmoid", addConv(parts, `${at}.sSE.0`, x));
  const byChannel = arithmetic(graph, "Mul", x, channels);
  return arithmetic(graph, "Add", byChannel, arithmetic(graph, "Mul", x, pixels));
}
