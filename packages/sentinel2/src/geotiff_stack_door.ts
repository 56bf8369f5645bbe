import { GlofError } from "@glof/core";
import { openRaster, type RasterSource } from "@glof/geo";
import type { BandLayer } from "./band_layer.js";
import { requireBandName, toBandName } from "./band_names.js";
import type { ClassLayer } from "./class_layer.js";
import { layeredScene } from "./layered_scene.js";
import { baseName, parseProductName } from "./product_name.js";
import { bandRadiometry } from "./radiometry.js";
import type { OpenSceneOptions, SceneDoor } from "./scene_door.js";
import { checkSceneGrid, chooseGrid, gridRatio } from "./scene_grid.js";
import type { BandName } from "./types.js";
import { scenePolicy } from "./validity/policy.js";

/** Opens one GeoTIFF that holds several bands, named in the file (GDAL band descriptions) or by the caller. */
export const geotiffStackDoor: SceneDoor = {
  opens: "a multi-band GeoTIFF with band names",
  recognises: async (source) => typeof source !== "string" || !source.endsWith("/"),
  open: async (source, options) => {
    const raster = await openRaster(source, {
      ...(options.name !== undefined && { name: options.name }),
      ...(options.http && { http: options.http }),
    });
    try {
      const where = `openScene(${baseName(raster.name)})`;
      checkSceneGrid(raster.grid, where);
      const grid = chooseGrid([raster.grid], options.resolutionM, where);
      const ratio = gridRatio(grid, raster.grid, where);
      const layers = stackLayers(raster, options, where).map((layer) => ({ ...layer, ratio }));
      const product = parseProductName(baseName(raster.name));
      const facts = {
        id: baseName(raster.name),
        level: options.level ?? product.level,
        acquiredAt: product.acquiredAt,
        inputs: [{ path: raster.name, role: "stack" as const }],
      };
      return layeredScene(grid, layers, facts, {
        classification: classesOf(raster, ratio, options),
        policy: scenePolicy(options.validity, false, where),
        resampling: options.resampling,
      });
    } catch (error) {
      await raster.close();
      throw error;
    }
  },
};

/** The band named `SCL`, when a validity policy asks for it. */
function classesOf(raster: RasterSource, ratio: number, options: OpenSceneOptions): ClassLayer | undefined {
  const index = raster.bands.findIndex((band) => band.name?.trim().toUpperCase() === "SCL");
  return options.validity && index !== -1 ? { raster, index, ratio } : undefined;
}

function stackLayers(raster: RasterSource, options: OpenSceneOptions, where: string): BandLayer[] {
  const names = options.bands
    ? namesByHand(raster, options.bands, where)
    : raster.bands.map((band) => (band.name === undefined ? undefined : toBandName(band.name)));
  const layers = names.flatMap((band, index): BandLayer[] => {
    if (band === undefined) return [];
    const radiometry = bandRadiometry(raster.bands[index]!, options, `${where}, ${band}`, [
      baseName(raster.name),
    ]);
    return [{ band, raster, index, radiometry, ratio: 1 }];
  });
  if (layers.length === 0) throw noNames(raster, where);
  const twice = layers.find(
    (layer, index) => layers.findIndex((other) => other.band === layer.band) !== index,
  );
  if (twice) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected each band once, got ${twice.band} twice. Name the bands by hand, with "-" for the one to leave out.`,
      { band: twice.band },
    );
  }
  return layers;
}

function namesByHand(
  raster: RasterSource,
  names: readonly string[],
  where: string,
): (BandName | undefined)[] {
  if (names.length !== raster.bands.length) {
    throw new GlofError(
      "bad-argument",
      `${where}: expected ${raster.bands.length} band names, one for each band of the file, got ${names.length}: ` +
        `${names.join(", ")}. Use "-" for bands to leave out.`,
      { expected: raster.bands.length, got: names.length },
    );
  }
  return names.map((name) => (name === "-" ? undefined : requireBandName(name, where)));
}

function noNames(raster: RasterSource, where: string): GlofError {
  const found = raster.bands
    .map((band) => (band.name === undefined ? "(no name)" : `"${band.name}"`))
    .join(", ");
  return new GlofError(
    "missing-band",
    `${where}: expected band names such as B02 in the file, got ${found}. ` +
      "Give the names of all bands in the order of the file (bands, --bands).",
    { bands: raster.bands.map((band) => band.name) },
  );
}
