import { GlofError } from "@glof/core";
import { openRaster, type RasterSource } from "@glof/geo";
import type { BandLayer } from "./band_layer.js";
import { requireBandName, requireBands, toBandName } from "./band_names.js";
import { layeredScene } from "./layered_scene.js";
import { baseName, parseProductName } from "./product_name.js";
import { bandRadiometry } from "./radiometry.js";
import type { OpenSceneOptions, SceneDoor } from "./scene_door.js";
import { checkSceneGrid, gridRatio } from "./scene_grid.js";
import { BAND_NAMES, type BandName, type Scene } from "./types.js";

/** A file of one band, judged by its name. */
interface BandFile {
  readonly band: BandName;
  readonly path: string;
  /** Metres in the name (`_20m`); absent counts as finest. */
  readonly metres: number;
}

/**
 * Opens a folder with one GeoTIFF per band, told apart by their names: `B02.tif`, `…_B02.tif`, `…_B02_10m.tif`.
 * Where a band is there at several resolutions the finest is used. The scene's grid is that of the finest band;
 * coarser bands are resampled to it (`upsampleBilinear`).
 */
export const bandFolderDoor: SceneDoor = {
  opens: "a folder with one GeoTIFF per band (names like B02.tif or T45RVL_B02_10m.tif)",
  recognises: async (source) => typeof source === "string" && (await listFolder(source)) !== undefined,
  open: async (source, options) => {
    const folder = String(source);
    const files = chooseFiles(folder, (await listFolder(folder)) ?? [], options);
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

/** Names in a folder; `undefined` for anything else, or where there is no file system. */
async function listFolder(path: string): Promise<readonly string[] | undefined> {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path) || typeof process === "undefined") return undefined;
  // Imported here so that the package loads in a browser, where scenes come as URLs and files.
  const { readdir } = await import("node:fs/promises");
  return readdir(path).catch(() => undefined);
}

function chooseFiles(folder: string, names: readonly string[], options: OpenSceneOptions): BandFile[] {
  const where = `openScene(${baseName(folder)})`;
  const wanted = options.bands?.map((name) => requireBandName(name, where));
  const finest = new Map<BandName, BandFile>();
  for (const name of [...names].sort()) {
    const file = parseFileName(folder, name);
    const known = file && finest.get(file.band);
    if (file && !(known && known.metres <= file.metres)) finest.set(file.band, file);
  }
  if (finest.size === 0) {
    throw new GlofError(
      "missing-band",
      `${where}: expected files such as B02.tif or T45RVL_B02_10m.tif in the folder, got ` +
        `${names.slice(0, 5).join(", ") || "nothing"}${names.length > 5 ? ", …" : ""}. Put one GeoTIFF per band there.`,
      { folder },
    );
  }
  const bands = BAND_NAMES.filter((band) => finest.has(band));
  if (wanted) requireBands({ id: baseName(folder), bands }, wanted, where);
  return (wanted ?? bands).map((band) => finest.get(band)!);
}

function parseFileName(folder: string, name: string): BandFile | undefined {
  const match = /(?:^|[_.-])(b\d{1,2}|b8a)(?:[_.-](\d+)m)?\.tiff?$/i.exec(name);
  const band = match && toBandName(match[1]!);
  if (!band) return undefined;
  return { band, path: `${folder.replace(/\/+$/, "")}/${name}`, metres: Number(match[2] ?? 0) };
}

function folderScene(
  folder: string,
  files: readonly BandFile[],
  rasters: readonly RasterSource[],
  options: OpenSceneOptions,
): Scene {
  const where = (index: number): string => `openScene(${baseName(files[index]!.path)})`;
  rasters.forEach((raster, index) => {
    checkSceneGrid(raster.grid, where(index));
    if (raster.bands.length !== 1) {
      throw new GlofError(
        "unsupported-feature",
        `${where(index)}: expected one band in each file of a scene folder, got ${raster.bands.length}. ` +
          "Open a multi-band file by its own path.",
        { path: files[index]!.path },
      );
    }
  });
  const grid = rasters.map((raster) => raster.grid).sort((a, b) => a.geoTransform[1] - b.geoTransform[1])[0]!;
  const layers = rasters.map(
    (raster, index): BandLayer => ({
      band: files[index]!.band,
      raster,
      index: 0,
      radiometry: bandRadiometry(raster.bands[0]!, options, where(index)),
      ratio: gridRatio(grid, raster.grid, where(index)),
    }),
  );
  const product = parseProductName(`${baseName(folder)} ${baseName(files[0]!.path)}`);
  return layeredScene(grid, layers, {
    id: options.name ?? baseName(folder),
    level: options.level ?? product.level,
    acquiredAt: product.acquiredAt,
    inputs: files.map((file) => ({ path: file.path, role: file.band })),
  });
}
