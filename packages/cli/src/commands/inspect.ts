import { GlofError } from "@glof/core";
import type { Command } from "commander";
import { withInterrupt } from "../interrupt.js";
import { processConsole } from "../terminal/console.js";
import { type InspectedPath, type InspectKind, lookAt } from "./inspect_kind.js";
import { rasterKind } from "./inspect_raster.js";
import { sceneKind } from "./inspect_scene.js";
import { vectorKind } from "./inspect_vector.js";
import { weightsKind } from "./inspect_weights.js";

/** Everything that `glof inspect` knows, asked in this order. */
const kinds: readonly InspectKind[] = [weightsKind, sceneKind, vectorKind, rasterKind];

interface InspectFlags {
  all?: boolean;
  pixels?: boolean;
  json?: boolean;
}

const HELP = `
Reads no more than it must: of weights the table of tensors, of scenes and rasters the headers and a sample of the pixels
(at most 512 x 512). Works on addresses too, by range requests; their pixels are looked at only with --pixels.

Examples:
  $ glof inspect S2A_MSIL2A_….SAFE              product, radiometry, clouds, what is missing
  $ glof inspect item.json                      a STAC item
  $ glof inspect mask.tif                       size, place, bands, no-data, overviews
  $ glof inspect lakes.gpkg --json | jq .layers
  $ glof inspect dinov2_vitl14_pretrain.pth     tensors, model, parameters, what is missing
  $ glof inspect lake-model.safetensors         a glof bundle: bands, scores, sha256
  $ glof inspect weights.pth --json | jq .model`;

/** Adds `glof inspect`. */
export function addInspectCommand(program: Command): void {
  program
    .command("inspect")
    .description("what a file holds: scenes, rasters, vectors, weights, bundles")
    .argument("<file>", "a file, a folder or an address")
    .option("--all", "list everything, one line each")
    .option("--pixels", "look at pixels of files on the web too")
    .option("--json", "print everything as JSON on stdout")
    .addHelpText("after", HELP)
    .action(runInspect);
}

async function runInspect(path: string, flags: InspectFlags): Promise<void> {
  const input = await lookAt(path);
  const kind = await kindOf(input);
  await withInterrupt(async (signal) => {
    const { lines, json } = await kind.inspect(input, {
      all: flags.all ?? false,
      pixels: flags.pixels ?? false,
      signal,
    });
    if (flags.json) processConsole(flags).json(json);
    else process.stdout.write(`${lines.join("\n")}\n`);
  });
}

async function kindOf(input: InspectedPath): Promise<InspectKind> {
  for (const kind of kinds) if (await kind.recognises(input)) return kind;
  throw new GlofError(
    "unsupported-format",
    `glof inspect: expected ${kinds.map(({ title }) => title).join("; ")}, got ${input.path}. Check the path.`,
    { path: input.path },
  );
}
