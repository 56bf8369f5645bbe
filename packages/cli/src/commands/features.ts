import { throwIfAborted } from "@glof/core";
import type { PixelWindow } from "@glof/geo";
import { type BackendName, releaseBackend } from "@glof/runtime";
import {
  type BandInflation,
  dinov2Variants,
  type FeaturePool,
  type ForegroundRule,
  flopsOf,
} from "@glof/vit-dinov2";
import { type Command, Option } from "commander";
import { withInterrupt } from "../interrupt.js";
import { chooseBackend, precisions } from "../jobs/choose_backend.js";
import { requireAbsent } from "../require_absent.js";
import { shippedModelPath } from "../shipped_model.js";
import { type Console, processConsole } from "../terminal/console.js";
import {
  type ExtractedFeatures,
  extractFeatures,
  lookAt,
  type SeenImage,
  viewOf,
  warmUpFeatures,
} from "./features_extract.js";
import { featuresCsv, requireFeatureFormat, writeFeatures } from "./features_files.js";
import { writeFeatureGrid } from "./features_grid.js";
import { type FeatureImage, openFeatureImage } from "./features_image.js";
import { type FeatureModel, openFeatureModel } from "./features_model.js";
import { writePcaPicture } from "./features_picture.js";
import { toForeground, toLayers, toPools, toSize, toWindow } from "./features_request.js";
import { toCount, toNames, toNumber } from "./parse_flags.js";

interface FeaturesFlags {
  weights?: string;
  variant?: string;
  heads?: number;
  use?: string[];
  inflation?: BandInflation;
  layers: number | readonly number[];
  pool: readonly (FeaturePool | "patches")[];
  out?: string;
  grid?: string;
  pca?: string;
  foreground?: ForegroundRule;
  window?: PixelWindow;
  size?: number | readonly [rows: number, cols: number];
  bands?: string[];
  offset?: number;
  quantification?: number;
  white: number;
  backend?: BackendName;
  precision?: (typeof precisions)[number];
  overwrite?: boolean;
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
}

const HELP = `
Layers are counted from 0; all features are taken after the model's final norm. Pools: cls (the class token), mean (of the
patch tokens), concat (cls, then mean), patches (all patch tokens; .safetensors only). Without --out, --grid and --pca the
pooled features are printed as CSV.
An official DINOv2 checkpoint sees red, green and blue, where reflectance --white is white; a bundle sees its own bands.

Examples:
  $ glof features scene.tif --pca features.png --size 1022
  $ glof features scene.tif --weights dinov2_vits14_pretrain.pth --layers 4 --pool cls,mean --out features.safetensors
  $ glof features photo.png --weights dinov2_vitb14_reg4_pretrain.pth --pca features.png --foreground above:0.4
  $ glof features scene.tif --window 0,0,1036,1036 --layers 1 --grid patches.tif`;

/** Adds `glof features`. */
export function addFeaturesCommand(program: Command): void {
  program
    .command("features")
    .description("features of an image by a DINOv2 backbone: vectors, a raster of patches, a picture of them")
    .argument("<image>", "scene, GeoTIFF or PNG")
    .option(
      "-w, --weights <file>",
      "DINOv2 checkpoint or glof bundle (default: the bundle that comes with glof)",
    )
    .addOption(
      new Option("--variant <name>", "official model (default: as the file tells)").choices(
        Object.keys(dinov2Variants),
      ),
    )
    .option("--heads <count>", "attention heads of a model whose heads are not 64 wide", toCount)
    .option("--use <names>", "bands the model shall see (default: B04,B03,B02, or the bundle's)", toNames)
    .addOption(
      new Option("--inflation <kind>", "how weights for bands that the file lacks are made").choices([
        "mean",
        "copy-red",
        "cyclic",
        "random",
      ] satisfies BandInflation[]),
    )
    .option("-l, --layers <n|list>", "the last n blocks, or blocks by number", toLayers, 1)
    .option("-p, --pool <list>", "cls, mean, concat, patches", toPools, ["cls", "mean"])
    .option("-o, --out <file>", ".safetensors, .npy or .csv")
    .option("--grid <tif>", "GeoTIFF of patch features that lies over the image")
    .option(
      "--pca <png>",
      "picture of the last layer's patches: three principal components as red, green and blue",
    )
    .option(
      "--foreground <rule>",
      "colour only patches above:<share> or below:<share> of the first component",
      toForeground,
    )
    .option("--window <x,y,w,h>", "part of the image in pixels (default: all)", toWindow)
    .option(
      "--size <px>",
      "longer side, or rows x columns, that the model sees (default: its own, at most 518)",
      toSize,
    )
    .option("--bands <names>", "names of the file's bands in order, - for one to leave out", toNames)
    .option("--offset <dn>", "added to the numbers (default: as the file says)", toNumber)
    .option(
      "--quantification <dn>",
      "number of reflectance 1 (default: as the file says, else 10000)",
      toNumber,
    )
    .option("--white <refl>", "reflectance that DINOv2 sees as white", toNumber, 0.4)
    .option("--backend <name>", "webgpu, tensorflow, wasm or cpu (default: the fastest that works)")
    .addOption(
      new Option(
        "--precision <name>",
        "of webgpu: f16 keeps halves in memory and uses matrix units (default: f32)",
      ).choices([...precisions]),
    )
    .option("--overwrite", "replace earlier files")
    .option("--json", "print facts as JSON on stdout, and nothing else")
    .option("-q, --quiet", "print only errors")
    .option("-v, --verbose", "print more")
    .addHelpText("after", HELP)
    .action(runFeatures);
}

/** Reads, runs, writes. */
async function runFeatures(path: string, flags: FeaturesFlags): Promise<void> {
  const { out, grid, pca, overwrite } = flags;
  if (out !== undefined) requireFeatureFormat(out);
  if (!overwrite) await requireAbsent("glof features", [out, grid, pca], "--overwrite");
  const console = processConsole(flags);
  await withInterrupt((signal) => extract(path, flags, console, signal));
}

async function extract(
  path: string,
  flags: FeaturesFlags,
  console: Console,
  signal: AbortSignal,
): Promise<void> {
  const { logger } = console;
  const common = { whiteRefl: flags.white, logger, signal };
  const cleanUp: (() => unknown)[] = [];
  try {
    const backend = await chooseBackend(flags, "glof features", console);
    cleanUp.unshift(releaseBackend);
    const image = await openFeatureImage(path, { ...flags, ...common });
    cleanUp.unshift(() => image.close());
    const opened = await openFeatureModel(flags.weights ?? shippedModelPath(), { ...flags, ...common });
    cleanUp.unshift(opened.dispose);
    const { size } = viewOf(image, opened.model, flags);
    const [seen] = await Promise.all([
      lookAt(image, opened, flags, signal),
      warmUpFeatures(opened, size, flags),
    ]);
    const features = await extractFeatures(opened, seen, flags);
    throwIfAborted(signal, "glof features");
    const facts = await writeProducts(image, seen, features, flags);
    tell(console, flags, { ...facts, ...modelFacts(opened, seen, features), backend: backend.name });
    if (!console.asJson && !flags.out && !flags.grid && !flags.pca) {
      process.stdout.write(featuresCsv(features.vectors));
    }
  } finally {
    for (const step of cleanUp) await step();
  }
}

async function writeProducts(
  image: FeatureImage,
  seen: SeenImage,
  { vectors, maps }: ExtractedFeatures,
  { out, grid: gridPath, pca, foreground, pool }: FeaturesFlags,
): Promise<Record<string, unknown>> {
  const { window, size, bands, pixels } = seen;
  const metadata = { image: image.id, window: Object.values(window).join(","), size: size.join("x") };
  if (out !== undefined) {
    await writeFeatures(out, { vectors, maps: pool.includes("patches") ? maps : [], facts: metadata });
  }
  if (gridPath !== undefined) {
    await writeFeatureGrid(maps, { path: gridPath, grid: image.grid, window, metadata });
  }
  if (pca === undefined) return {};
  const { explained } = await writePcaPicture(pca, { map: maps.at(-1)!, pixels, bands, size, foreground });
  return { explained };
}

function modelFacts({ model }: FeatureModel, seen: SeenImage, { vectors, maps }: ExtractedFeatures) {
  const { size, window } = seen;
  return {
    model: model.config.name,
    bands: model.config.bands,
    window,
    size,
    patches: maps[0]!.shape.slice(0, 2),
    layers: maps.map(({ layer }) => layer),
    vectors: vectors.map(({ layer, pool, values }) => ({ layer, pool, length: values.length })),
    gflop: flopsOf(model.config, size) / 1e9,
  };
}

function tell(
  console: Console,
  { out, grid, pca }: FeaturesFlags,
  facts: ReturnType<typeof modelFacts> & Record<string, unknown>,
): void {
  if (console.asJson) {
    console.json({ ...facts, out, grid, pca });
    return;
  }
  const { model, size, patches, layers, gflop, explained } = facts;
  console.say(
    `${model}: ${size.join(" x ")} pixels, ${patches.join(" x ")} patches, layers ${layers.join(", ")}, ${gflop.toFixed(1)} GFLOP`,
  );
  if (Array.isArray(explained)) {
    const shares = explained.map((share) => `${(100 * share).toFixed(1)} %`);
    console.say(`three components hold ${shares.join(", ")} of the variance of the patches`);
  }
  for (const path of [out, grid, pca]) if (path !== undefined) console.say(`wrote ${path}`);
}
