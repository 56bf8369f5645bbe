import type { Checkpoint } from "@glof/checkpoint";
import { GlofError, type Logger } from "@glof/core";
import { compareWithSpecs } from "@glof/nn";
import { OnnxGraph, type OnnxModel, reshape, slice, transpose } from "@glof/onnx";
import type { Dinov2Config } from "../config.js";
import { fitCheckpoint } from "../load.js";
import { dinov2Specs } from "../specs.js";
import { type AddDinov2Options, addDinov2, patchMap } from "./dinov2_graph.js";

/** Options of `buildDinov2Onnx`. */
export interface Dinov2OnnxOptions extends Pick<AddDinov2Options, "attention"> {
  /** Size of the images [rows, cols], multiples of the patch. Default: the size that the positions were trained on. */
  readonly size?: readonly [rows: number, cols: number] | undefined;
  /**
   * Give the maps of these blocks (0-based), `layer_<i>` [N, D, h, w] after the final norm, instead of the tokens of the
   * last one.
   */
  readonly layers?: readonly number[] | undefined;
  /** Order of the image's axes: `"nchw"` as PyTorch, or `"nhwc"`. Default `"nchw"`. */
  readonly layout?: "nchw" | "nhwc" | undefined;
  /** Images per run. Default: any number, said at each run. */
  readonly batch?: number | undefined;
  /** Version of ONNX's set of operations, 17 to 22. Default 20. */
  readonly opset?: number | undefined;
  /** Names of the checkpoint's bands. Default: as `Dinov2Model.load`. */
  readonly fileBands?: readonly string[] | undefined;
  readonly logger?: Logger | undefined;
}

/**
 * A DINOv2 model with its weights as an ONNX model, to be written with `writeOnnx`: no tensor is made here, and weights
 * are read one at a time while they are written. Keep the checkpoint open until then.
 *
 * Input `image`, normalised; outputs `cls_token` [N, D], `patch_tokens` [N, P, D] and, of a model that has some,
 * `register_tokens` [N, R, D], all after the final norm; or the maps of `layers`.
 *
 * @param checkpoint of any family that `Dinov2Model.load` takes
 * @throws GlofError `parameter-mismatch`, `unknown-band`, `shape-mismatch`, `bad-argument`
 */
export function buildDinov2Onnx(
  config: Dinov2Config,
  checkpoint: Checkpoint,
  options: Dinov2OnnxOptions = {},
): OnnxModel {
  const { layout = "nchw", layers, batch = "batch", attention, opset, fileBands, logger } = options;
  const { imageSizePx, patchSizePx, bands, registers, embedDim } = config;
  const trained = Math.floor(imageSizePx / patchSizePx) * patchSizePx;
  const { size: [rows, cols] = [trained, trained] } = options;
  const weights = fittedWeights(config, checkpoint, { fileBands, logger });
  const graph = new OnnxGraph({ name: config.name, opset });
  const isNchw = layout === "nchw";
  const shape = isNchw ? [batch, bands.length, rows, cols] : [batch, rows, cols, bands.length];
  const input = graph.input("image", shape);
  const image = isNchw ? input : transpose(graph, input, [0, 3, 1, 2]);
  const read = (name: string): Promise<Float32Array> => weights.readFloat32(name);
  const { grid, tokens } = addDinov2(graph, config, read, image, { layers, attention });
  if (layers !== undefined) {
    const sorted = [...layers].sort((a, b) => a - b);
    for (const [index, layer] of sorted.entries())
      graph.output(`layer_${layer}`, patchMap(graph, config, tokens[index]!, grid));
  } else {
    const all = tokens[0]!;
    graph.output("cls_token", reshape(graph, slice(graph, all, 1, 0, 1), [batch, embedDim]));
    if (registers > 0) graph.output("register_tokens", slice(graph, all, 1, 1, registers));
    graph.output("patch_tokens", slice(graph, all, 1, 1 + registers, grid[0] * grid[1]));
  }
  return graph.finish({ model: config.name, bands: bands.join(",") });
}

function fittedWeights(
  config: Dinov2Config,
  checkpoint: Checkpoint,
  options: Pick<Dinov2OnnxOptions, "fileBands" | "logger">,
): Checkpoint {
  const specs = dinov2Specs(config);
  const { fitted } = fitCheckpoint(config, specs, checkpoint, options);
  const { missing, misshaped } = compareWithSpecs(specs, fitted);
  const lacking = missing.filter((name) => name !== "mask_token");
  if (lacking.length === 0 && misshaped.length === 0) return fitted;
  const wrong = misshaped.map(({ name, expected, got }) => `${name} [${got}], not [${expected}]`);
  throw new GlofError(
    "parameter-mismatch",
    `buildDinov2Onnx(${checkpoint.name}): expected the weights of ${config.name}, ` +
      `got none for ${lacking.join(", ") || "nothing"}${wrong.length > 0 ? `; other shapes: ${wrong.join("; ")}` : ""}. ` +
      "Build the config that describeDinov2 tells of this file.",
    { missing: lacking, misshaped },
  );
}
