import { arithmetic, concat, type OnnxValue, resizeBilinear } from "@glof/onnx";
import { partsOf, type VitUnetConfig } from "../vit_unet.js";
import { addConv, addNearest, addUnit, addUnits, type DecoderParts, sizeOf } from "./unit_graph.js";

/** `buildVitUnet`'s forward pass on [N, C, H, W]. */
export function addVitUnet(
  parts: DecoderParts,
  config: VitUnetConfig,
  features: readonly OnnxValue[],
  image: OnnxValue,
): OnnxValue {
  const { graph } = parts;
  const units = partsOf(config);
  const fused = addUnit(parts, units.patch, fuse(parts, config, features));
  const [rows, cols] = sizeOf(fused);
  const doubled = addNearest(parts, fused, [2 * rows, 2 * cols]);
  const coarse = addConv(parts, "to_half", addUnit(parts, units.quarter, doubled));
  const halfStem = addUnits(parts, units.halfStem, image);
  const resized = resizeBilinear(graph, coarse, sizeOf(halfStem));
  const half = addUnit(parts, units.half, concat(graph, [resized, halfStem], 1));
  const atHalf = addConv(parts, "to_full", half);
  const fullStem = addUnit(parts, units.fullStem, image);
  const joined = concat(graph, [addNearest(parts, atHalf, sizeOf(image)), fullStem], 1);
  return addConv(parts, "logits", addUnits(parts, units.full, joined));
}

function fuse(parts: DecoderParts, { fusion }: VitUnetConfig, features: readonly OnnxValue[]): OnnxValue {
  const size = sizeOf(features.at(-1)!);
  const projected = features.map((map, index) =>
    resizeBilinear(parts.graph, addConv(parts, `lateral.${index}`, map), size),
  );
  return fusion === "concat"
    ? concat(parts.graph, projected, 1)
    : projected.reduce((sum, map) => arithmetic(parts.graph, "Add", sum, map));
}
