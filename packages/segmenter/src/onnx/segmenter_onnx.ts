import type { Checkpoint } from "@glof/checkpoint";
import { GlofError } from "@glof/core";
import { compareWithSpecs } from "@glof/nn";
import {
  arithmetic,
  clip,
  elementwise,
  type OnnxAttention,
  OnnxGraph,
  type OnnxModel,
  type OnnxValue,
  transpose,
} from "@glof/onnx";
import { addDecoder } from "@glof/unet-decoder";
import { addDinov2, patchMap } from "@glof/vit-dinov2";
import { backbonePrefix, buildLakeSegmenter, decoderPrefix } from "../build_lake_segmenter.js";
import type { SegmenterConfig } from "../segmenter_config.js";

/** Options of `buildSegmenterOnnx`. */
export interface SegmenterOnnxOptions {
  /** Size of the images [rows, cols], multiples of the patch. Default: the config's tile. */
  readonly size?: readonly [rows: number, cols: number] | undefined;
  /** Order of the image's and the result's axes: `"nchw"` as PyTorch, or `"nhwc"`. Default `"nchw"`. */
  readonly layout?: "nchw" | "nhwc" | undefined;
  /**
   * Take reflectance and normalise it in the graph. Pixels without data should hold the band's mean. Default false: the
   * image is normalised before, as `normaliseReflectance` does it.
   */
  readonly normalise?: boolean | undefined;
  /** What comes out: `prob`, from 0 to 1, or `logits`. Default `"prob"`. */
  readonly output?: "prob" | "logits" | undefined;
  /** `"fused"` is faster and runs in ONNX Runtime alone. Default `"standard"`. */
  readonly attention?: OnnxAttention | undefined;
  /** Images per run. Default: any number, said at each run. */
  readonly batch?: number | undefined;
  /** Version of ONNX's set of operations, 17 to 22. Default 20. */
  readonly opset?: number | undefined;
}

/**
 * A lake segmenter with its weights as an ONNX model, to be written with `writeOnnx`: no tensor is made here, and weights
 * are read one at a time while they are written. Keep the checkpoint open until then.
 *
 * Input `image` [N, C, H, W] in the order of `config.bands`; output `prob` (or `logits`) [N, 1, H, W]. The file says
 * name, bands, normalisation, threshold and tile of the config in its metadata.
 *
 * @param checkpoint weights of this config, such as `openBundle` gives them
 * @throws GlofError `bad-config`, `parameter-mismatch`, `shape-mismatch`, `bad-argument`
 */
export function buildSegmenterOnnx(
  config: SegmenterConfig,
  checkpoint: Checkpoint,
  options: SegmenterOnnxOptions = {},
): OnnxModel {
  const { tilePx, bands, featureLayers } = config;
  const {
    size: [rows, cols] = [tilePx, tilePx],
    layout = "nchw",
    batch = "batch",
    output = "prob",
  } = options;
  requireWeights(config, checkpoint);
  const graph = new OnnxGraph({ name: config.name, opset: options.opset });
  const isNchw = layout === "nchw";
  const shape = isNchw ? [batch, bands.length, rows, cols] : [batch, rows, cols, bands.length];
  const input = graph.input("image", shape);
  const given = isNchw ? input : transpose(graph, input, [0, 3, 1, 2]);
  const image = options.normalise ? normalised(graph, given, config) : given;
  const readOf = (prefix: string) => (name: string) => checkpoint.readFloat32(prefix + name);
  const { grid, tokens } = addDinov2(graph, config.backbone, readOf(backbonePrefix), image, {
    layers: featureLayers,
    attention: options.attention,
    prefix: backbonePrefix,
  });
  const logits = addDecoder(
    graph,
    { kind: "vit-unet", config: config.decoder },
    {
      read: readOf(decoderPrefix),
      features: tokens.map((one) => patchMap(graph, config.backbone, one, grid)),
      image,
      prefix: decoderPrefix,
    },
  );
  const result = output === "prob" ? elementwise(graph, "Sigmoid", logits) : logits;
  graph.output(output, isNchw ? result : transpose(graph, result, [0, 2, 3, 1]));
  return graph.finish(metadataOf(config, options.normalise ?? false));
}

/** `(clip(reflectance) - mean) / std`, on [N, C, H, W]. */
function normalised(graph: OnnxGraph, image: OnnxValue, { normalisation }: SegmenterConfig): OnnxValue {
  const { mean, std, clip: range } = normalisation;
  const perBand = (values: readonly number[]): OnnxValue => graph.floats(values, [1, values.length, 1, 1]);
  const clipped = range === undefined ? image : clip(graph, image, range[0], range[1]);
  const centred = arithmetic(graph, "Sub", clipped, perBand(mean));
  return arithmetic(graph, "Mul", centred, perBand(std.map((value) => 1 / value)));
}

function metadataOf(config: SegmenterConfig, isReflectance: boolean): Record<string, string> {
  const { name, bands, normalisation, threshold, tilePx } = config;
  return {
    model: name,
    bands: bands.join(","),
    input: isReflectance ? "reflectance" : "normalised",
    normalisation: JSON.stringify(normalisation),
    threshold: String(threshold),
    tilePx: String(tilePx),
  };
}

function requireWeights(config: SegmenterConfig, checkpoint: Checkpoint): void {
  const { missing, misshaped } = compareWithSpecs(buildLakeSegmenter(config).specs, checkpoint);
  const wrong = [...missing, ...misshaped.map(({ name }) => name)];
  if (wrong.length === 0) return;
  throw new GlofError(
    "parameter-mismatch",
    `buildSegmenterOnnx(${checkpoint.name}): expected the weights of ${config.name}, ` +
      `got none or another shape for ${wrong.join(", ")}. Pass config and checkpoint of one bundle.`,
    { missing, misshaped },
  );
}
