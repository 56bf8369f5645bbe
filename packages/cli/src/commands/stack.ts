import { type BandName, type StackSummary, writeStack } from "@glof/sentinel2";
import { type Command, Option } from "commander";
import { withInterrupt } from "../interrupt.js";
import { requireAbsent } from "../require_absent.js";
import { addSceneOptions, openAnyScene, partOf, type SceneFlags } from "../scene_input.js";
import { type Console, processConsole } from "../terminal/console.js";
import { beginProgress } from "../terminal/progress.js";
import { toBands } from "./parse_flags.js";

interface StackFlags extends SceneFlags {
  out: string;
  bands?: BandName[];
  as: "dn" | "reflectance";
  force?: boolean;
  overwrite?: boolean;
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
}

const HELP = `
A scene is a SAFE product (folder or .zip), a folder with one JP2 or GeoTIFF per band, a STAC item (file or address), or a
GeoTIFF with several bands. The result is one Cloud Optimized GeoTIFF with band names, scale and offset (or reflectance),
no-data value and overviews. Outside --aoi there is no data. Memory holds a few rows of blocks, whatever the size.

Examples:
  $ glof stack S2A_MSIL2A_….SAFE --out stack.tif --bands B02,B03,B04,B08
  $ glof stack S2A_MSIL2A_….zip --out stack.tif --resolution 20 --as reflectance
  $ glof stack https://earth-search.aws.element84.com/v1/collections/sentinel-2-l2a/items/… --out here.tif \\
      --bands B03,B08 --bbox 86.78,27.85,86.98,27.98`;

/** Adds `glof stack`. */
export function addStackCommand(program: Command): void {
  const command = program
    .command("stack")
    .description("bands of any scene as one clean GeoTIFF")
    .argument("<scene>", "SAFE product, folder of bands, STAC item or GeoTIFF")
    .requiredOption("-o, --out <tif>", "file to write")
    .option("--bands <names>", "bands in the order of the result (default: all)", toBands)
    .addOption(
      new Option("--as <kind>", "numbers with scale and offset, or reflectance in 32-bit floats")
        .choices(["dn", "reflectance"])
        .default("dn"),
    );
  addSceneOptions(command)
    .option("-f, --force", "replace an earlier file")
    .addOption(new Option("--overwrite", "the same, as other commands call it").hideHelp())
    .option("--json", "print the result as JSON on stdout, and nothing else")
    .option("-q, --quiet", "print only errors")
    .option("-v, --verbose", "print more")
    .addHelpText("after", HELP)
    .action(runStack);
}

async function runStack(path: string, flags: StackFlags): Promise<void> {
  const { out, bands, as } = flags;
  if (!flags.force && !flags.overwrite) await requireAbsent("glof stack", [out]);
  const console = processConsole(flags);
  const progress = beginProgress(console);
  await withInterrupt(async (signal) => {
    const scene = await openAnyScene(path, bands, flags, { validity: false, logger: console.logger, signal });
    try {
      const part = await partOf(scene, flags, signal);
      const used = bands ?? scene.bands;
      const { onProgress } = progress;
      const summary = await writeStack(out, scene, { bands: used, as, part, onProgress, signal });
      progress.end();
      tell(console, out, summary);
    } finally {
      progress.end();
      await scene.close();
    }
  });
}

function tell(console: Console, out: string, summary: StackSummary): void {
  if (console.asJson) {
    console.json({ out, ...summary });
    return;
  }
  const { bands, width, height, dataFraction } = summary;
  const share = (100 * dataFraction).toFixed(1);
  console.say(`${bands.join(" ")}, ${width} x ${height} pixels, ${share} % with data, in ${out}`);
}
