import { DEFAULT_MIN_AREA_M2, type MapSummary, mapScene } from "@glof/mapping";
import { areaLabel } from "@glof/report";
import { openScene } from "@glof/sentinel2";
import type { Command } from "commander";
import type { MapConfig } from "../config/map_config.js";
import { withInterrupt } from "../interrupt.js";
import { openMapEngine } from "../jobs/map_engine.js";
import { readInThread } from "../jobs/reading_thread.js";
import { readAreas } from "../scene_input.js";
import { shippedModelPath } from "../shipped_model.js";
import { type Console, processConsole } from "../terminal/console.js";
import { beginProgress, durationText } from "../terminal/progress.js";
import { programVersions } from "../version.js";
import { workerEntry } from "../worker_entry.js";
import { isAddress, type MapSettings, mapSettings } from "./map_settings.js";
import { toNames, toNumber } from "./parse_flags.js";

interface MapFlags extends MapConfig {
  config?: string;
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
}

const HELP = `
Writes into --out: probability.tif and mask.tif (Cloud Optimized GeoTIFF; mask: 1 lake, 0 other, 255 no data),
lakes.geojson (WGS 84) and lakes.gpkg (the scene's CRS) with areas in m2, preview.png, report.html, run.json.
All of them appear together at the end; a run that fails or is interrupted leaves nothing.

Examples:
  $ glof map scene.tif --out lakes
  $ glof map S2A_MSIL2A_….SAFE --out lakes
  $ glof map T45RVL_bands/ --out lakes --threshold 0.6 --min-area 5000
  $ glof map stack.tif --out lakes --bands B02,B03,B04,-,B08 --offset -1000
  $ glof map --config map.yaml --json > lakes.json`;

/** Adds `glof map`. */
export function addMapCommand(program: Command): void {
  program
    .command("map")
    .description("map the lakes of a scene: rasters, outlines with areas, preview, report")
    .argument(
      "[scene]",
      "SAFE product (folder or .zip), folder of bands, STAC item, or GeoTIFF with band names",
    )
    .option("-o, --out <dir>", "folder for the results")
    .option("-m, --model <bundle>", "model bundle (default: the one that comes with glof)")
    .option(
      "-t, --threshold <prob>",
      "lake where the probability is at least this (default: the model's)",
      toNumber,
    )
    .option("--min-area <m2>", `drop smaller lakes (default: ${DEFAULT_MIN_AREA_M2})`, toNumber)
    .option("--tile <px>", "side of a tile, a multiple of the model's patch (default: the model's)", toNumber)
    .option("--overlap <px>", "least overlap of tiles (default: the model's)", toNumber)
    .option("--batch <tiles>", "tiles per forward pass (default: 1; on a GPU a million pixels)", toNumber)
    .option(
      "--engine <name>",
      "tfjs, or ort: ONNX Runtime on the CPU, from the package onnxruntime-node (default: tfjs)",
    )
    .option("--backend <name>", "of tfjs: webgpu, tensorflow, wasm or cpu (default: the fastest that works)")
    .option(
      "--precision <name>",
      "of webgpu: f32, or f16: halves in memory and on matrix units (default: f32)",
    )
    .option(
      "--bands <names>",
      "names of the file's bands in order, - for one to leave out (default: as the file says)",
      toNames,
    )
    .option(
      "--offset <dn>",
      "added to the numbers: -1000 from baseline 04.00 on (default: as the file says)",
      toNumber,
    )
    .option(
      "--quantification <dn>",
      "number of reflectance 1 (default: as the file says, else 10000)",
      toNumber,
    )
    .option("--aoi <file>", "map only inside these polygons: GeoJSON, GeoPackage, FlatGeobuf, shapefile")
    .option(
      "-j, --jobs <count>",
      "threads that run tiles, each with its own model in memory (default: 1 on a GPU, else the processors, at most 4 and as many as hold 1 GB of weights together)",
      toNumber,
    )
    .option(
      "--threads <count>",
      "of ort: threads of each job (default: the processors, shared out among jobs)",
      toNumber,
    )
    .option("--overwrite", "replace an earlier result")
    .option("-c, --config <yaml>", "settings by these names in camelCase; options on the command line win")
    .option("--json", "print the result as JSON on stdout, and nothing else")
    .option("-q, --quiet", "print only errors")
    .option("-v, --verbose", "print more")
    .addHelpText("after", HELP)
    .action((scene: string | undefined, flags: MapFlags) => runMap(scene, flags));
}

async function runMap(scene: string | undefined, flags: MapFlags): Promise<void> {
  const { config, json: _json, quiet: _quiet, verbose: _verbose, ...given } = flags;
  const console = processConsole(flags);
  const settings = await mapSettings({ ...given, scene }, config);
  await withInterrupt((signal) => mapOnce(settings, console, signal));
}

async function mapOnce(settings: MapSettings, console: Console, signal: AbortSignal): Promise<void> {
  const { model = shippedModelPath(), aoi } = settings;
  const { logger } = console;
  const progress = beginProgress(console);
  const cleanUp: (() => unknown)[] = [progress.end];
  try {
    const areas = aoi === undefined ? undefined : await readAreas(aoi, signal);
    const asked = {
      bands: settings.bands,
      offsetDn: settings.offset,
      quantification: settings.quantification,
    };
    const scene = await openScene(settings.scene, { ...asked, logger, signal });
    cleanUp.unshift(() => scene.close());
    const engine = await openMapEngine(settings, { model, console, signal, cleanUp });
    if (engine.isOffProcessors && !isAddress(settings.scene)) {
      const request = { path: settings.scene, options: asked };
      cleanUp.unshift(readInThread(scene, request, workerEntry("reading_worker")));
    }
    const summary = await mapScene({
      scene,
      segmenter: engine.segmenter,
      outDir: settings.out,
      threshold: settings.threshold,
      minAreaM2: settings.minArea,
      tilePx: settings.tile,
      overlapPx: settings.overlap,
      batchSize: engine.batchSize,
      areas,
      overwrite: settings.overwrite,
      facts: {
        versions: programVersions(),
        backend: engine.facts,
        model,
      },
      onProgress: progress.onProgress,
      signal,
    });
    progress.end();
    showSummary(console, summary, settings.out);
  } finally {
    for (const step of cleanUp) await step();
  }
}

function showSummary(console: Console, summary: MapSummary, outDir: string): void {
  const { lakes, totalAreaM2, run } = summary;
  if (console.asJson) {
    console.json({ outDir, ...run.result, lakes: lakes.map(({ polygon: _polygon, ...lake }) => lake) });
    return;
  }
  const count = `${lakes.length} ${lakes.length === 1 ? "lake" : "lakes"}`;
  console.say(`${count}, ${areaLabel(totalAreaM2)} in all, in ${durationText(run.seconds.total ?? 0)}`);
  console.say(`results in ${outDir}: look at preview.png and report.html; open lakes.gpkg in QGIS`);
}
