import { lonLatBounds } from "@glof/geo";
import { bandFolderDoor } from "../band_folder_door.js";
import { openScene } from "../open_scene.js";
import { safeDoor, safeFiles, safeZipDoor } from "../safe/safe_door.js";
import type { OpenSceneOptions, SceneSource } from "../scene_door.js";
import { readStacItem, stacItemDoor } from "../stac/stac_item_door.js";
import type { Scene } from "../types.js";
import { describeItem } from "./describe_item.js";
import { describeProduct } from "./describe_product.js";
import type { SceneDescription } from "./scene_description.js";

/**
 * What a scene's metadata says: of SAFE products (folder or zip) and STAC items without opening an image, so half a
 * product can be described too; of loose bands and GeoTIFFs by opening them. Pixel values are not looked at.
 *
 * @throws GlofError as `openScene`, but not for missing images
 */
export async function describeScene(
  source: SceneSource,
  options: OpenSceneOptions = {},
): Promise<SceneDescription> {
  if ((await safeDoor.recognises(source)) || (await isZip(source))) {
    const files = await safeFiles(source, options);
    try {
      return await describeProduct(files, options.tile);
    } finally {
      await files.close();
    }
  }
  const isFolder = await bandFolderDoor.recognises(source);
  if (!isFolder && (await stacItemDoor.recognises(source)))
    return describeItem(await readStacItem(source, options));
  // A classification beside loose bands is told of, though only a policy makes anybody use it.
  const scene = await openScene(source, { validity: {}, ...options, checkValues: false });
  try {
    return describeOpen(scene, isFolder ? "folder of bands" : "GeoTIFF");
  } finally {
    await scene.close();
  }
}

const isZip = (source: SceneSource): Promise<boolean> => safeZipDoor.recognises(source);

function describeOpen(scene: Scene, kind: SceneDescription["kind"]): SceneDescription {
  const { grid, level, acquiredAt, id, radiometry } = scene;
  const { width, height, geoTransform } = grid;
  return {
    kind,
    id,
    level,
    sensor: scene.sensor ?? "sentinel-2",
    acquiredAt,
    product: scene.product ?? {},
    crs: grid.crs,
    bounds: lonLatBounds(grid),
    grids: [{ resolution: geoTransform[1], width, height }],
    bands: scene.bands.map((band) => ({
      band,
      resolutionsM: [],
      radiometry: radiometry[band]!,
      offsetFrom: "the file or its name",
    })),
    hasClassification: scene.classification !== undefined,
    hasCloudProbability: scene.cloudProbability !== undefined,
    missingImages: [],
    warnings: [],
  };
}
