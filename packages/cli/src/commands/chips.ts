import { GlofError } from "@glof/core";
import { openRaster, readVectors } from "@glof/geo";
import {
  type BandName,
  type ChipFormat,
  type ChipLabels,
  type PatchEdge,
  type Scene,
  type SplitPart,
  type WrittenChips,
  writeChips,
} from "@glof/sentinel2";
import { type Command, Option } from "commander";
import { withInterrupt } from "../interrupt.js";
import { addOpeningOptions, openAnyScene, readAreas, type SceneFlags } from "../scene_input.js";
import { type Console, processConsole } from "../terminal/console.js";
import { beginProgress } from "../terminal/progress.js";
import { toBands, toCount, toShare } from "./parse_flags.js";

interface ChipsFlags extends Omit<SceneFlags, "aoi" | "bbox"> {
  labels: string;
  layer?: string;
  ignore?: string;
  out: string;
  format: ChipFormat;
  bands?: BandName[];
  size: number;
  step?: number;
  edge: PatchEdge;
  minValid: number;
  minPositive: number;
  split: Exclude<SplitPart, "gap">;
  overwrite?: boolean;
  force?: boolean;
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
}

const HELP = `
Cuts a scene into squares with reflectance and a mask: 1 where the centre of a pixel lies in an outline of --labels, 255
where a pixel is not valid or lies in --ignore, else 0. Labels may be a raster on the scene's grid instead (1, 0, 255).
<scene>.chips.geojson tells where each chip lies and how much of it is lake; a run that was stopped goes on where it was.

Examples:
  $ glof chips S2A_MSIL2A_….SAFE --labels lakes.gpkg --out chips --bands B02,B03,B04,B08
  $ glof chips stack.tif --labels lakes.gpkg --out chips --size 256 --step 128 --min-positive 0.01 --split validation`;

/** Adds `glof chips`. */
export function addChipsCommand(program: Command): void {
  const command = program
    .command("chips")
    .description("labelled squares of a scene, to train on")
    .argument("<scene>", "SAFE product, folder of bands, STAC item or GeoTIFF")
    .requiredOption(
      "--labels <file>",
      "outlines (GeoPackage, GeoJSON, FlatGeobuf, shapefile) or a mask on the scene's grid",
    )
    .requiredOption("-o, --out <dir>", "folder for the chips; several scenes may share one")
    .option("--layer <name>", "layer of the labels (default: all)")
    .option("--ignore <file>", "polygons in which nothing is known")
    .addOption(
      new Option("--format <name>", "of the chips").choices(["geotiff", "safetensors"]).default("geotiff"),
    )
    .option("--bands <names>", "bands in this order (default: all)", toBands)
    .option("--size <px>", "side of a chip", toCount, 224)
    .option("--step <px>", "from one chip to the next (default: the size)", toCount)
    .addOption(
      new Option("--edge <rule>", "chips at the right and lower edge: moved inside, filled up, or left out")
        .choices(["shift", "pad", "drop"])
        .default("shift"),
    )
    .option("--min-valid <share>", "least share of pixels with reflectance and label", toShare, 0.5)
    .option("--min-positive <share>", "least share of pixels labelled 1", toShare, 0)
    .addOption(
      new Option("--split <part>", "what the chips are for")
        .choices(["train", "validation", "test"])
        .default("train"),
    );
  addOpeningOptions(command)
    .option("--overwrite", "start anew where there are chips made with other settings")
    .addOption(new Option("-f, --force", "the same, as other commands call it").hideHelp())
    .option("--json", "print the result as JSON on stdout, and nothing else")
    .option("-q, --quiet", "print only errors")
    .option("-v, --verbose", "print more")
    .addHelpText("after", HELP)
    .action(runChips);
}

async function runChips(path: string, flags: ChipsFlags): Promise<void> {
  const console = processConsole(flags);
  const progress = beginProgress(console);
  await withInterrupt(async (signal) => {
    const scene = await openAnyScene(path, flags.bands, flags, { logger: console.logger, signal });
    try {
      const { labels, close } = await openLabels(scene, flags, signal);
      try {
        const { onProgress } = progress;
        const written = await writeChips(scene, labels, { ...chipOptions(flags), onProgress, signal });
        progress.end();
        tell(console, flags, written);
      } finally {
        await close();
      }
    } finally {
      progress.end();
      await scene.close();
    }
  });
}

function chipOptions(flags: ChipsFlags) {
  const { out, format, bands, size, step, edge, minValid, minPositive, split } = flags;
  return {
    dir: out,
    format,
    split,
    sizePx: size,
    ...(step !== undefined && { stepPx: step }),
    edge,
    ...(bands && { bands }),
    minValid,
    minPositive,
    overwrite: (flags.overwrite ?? false) || (flags.force ?? false),
  };
}

/** Outlines in the scene's CRS, or a raster. */
async function openLabels(
  { grid, id }: Scene,
  { labels: path, layer, ignore }: ChipsFlags,
  signal: AbortSignal,
): Promise<{ labels: ChipLabels; close: () => Promise<void> }> {
  if (/\.(tiff?|jp2|nc)$/i.test(path)) {
    const raster = await openRaster(path, { signal });
    return { labels: raster, close: () => raster.close() };
  }
  const { crs } = grid;
  if (crs === undefined) {
    throw new GlofError(
      "missing-crs",
      `glof chips: expected ${id} to state a coordinate reference system, got none. Write one into the file.`,
    );
  }
  const read = { crs, signal, ...(layer !== undefined && { layer }) };
  const features = (await readVectors(path, read)).flatMap((one) => one.features);
  const unknown = ignore === undefined ? [] : await readAreas(ignore, signal, crs);
  return { labels: { features, ignore: unknown }, close: async () => {} };
}

function tell(console: Console, { out }: ChipsFlags, chips: WrittenChips): void {
  if (console.asJson) {
    console.json({ out, ...chips });
    return;
  }
  const { written, kept, indexPath } = chips;
  const before = kept === 0 ? "" : `, ${kept} there before`;
  console.say(`${written} chips written${before}; where they lie: ${indexPath}`);
}
