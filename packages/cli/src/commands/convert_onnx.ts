import { stat } from "node:fs/promises";
import type { Checkpoint } from "@glof/checkpoint";
import { GlofError } from "@glof/core";
import { type OnnxAttention, type OnnxModel, type WriteOnnxOptions, writeOnnx } from "@glof/onnx";
import { buildSegmenterOnnx, openBundle } from "@glof/segmenter";
import { buildDinov2Onnx, type Dinov2Config, describeDinov2 } from "@glof/vit-dinov2";
import { InvalidArgumentError } from "commander";

/** Options of `glof convert` for `.onnx` alone. */
export interface OnnxFlags {
  size?: readonly [rows: number, cols: number];
  attention?: OnnxAttention;
  layout?: "nchw" | "nhwc";
  opset?: number;
  heads?: number;
  normalise?: boolean;
}

/** Their names as typed. */
export const onnxFlagNames = ["size", "attention", "layout", "opset", "heads", "normalise"] as const;

/** Weights to write. */
export interface OnnxSource {
  readonly weights: Checkpoint;
  /** Where they are a whole segmenter: path of the bundle. */
  readonly bundle: string | undefined;
}

/** A size in pixels: `518`, or `rows x cols` such as `392x518`. */
export function toImageSize(text: string): [rows: number, cols: number] {
  const match = /^\s*(\d+)(?:\s*[x×]\s*(\d+))?\s*$/.exec(text);
  const rows = Number(match?.[1]);
  if (!(rows > 0)) throw new InvalidArgumentError("It must be a size such as 518 or 392x518.");
  return [rows, Number(match?.[2] ?? rows)];
}

/**
 * Writes a bundle as a graph from images to probabilities, other weights as the DINOv2 backbone that they are.
 *
 * @returns what was written, in lines for people
 * @throws GlofError `bad-argument` for options that do not fit the weights; what building and writing throw
 */
export async function writeAsOnnx(
  to: string,
  { weights, bundle }: OnnxSource,
  flags: OnnxFlags,
  options: WriteOnnxOptions,
): Promise<string[]> {
  if (bundle === undefined) return written(to, backboneOnnx(weights, flags), options);
  if (flags.heads !== undefined) throw unfit("heads", "a bundle, which says it itself");
  const { config, checkpoint } = await openBundle(bundle, { signal: options.signal });
  try {
    return await written(to, buildSegmenterOnnx(config, checkpoint, flags), options);
  } finally {
    await checkpoint.close();
  }
}

async function written(to: string, model: OnnxModel, options: WriteOnnxOptions): Promise<string[]> {
  const paths = await writeOnnx(to, model, options);
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return [
    `${model.name}, opset ${model.opset}, ${(bytes / 1e6).toFixed(1)} MB in ${paths.join(", ")}`,
    ...[...model.inputs, ...model.outputs].map(
      ({ name, shape }) => `  ${name.padEnd(15)} [${shape.join(", ")}]`,
    ),
  ];
}

function backboneOnnx(source: Checkpoint, { heads, normalise, ...options }: OnnxFlags): OnnxModel {
  if (normalise)
    throw unfit("normalise", "a backbone, whose weights do not say how its images were normalised");
  const { config } = describeDinov2(source);
  const model: Dinov2Config = heads === undefined ? config : { ...config, heads };
  if (heads === undefined && config.heads === 1 && config.embedDim > 64) {
    throw new GlofError(
      "bad-argument",
      `glof convert: expected --heads for a width of ${config.embedDim}, which heads of 64 do not divide, got none. ` +
        "Weights do not tell it: say how many heads the model has.",
    );
  }
  return buildDinov2Onnx(model, source, options);
}

function unfit(flag: string, what: string): GlofError {
  return new GlofError(
    "bad-argument",
    `glof convert: expected no --${flag} for ${what}, got one. Leave it out.`,
    { flag },
  );
}
