import { GlofError } from "@glof/core";
import { type IndexSummary, requireSpectralIndex, SPECTRAL_INDICES, writeIndex } from "@glof/sentinel2";
import { type Command, InvalidArgumentError, Option } from "commander";
import { withInterrupt } from "../interrupt.js";
import { requireAbsent } from "../require_absent.js";
import { addSceneOptions, openAnyScene, partOf, type SceneFlags } from "../scene_input.js";
import { type Console, processConsole } from "../terminal/console.js";
import { beginProgress } from "../terminal/progress.js";
import { toNumber } from "./parse_flags.js";

interface IndexFlags extends SceneFlags {
  index: string;
  out: string;
  mask?: string;
  threshold: number | "otsu";
  leastThreshold?: number;
  allClasses?: boolean;
  force?: boolean;
  overwrite?: boolean;
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
}

const names = Object.keys(SPECTRAL_INDICES);
const table = Object.entries(SPECTRAL_INDICES).map(
  ([name, { formula, source }]) => `  ${name.padEnd(14)}${formula.padEnd(42)}${source}`,
);

const HELP = `
Indices:
${table.join("\n")}

Writes a GeoTIFF of 32-bit floats, NaN where a pixel is not valid (no number, or a class such as cloud in products with a
scene classification). Otsu's threshold is that of the whole area; it splits any image in two, so give --least-threshold 0
where there may be no water.

Examples:
  $ glof index S2A_MSIL2A_….SAFE --index ndwi --out ndwi.tif --mask water.tif
  $ glof index stack.tif --index mndwi --out mndwi.tif --threshold 0.1 --mask water.tif --aoi basin.geojson`;

/** Adds `glof index`. */
export function addIndexCommand(program: Command): void {
  const command = program
    .command("index")
    .description("a spectral index of a scene, and the mask of what lies above a threshold")
    .argument("<scene>", "SAFE product, folder of bands, STAC item or GeoTIFF")
    .requiredOption("--index <name>", names.join(", "), toIndex)
    .requiredOption("-o, --out <tif>", "file to write")
    .option("--mask <tif>", "mask to write: 1 above the threshold, 0 other, 255 no data")
    .option("-t, --threshold <value>", "number, or otsu", toThreshold, "otsu")
    .option("--least-threshold <value>", "Otsu's threshold is never below this", toNumber)
    .option("--all-classes", "keep clouds and other classes that are left out by default");
  addSceneOptions(command)
    .option("-f, --force", "replace earlier files")
    .addOption(new Option("--overwrite", "the same, as other commands call it").hideHelp())
    .option("--json", "print the result as JSON on stdout, and nothing else")
    .option("-q, --quiet", "print only errors")
    .option("-v, --verbose", "print more")
    .addHelpText("after", HELP)
    .action(runIndex);
}

function toIndex(text: string): string {
  const found = names.find((name) => name.toLowerCase() === text.toLowerCase());
  if (found === undefined) throw new InvalidArgumentError(`It must be one of ${names.join(", ")}.`);
  return found;
}

const toThreshold = (text: string): number | "otsu" =>
  text.toLowerCase() === "otsu" ? "otsu" : toNumber(text);

async function runIndex(path: string, flags: IndexFlags): Promise<void> {
  const { out, mask, index, threshold, leastThreshold } = flags;
  if (mask === out) {
    throw new GlofError(
      "bad-argument",
      `glof index: expected two files, got ${out} twice. Name the mask otherwise.`,
    );
  }
  if (!flags.force && !flags.overwrite) await requireAbsent("glof index", [out, mask]);
  const console = processConsole(flags);
  const progress = beginProgress(console);
  const { bands } = requireSpectralIndex(index);
  await withInterrupt(async (signal) => {
    const opening = { logger: console.logger, signal, ...(flags.allClasses && { validity: false as const }) };
    const scene = await openAnyScene(path, bands, flags, opening);
    try {
      const summary = await writeIndex(out, scene, {
        index,
        threshold,
        part: await partOf(scene, flags, signal),
        ...(leastThreshold !== undefined && { leastThreshold }),
        ...(mask !== undefined && { maskPath: mask }),
        onProgress: progress.onProgress,
        signal,
      });
      progress.end();
      tell(console, flags, summary);
    } finally {
      progress.end();
      await scene.close();
    }
  });
}

function tell(
  console: Console,
  { out, mask, index, threshold: asked }: IndexFlags,
  summary: IndexSummary,
): void {
  if (console.asJson) {
    console.json({ out, ...(mask !== undefined && { mask }), index, ...summary });
    return;
  }
  const { threshold, validPixels, abovePixels } = summary;
  const by = asked === "otsu" ? " (Otsu)" : "";
  const share = ((100 * abovePixels) / validPixels).toFixed(2);
  console.say(
    `${index} > ${threshold.toFixed(3)}${by}: ${abovePixels} of ${validPixels} valid pixels, ${share} %`,
  );
  console.say(`wrote ${[out, ...(mask === undefined ? [] : [mask])].join(", ")}`);
}
