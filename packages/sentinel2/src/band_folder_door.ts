import { GlofError, silentLogger } from "@glof/core";
import { openRaster, type RasterSource } from "@glof/geo";
import { type BandFile, chooseBandFiles, type FolderRole } from "./band_files.js";
import type { BandLayer } from "./band_layer.js";
import type { ClassLayer } from "./class_layer.js";
import { layeredScene, type SceneFacts } from "./layered_scene.js";
import { baseName, parseProductName } from "./product_name.js";
import { bandRadiometry } from "./radiometry.js";
import type { OpenSceneOptions, SceneDoor } from "./scene_door.js";
import { checkSceneGrid, chooseGrid, gridRatio } from "./scene_grid.js";
import type { BandName, Scene, SceneInput } from "./types.js";
import { scenePolicy } from "./validity/policy.js";

/**
 * Opens a folder with one GeoTIFF or JPEG2000 file per band, told apart by their names: `B02.tif`, `…_B02.jp2`,
 * `…_B02_10m.jp2`; folders `R10m`, `R20m`, `R60m` in it are looked through too.
 *
 * The scene's grid is that of the finest band, or `resolutionM`. Where a band is there at several resolutions, the file of
 * the grid's resolution is used, else the coarsest finer one, else the finest. Other bands are resampled to the grid
 * (`resampling`). With `validity` a scene classification (`…_SCL_20m.jp2`) and a cloud probability (`MSK_CLDPRB_20m.jp2`)
 * beside the bands are used.
 */
export const bandFolderDoor: SceneDoor = {
  opens: "a folder with one GeoTIFF or JP2 per band (names like B02.tif or T45RVL_B02_10m.jp2)",
  recognises: async (source) => typeof source === "string" && (await listFolder(source)) !== undefined,
  open: async (source, options) => {
    const folder = String(source);
    const files = chooseBandFiles(folder, (await listFolder(folder)) ?? [], options);
    const rasters: RasterSource[] = [];
    try {
      for (const file of files) rasters.push(await openRaster(file.path));
      return folderScene(folder, files, rasters, options);
    } catch (error) {
      await Promise.all(rasters.map((raster) => raster.close()));
      throw error;
    }
  },
};

/** Names in a folder and in its `R…m` folders; `undefined` for anything else, or where there is no file system. */
async function listFolder(path: string): Promise<readonly string[] | undefined> {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path) || typeof process === "undefined") return undefined;
  // Imported here so that the package loads in a browser, where scenes come as URLs and files.
  const { readdir } = await import("node:fs/promises");
  const names = await readdir(path).catch(() => undefined);
  const inner = (names ?? []).filter((name) => /^R(?:10|20|60)m$/.test(name));
  const more = await Promise.all(
    inner.map(async (name) =>
      (await readdir(`${path}/${name}`).catch(() => [])).map((file) => `${name}/${file}`),
    ),
  );
  return names && [...names, ...more.flat()];
}

function folderScene(
  folder: string,
  files: readonly BandFile[],
  rasters: readonly RasterSource[],
  options: OpenSceneOptions,
): Scene {
  files.forEach((file, index) => {
    checkBandFile(file, rasters[index]!);
  });
  const bandGrids = rasters.filter((_, index) => isBand(files[index]!.role)).map((raster) => raster.grid);
  const where = `openScene(${baseName(folder)})`;
  const grid = chooseGrid(bandGrids, options.resolutionM, where);
  const ratios = rasters.map((raster, index) => gridRatio(grid, raster.grid, fileWhere(files[index]!)));
  const layers = files.flatMap((file, index): BandLayer[] => {
    if (!isBand(file.role)) return [];
    const raster = rasters[index]!;
    const names = [baseName(folder), baseName(file.path)];
    const radiometry = bandRadiometry(raster.bands[0]!, options, fileWhere(file), names);
    return [{ band: file.role, raster, index: 0, radiometry, ratio: ratios[index]! }];
  });
  const beside = (role: FolderRole): ClassLayer | undefined => {
    const index = files.findIndex((file) => file.role === role);
    return index === -1 ? undefined : { raster: rasters[index]!, index: 0, ratio: ratios[index]! };
  };
  return layeredScene(grid, layers, folderFacts(folder, files, options), {
    classification: beside("classification"),
    cloudProbability: beside("cloud-probability"),
    policy: scenePolicy(options.validity, false, where),
    resampling: options.resampling,
  });
}

const isBand = (role: FolderRole): role is BandName =>
  role !== "classification" && role !== "cloud-probability";

function folderFacts(folder: string, files: readonly BandFile[], options: OpenSceneOptions): SceneFacts {
  const product = parseProductName(`${baseName(folder)} ${baseName(files[0]!.path)}`);
  if (options.validity && !files.some((file) => file.role === "classification")) {
    (options.logger ?? silentLogger).warn(
      `openScene(${baseName(folder)}): no scene classification (SCL) beside the bands: the validity policy has no classes to ` +
        "judge by. Put it there, or leave validity out.",
    );
  }
  return {
    id: options.name ?? baseName(folder),
    level: options.level ?? product.level,
    acquiredAt: product.acquiredAt,
    inputs: files.map((file): SceneInput => ({ path: file.path, role: file.role })),
  };
}

const fileWhere = (file: BandFile): string => `openScene(${baseName(file.path)})`;

function checkBandFile(file: BandFile, raster: RasterSource): void {
  checkSceneGrid(raster.grid, fileWhere(file));
  if (raster.bands.length === 1) return;
  throw new GlofError(
    "unsupported-feature",
    `${fileWhere(file)}: expected one band in each file of a scene folder, got ${raster.bands.length}. ` +
      "Open a multi-band file by its own path.",
    { path: file.path },
  );
}
