import { GlofError } from "@glof/core";
import { readGeoJson } from "@glof/geo";
import { DEFAULT_MIN_AREA_M2, type MapSummary, mapScene } from "@glof/mapping";
import { areaLabel } from "@glof/report";
import { releaseBackend, selectBackend } from "@glof/runtime";
import { LakeSegmenter } from "@glof/segmenter";
import { openScene } from "@glof/sentinel2";
import type { Command } from "commander";
import { type MapConfig, mapConfigSchema } from "../config/map_config.js";
import { checkConfig, readConfig } from "../config/read_config.js";
import { withInterrupt } from "../interrupt.js";
import { shippedModelPath } from "../shipped_model.js";
import { type Console, processConsole } from "../terminal/console.js";
import { beginProgress, durationText } from "../terminal/progress.js";
import { programVersions } from "../version.js";
import { toNames, toNumber } from "./parse_flags.js";

interface MapFlags extends MapConfig {
  config?: string;
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
}

/** Adds `glof map`. */
export function addMapCommand(program: Command): void {
  program
    .command("map")
    .description(
      "map the lakes of a scene: probability and mask rasters, outlines with areas, preview, report",
    )
    .argument("[scene]", "multi-band GeoTIFF with band names, or a folder with one GeoTIFF per band")
    .option("-o, --out <dir>", "folder for the results")
    .option("-m, --model <bundle>", "model bundle (default: the one that comes with glof)")
    .option(
      "-t, --threshold <probability>",
      "lake where the probability is at least this (default: the model's)",
      toNumber,
    )
    .option("--min-area <m2>", `drop smaller lakes (default: ${DEFAULT_MIN_AREA_M2})`, toNumber)
    .option("--tile <px>", "side of a tile, a multiple of 14 (default: the model's)", toNumber)
    .option("--overlap <px>", "least overlap of tiles (default: the model's)", toNumber)
    .option("--batch <tiles>", "tiles per forward pass (default: 1)", toNumber)
    .option("--backend <name>", "webgpu, tensorflow, wasm or cpu (default: the fastest that works)")
    .option(
      "--bands <names>",
      "names of the file's bands, in order: B02,B03,B04,B08 (default: as the file says)",
      toNames,
    )
    .option(
      "--offset <dn>",
      "added to the digital numbers: -1000 from baseline 04.00 on (default: as the file says)",
      toNumber,
    )
    .option(
      "--quantification <value>",
      "digital number of reflectance 1 (default: as the file says, else 10000)",
      toNumber,
    )
    .option("--aoi <geojson>", "map only inside these polygons (longitude, latitude)")
    .option("-j, --jobs <count>", "processes that run tiles side by side (default: 1)", toNumber)
    .option("--overwrite", "replace an earlier result")
    .option("-c, --config <yaml>", "settings by the names of these options; options on the command line win")
    .option("--json", "print the result as JSON on stdout, and nothing else")
    .option("-q, --quiet", "print only errors")
    .option("-v, --verbose", "print more")
    .action((scene: string | undefined, flags: MapFlags) => runMap(scene, flags));
}

async function runMap(sceneArgument: string | undefined, flags: MapFlags): Promise<void> {
  const console = processConsole(flags);
  const config = await mergedConfig(sceneArgument, flags);
  await withInterrupt(async (signal) => {
    const progress = beginProgress(console);
    const backend = await selectBackend({
      ...(config.backend === undefined ? {} : { require: config.backend }),
      logger: console.logger,
    });
    console.say(`backend: ${backend.name} (${backend.reason})`);
    const model = config.model ?? shippedModelPath();
    const segmenter = await LakeSegmenter.load(model);
    try {
      const scene = await openScene(config.scene, {
        bands: config.bands,
        offsetDn: config.offset,
        quantification: config.quantification,
        logger: console.logger,
      });
      try {
        const summary = await mapScene({
          scene,
          segmenter,
          outDir: config.out,
          threshold: config.threshold,
          minAreaM2: config.minArea,
          tilePx: config.tile,
          overlapPx: config.overlap,
          batchSize: config.batch,
          areas: config.aoi === undefined ? undefined : (await readGeoJson(config.aoi)).features,
          overwrite: config.overwrite,
          facts: {
            versions: programVersions(),
            backend: { name: backend.name, reason: backend.reason },
            model,
          },
          logger: console.logger,
          onProgress: progress.onProgress,
          signal,
        });
        progress.end();
        showSummary(console, summary, config.out);
      } finally {
        await scene.close();
      }
    } finally {
      progress.end();
      segmenter.dispose();
      await releaseBackend();
    }
  });
}

/** Settings of the file with the command line's on top. */
async function mergedConfig(
  sceneArgument: string | undefined,
  flags: MapFlags,
): Promise<MapConfig & { scene: string; out: string }> {
  const { config: configPath, json: _json, quiet: _quiet, verbose: _verbose, ...given } = flags;
  const fromFile = configPath === undefined ? {} : await readConfig(configPath, mapConfigSchema);
  const onTop = Object.fromEntries(
    Object.entries({ ...given, scene: sceneArgument }).filter(([, value]) => value !== undefined),
  );
  const config = checkConfig(
    { ...fromFile, ...onTop },
    mapConfigSchema,
    (keys) => `--${keys.map(String).join(".")}:`,
  );
  const { scene, out } = config;
  if (scene === undefined || out === undefined) {
    throw new GlofError(
      "bad-config",
      `glof map: expected a scene and --out <dir>, got ${scene === undefined ? "no scene" : "no --out"}. Example: glof map scene.tif --out lakes`,
    );
  }
  return { ...config, scene, out };
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
