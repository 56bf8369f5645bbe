import { type Checkpoint, castCheckpoint, openCheckpoint, saveCheckpoint } from "@glof/checkpoint";
import { GlofError, type OnProgress, type ProgressEvent } from "@glof/core";
import { hashTensors } from "@glof/segmenter";
import { type Dinov2Naming, type ExtraBlocks, recognizeDinov2, toNames, withDepth } from "@glof/vit-dinov2";
import { type Command, Option } from "commander";
import { withInterrupt } from "../interrupt.js";
import { type Console, processConsole } from "../terminal/console.js";
import { beginProgress } from "../terminal/progress.js";
import { type OnnxFlags, onnxFlagNames, toImageSize, writeAsOnnx } from "./convert_onnx.js";
import { lookAt } from "./inspect_kind.js";
import { weightsPath } from "./inspect_weights.js";
import { toByteCount, toCount } from "./parse_flags.js";
import { isBundle } from "./weights_text.js";

const dtypes = { f32: "F32", f16: "F16", bf16: "BF16" } as const;
const namings = {
  official: "official",
  timm: "timm",
  hf: "hugging-face",
} as const satisfies Record<string, Dinov2Naming>;

interface ConvertFlags extends OnnxFlags {
  dtype?: keyof typeof dtypes;
  names?: keyof typeof namings;
  depth?: number;
  extraBlocks?: ExtraBlocks;
  maxShardSize?: number;
  force?: boolean;
  overwrite?: boolean;
  quiet?: boolean;
}

const HELP = `
The format follows the ending of <out>: .safetensors, or .pth and .pt, which torch.load opens with weights_only=True,
or .onnx: a graph with its weights for images of one size, a bundle's up to the probabilities, a backbone's to its tokens.
Without options every bit stays. --names and --depth write the DINOv2 backbone alone, without its wrapping.
One tensor at a time is in memory.

Examples:
  $ glof convert dinov2_vitl14_pretrain.pth vitl14.safetensors --dtype f16
  $ glof convert dinov2_vitl14_pretrain.pth vitl14-25.pth --depth 25
  $ glof convert dinov2-large/ vitl14.pth --names official
  $ glof convert weights.pth hf/model.safetensors --names hf --max-shard-size 500MB
  $ glof convert model.safetensors model.onnx --size 518`;

/** Adds `glof convert`. */
export function addConvertCommand(program: Command): void {
  program
    .command("convert")
    .description("change format, precision, names or depth of weights")
    .argument("<in>", "weights: a file, a folder of Hugging Face, an address")
    .argument("<out>", "file to write: .safetensors, .pth, .pt or .onnx")
    .addOption(
      new Option("--dtype <name>", "precision of floats (default: as it is)").choices(Object.keys(dtypes)),
    )
    .addOption(
      new Option("--names <family>", "whose names (default: as they are)").choices(Object.keys(namings)),
    )
    .option("--depth <blocks>", "more blocks than the file has, or fewer", toCount)
    .addOption(
      new Option("--extra-blocks <mode>", "how added blocks begin (default: zero-gamma)").choices([
        "zero-gamma",
        "zero-proj",
        "all-zero",
      ]),
    )
    .option("--max-shard-size <size>", "several .safetensors with an index, such as 500MB", toByteCount)
    .option(
      "--size <px>",
      "of .onnx: size of the images, 518 or 392x518 (default: the bundle's tile, or as trained)",
      toImageSize,
    )
    .addOption(
      new Option(
        "--attention <how>",
        "of .onnx: fused runs in ONNX Runtime alone (default: standard)",
      ).choices(["standard", "fused"]),
    )
    .addOption(
      new Option("--layout <axes>", "of .onnx: order of the image's axes (default: nchw)").choices([
        "nchw",
        "nhwc",
      ]),
    )
    .option("--opset <version>", "of .onnx: 17 to 22 (default: 20)", toCount)
    .option("--heads <count>", "of .onnx: attention heads where they are not 64 wide", toCount)
    .option("--normalise", "of .onnx: take reflectance and normalise it in the graph (bundles)")
    .option("-f, --force", "replace an earlier file")
    .addOption(new Option("--overwrite", "the same, as other commands call it").hideHelp())
    .option("-q, --quiet", "print only errors")
    .addHelpText("after", HELP)
    .action(runConvert);
}

async function runConvert(from: string, to: string, flags: ConvertFlags): Promise<void> {
  const console = processConsole(flags);
  const progress = beginProgress(console);
  await withInterrupt(async (signal) => {
    const source = await openCheckpoint(weightsPath(await lookAt(from)) ?? from, { signal });
    try {
      checkFlags(to, flags);
      const converted = convertWeights(source, flags, console);
      const overwrite = (flags.force ?? false) || (flags.overwrite ?? false);
      const onProgress: OnProgress = (event) => progress.onProgress(inMegabytes(event));
      if (isOnnx(to)) {
        const bundle = flags.depth === undefined && (await isBundle(source, from)) ? from : undefined;
        const lines = await writeAsOnnx(to, { weights: converted, bundle }, flags, {
          overwrite,
          signal,
          onProgress,
        });
        progress.end();
        for (const line of lines) console.say(line);
        return;
      }
      const paths = await saveCheckpoint(to, converted, {
        metadata: await metadataOf(converted, source, flags, from),
        maxShardBytes: flags.maxShardSize,
        overwrite,
        signal,
        onProgress,
      });
      progress.end();
      console.say(`${converted.entries.size} tensors in ${paths.join(", ")}`);
    } finally {
      progress.end();
      await source.close();
    }
  });
}

const isOnnx = (path: string): boolean => /\.onnx$/i.test(path);

/** Options of one format must not be silently without effect on another. */
function checkFlags(to: string, flags: ConvertFlags): void {
  const foreign: readonly (keyof ConvertFlags)[] = isOnnx(to)
    ? ["dtype", "names", "maxShardSize"]
    : onnxFlagNames;
  const given = foreign.find((name) => flags[name] !== undefined);
  if (given === undefined) return;
  const flag = given === "maxShardSize" ? "max-shard-size" : given;
  throw new GlofError(
    "bad-argument",
    `glof convert: expected no --${flag} for ${to}, got one. ` +
      `It is of ${isOnnx(to) ? "other formats" : ".onnx alone"}: leave it out.`,
    { flag },
  );
}

/** Whole megabytes, of which only the last event has all. */
function inMegabytes({ stage, done, total = done }: ProgressEvent): ProgressEvent {
  const whole = Math.ceil(total / 1e6);
  return {
    stage,
    done: done === total ? whole : Math.min(whole - 1, Math.floor(done / 1e6)),
    total: whole,
    unit: "MB",
  };
}

function convertWeights(source: Checkpoint, flags: ConvertFlags, console: Console): Checkpoint {
  const { dtype, names, depth, extraBlocks } = flags;
  if (extraBlocks !== undefined && depth === undefined) {
    throw new GlofError(
      "bad-argument",
      "glof convert: expected --depth with --extra-blocks, got none. Say how many blocks there shall be.",
    );
  }
  let current = source;
  if (names !== undefined || depth !== undefined) {
    const { naming, outside } = recognizeDinov2(source);
    if (outside.length > 0) {
      console.logger.warn(
        `left out ${outside.length} tensors that are not of the backbone: ${outside[0]}, …`,
      );
    }
    if (depth !== undefined) current = withDepth(current, depth, extraBlocks);
    if (extraBlocks === "all-zero") {
      console.logger.warn(
        "no gradient can ever reach blocks that are all zero; zero-gamma starts the same and learns",
      );
    }
    current = toNames(current, names === undefined ? naming : namings[names]);
  }
  return dtype === undefined ? current : castCheckpoint(current, dtypes[dtype]);
}

/** A bundle of glof stays one where its tensors stay; other files say that they are of PyTorch, as transformers asks. */
async function metadataOf(
  converted: Checkpoint,
  source: Checkpoint,
  { names, depth }: ConvertFlags,
  from: string,
): Promise<Readonly<Record<string, string>>> {
  const { metadata } = source;
  if (!(await isBundle(source, from)) || metadata.config === undefined) return { format: "pt", ...metadata };
  if (names === undefined && depth === undefined)
    return { ...metadata, sha256: await hashTensors(converted) };
  const { bands } = JSON.parse(metadata.config) as { readonly bands: readonly string[] };
  return { format: "pt", bands: bands.join(",") };
}
