import { GlofError } from "@glof/core";
import type { OnnxGraph, OnnxValue, WeightReader } from "@glof/onnx";
import { buildLinearHead, type LinearHeadConfig } from "../linear_head.js";
import { buildPlainDecoder, type PlainDecoderConfig } from "../plain_decoder.js";
import { buildUnetDecoder, type UnetDecoderConfig } from "../unet_decoder.js";
import { buildVitUnet, type VitUnetConfig } from "../vit_unet.js";
import { addLinearHead, addPlainDecoder } from "./plain_graph.js";
import { addUnetDecoder } from "./unet_graph.js";
import type { DecoderParts } from "./unit_graph.js";
import { addVitUnet } from "./vit_unet_graph.js";

/** A decoder by its config, as the decoder's own `config` gives it. */
export type DecoderToAdd =
  | { readonly kind: "vit-unet"; readonly config: VitUnetConfig }
  | { readonly kind: "plain"; readonly config: PlainDecoderConfig }
  | { readonly kind: "linear"; readonly config: LinearHeadConfig }
  | { readonly kind: "unet"; readonly config: UnetDecoderConfig };

/** What `addDecoder` connects. */
export interface DecoderConnections {
  /** Gives a parameter by its name, in PyTorch's layout. */
  readonly read: WeightReader;
  /** Maps from shallow to deep, [N, C, h, w] each. */
  readonly features: readonly OnnxValue[];
  /** [N, C, H, W] */
  readonly image: OnnxValue;
  /** Put before the names of parameters in the graph. Default none. */
  readonly prefix?: string | undefined;
}

/**
 * Adds the inference pass of a decoder to a graph.
 *
 * @returns logits [N, K, H, W], H and W of the image
 * @throws GlofError `bad-config`; `shape-mismatch`
 */
export function addDecoder(
  graph: OnnxGraph,
  decoder: DecoderToAdd,
  { read, features, image, prefix = "" }: DecoderConnections,
): OnnxValue {
  const partsFor = ({ specs }: { readonly specs: DecoderSpecs }): DecoderParts => ({
    graph,
    read,
    prefix,
    specs: new Map(specs.map((spec) => [spec.name, spec])),
  });
  requireFeatures(features);
  switch (decoder.kind) {
    case "vit-unet":
      return addVitUnet(partsFor(buildVitUnet(decoder.config)), decoder.config, features, image);
    case "plain":
      return addPlainDecoder(partsFor(buildPlainDecoder(decoder.config)), decoder.config, features, image);
    case "linear":
      return addLinearHead(partsFor(buildLinearHead(decoder.config)), decoder.config, features, image);
    case "unet":
      return addUnetDecoder(partsFor(buildUnetDecoder(decoder.config)), decoder.config, features, image);
  }
}

type DecoderSpecs = ReturnType<typeof buildVitUnet>["specs"];

function requireFeatures(features: readonly OnnxValue[]): void {
  if (features.length > 0) return;
  throw new GlofError(
    "shape-mismatch",
    "addDecoder: expected at least one feature map, got none. Pass the maps of the backbone.",
  );
}
