import { GlofError } from "@glof/core";
import { concat, elementwise, type OnnxValue, resizeBilinear, slice } from "@glof/onnx";
import type { LinearHeadConfig } from "../linear_head.js";
import { type PlainDecoderConfig, stageUnits } from "../plain_decoder.js";
import { addConv, addDoubling, addNorm, addUnits, type DecoderParts, sizeOf } from "./unit_graph.js";

/** `buildLinearHead`'s forward pass on [N, C, H, W]. */
export function addLinearHead(
  parts: DecoderParts,
  config: LinearHeadConfig,
  features: readonly OnnxValue[],
  image: OnnxValue,
): OnnxValue {
  const { graph } = parts;
  const size = sizeOf(features.at(-1)!);
  const maps = features.map((map) => resizeBilinear(graph, map, size));
  const normed = addNorm(parts, config.batchNorm ? "batch" : "none", "bn", concat(graph, maps, 1));
  return resizeBilinear(graph, addConv(parts, "conv_seg", normed), sizeOf(image));
}

/** `buildPlainDecoder`'s forward pass on [N, C, H, W]. */
export function addPlainDecoder(
  parts: DecoderParts,
  config: PlainDecoderConfig,
  features: readonly OnnxValue[],
  image: OnnxValue,
): OnnxValue {
  const { project, stages, fit } = config;
  const size = sizeOf(image);
  const deepest = features.at(-1)!;
  let x = project === null ? deepest : addConv(parts, "project", deepest);
  for (const stage of stages.keys()) {
    const toImage = fit === "last-stage" && stage === stages.length - 1;
    const upsampled = upsample(parts, config, stage, x, toImage ? size : undefined);
    x = addUnits(parts, stageUnits(config, stage), upsampled);
  }
  const fitted = fit === "crop" ? cropCentre(parts, x, size) : resizeBilinear(parts.graph, x, size);
  return addConv(parts, "logits", fitted);
}

function upsample(
  parts: DecoderParts,
  { upsampling, norm }: PlainDecoderConfig,
  stage: number,
  x: OnnxValue,
  target: readonly [rows: number, cols: number] | undefined,
): OnnxValue {
  if (upsampling === "bilinear") {
    const [rows, cols] = sizeOf(x);
    return resizeBilinear(parts.graph, x, target ?? [2 * rows, 2 * cols]);
  }
  const doubled = addDoubling(parts, `stages.${stage}.up`, x);
  return elementwise(parts.graph, "Relu", addNorm(parts, norm, `stages.${stage}.norm`, doubled));
}

function cropCentre(
  { graph }: DecoderParts,
  x: OnnxValue,
  [rows, cols]: readonly [rows: number, cols: number],
): OnnxValue {
  const [height, width] = sizeOf(x);
  if (height < rows || width < cols) {
    throw new GlofError(
      "shape-mismatch",
      `addDecoder: expected a last map of at least ${rows} x ${cols} to crop, got ${height} x ${width}. ` +
        'Add stages, or set fit to "resize".',
    );
  }
  const tall = slice(graph, x, 2, Math.floor((height - rows) / 2), rows);
  return slice(graph, tall, 3, Math.floor((width - cols) / 2), cols);
}
