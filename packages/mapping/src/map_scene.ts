import { GlofError, type OnProgress, throwIfAborted } from "@glof/core";
import { beginFileSet, type FileSet, writeFileAtomic } from "@glof/core/node";
import { type Crs, isNorthUp, type RasterGrid, writeGeoJson, writeGeoPackage } from "@glof/geo";
import { renderReport } from "@glof/report";
import { LAKE_COLUMN_TYPES, type Lake, measureLakes, toFeature } from "./lake_features.js";
import { cutToAreas, type MapArea, wholeScene } from "./map_area.js";
import { DEFAULT_MIN_AREA_M2, MAP_PRODUCTS, type MapProduct, type MapSceneOptions } from "./map_options.js";
import { writeMask } from "./mask_pass.js";
import { drawScene, previewOf, type ScenePicture } from "./picture_pass.js";
import { metresPerPixel } from "./pixel_size.js";
import { runProbabilityPass } from "./probability_pass.js";
import {
  describeInputs,
  describeRun,
  type MapInputs,
  type MapRun,
  StageClock,
  settingsTable,
} from "./run_record.js";

/** What came out. */
export interface MapSummary {
  readonly lakes: readonly Lake[];
  readonly totalAreaM2: number;
  /** Pixels that held data. */
  readonly validPixels: number;
  readonly run: MapRun;
}

/**
 * The whole job: runs a lake segmenter over a scene and writes `MAP_PRODUCTS` into a folder, all together at the end or,
 * after a failure or a cancellation, none.
 *
 * - `probability.tif` (f32, NaN where no data) and `mask.tif` (1 lake, 0 other, 255 no data): COGs on the scene's grid
 * - `lakes.geojson` (WGS84) and `lakes.gpkg` (the scene's CRS): outlines along pixel edges with the `LAKE_COLUMNS`
 * - `preview.png`, `report.html`: to look at; `run.json`: what was done with what
 *
 * @throws GlofError `missing-crs`, `bad-geotransform`, `missing-band`, `no-valid-pixels`, `already-exists`, `no-space`,
 * `not-writable`, `aborted`, and what reading the scene throws
 */
export async function mapScene(options: MapSceneOptions): Promise<MapSummary> {
  const { scene, outDir, overwrite = false, signal, areas } = options;
  throwIfAborted(signal, "mapScene");
  checkUsable(scene.id, scene.grid);
  checkNumbers(options);
  const area = areas === undefined ? wholeScene(scene) : cutToAreas(scene, areas);
  const files = await beginFileSet(outDir, MAP_PRODUCTS, { overwrite });
  const besides = new AbortController();
  const stopBesides = (): void => besides.abort();
  signal?.addEventListener("abort", stopBesides);
  const picture = drawScene(area, besides.signal);
  // It is awaited late: without this a failure before then would count as unhandled.
  picture.catch(() => {});
  try {
    const inputs = describeInputs(area.scene, besides.signal);
    const summary = await makeProducts(options, area, files, { inputs, picture });
    throwIfAborted(signal, "mapScene");
    await files.commit();
    return summary;
  } finally {
    stopBesides();
    signal?.removeEventListener("abort", stopBesides);
    await picture.catch(() => undefined);
    await files.abandon();
  }
}

/** What is got ready beside the model. */
interface Besides {
  readonly inputs: MapInputs;
  readonly picture: Promise<ScenePicture>;
}

async function makeProducts(
  options: MapSceneOptions,
  area: MapArea,
  files: FileSet,
  { inputs, picture }: Besides,
): Promise<MapSummary> {
  const { segmenter, minAreaM2 = DEFAULT_MIN_AREA_M2, signal } = options;
  const threshold = options.threshold ?? segmenter.config.threshold;
  const { grid } = area;
  const { id } = area.scene;
  const crs = grid.crs as Crs;
  const clock = new StageClock();

  const pass = await clock.time("model", () =>
    runProbabilityPass({
      area,
      segmenter,
      threshold,
      tilePx: options.tilePx,
      overlapPx: options.overlapPx,
      batchSize: options.batchSize,
      predictor: options.predictor,
      probabilityPath: files.pathOf("probability.tif"),
      spoolPath: files.pathOf("mask.rows"),
      onProgress: options.onProgress,
      signal,
    }),
  );
  try {
    if (pass.validPixels === 0) {
      throw new GlofError(
        "no-valid-pixels",
        `mapScene: expected pixels with data in ${id}, got none. Check the bands' no-data values and the area of interest.`,
      );
    }
    const { outlines, mask } = pass;
    const isWritten = filesProgress(options.onProgress);
    isWritten("probability.tif");
    const lakes = await clock.time("measure", async () => measureLakes(outlines, crs, minAreaM2));
    await clock.time("mask", () =>
      writeMask({ path: files.pathOf("mask.tif"), grid, mask, outlines, lakes, signal }),
    );
    isWritten("mask.tif");
    await clock.time("outlines", () => writeOutlines(files, lakes, crs, id));
    isWritten("lakes.geojson", "lakes.gpkg");
    const previewPng = await clock.time("preview", async () =>
      previewOf(await picture, grid, lakes, metresPerPixel(grid)),
    );
    throwIfAborted(signal, "mapScene");
    await writeFileAtomic(files.pathOf("preview.png"), previewPng);
    isWritten("preview.png");
    const run = await describeRun({
      options,
      area,
      threshold,
      minAreaM2,
      lakes,
      validPixels: pass.validPixels,
      tiles: pass.tiles,
      inputs,
      clock,
    });
    const title = `Lakes of ${id}`;
    const page = renderReport({ title, previewPng, lakes, settings: settingsTable(run) });
    await writeFileAtomic(files.pathOf("report.html"), page);
    await writeFileAtomic(files.pathOf("run.json"), `${JSON.stringify(run, null, 2)}\n`);
    isWritten("report.html", "run.json");
    return { lakes, totalAreaM2: run.result.totalAreaM2, validPixels: pass.validPixels, run };
  } finally {
    await pass.mask.close();
  }
}

/** Tells of the products as they are done. */
function filesProgress(onProgress: OnProgress | undefined): (...names: readonly MapProduct[]) => void {
  let done = 0;
  return (...names) => {
    done += names.length;
    onProgress?.({ stage: "files", done, total: MAP_PRODUCTS.length, unit: "files", note: names.join(", ") });
  };
}

async function writeOutlines(files: FileSet, lakes: readonly Lake[], crs: Crs, name: string): Promise<void> {
  const features = lakes.map(toFeature);
  await writeGeoJson(files.pathOf("lakes.geojson"), features, { name, crs });
  await writeGeoPackage(files.pathOf("lakes.gpkg"), [
    { layer: "lakes", crs, features, columns: LAKE_COLUMN_TYPES },
  ]);
}

function checkUsable(id: string, { crs, geoTransform }: RasterGrid): void {
  if (crs === undefined) {
    throw new GlofError(
      "missing-crs",
      `mapScene: expected ${id} to state a coordinate reference system, got none. Write one into the file, for example with gdal_edit.py -a_srs.`,
    );
  }
  if (!isNorthUp(geoTransform)) {
    throw new GlofError(
      "bad-geotransform",
      `mapScene: expected ${id} to be north-up, got the geotransform ${geoTransform.join(", ")}. Warp it to a north-up grid first.`,
    );
  }
}

function checkNumbers({ threshold = 0.5, minAreaM2 = 0 }: MapSceneOptions): void {
  const isRight = threshold >= 0 && threshold <= 1 && minAreaM2 >= 0 && Number.isFinite(minAreaM2);
  if (isRight) return;
  throw new GlofError(
    "bad-argument",
    `mapScene: expected a threshold from 0 to 1 and a minAreaM2 of at least 0, got ${threshold} and ${minAreaM2}.`,
  );
}
