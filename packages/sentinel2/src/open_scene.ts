import { GlofError, silentLogger } from "@glof/core";
import { bandFolderDoor } from "./band_folder_door.js";
import { checkSceneValues } from "./check_values.js";
import { geotiffStackDoor } from "./geotiff_stack_door.js";
import { safeDoor, safeZipDoor } from "./safe/safe_door.js";
import type { OpenSceneOptions, SceneDoor, SceneSource } from "./scene_door.js";
import { stacItemDoor } from "./stac/stac_item_door.js";
import type { Scene } from "./types.js";

/** The kinds of scene that `openScene` knows, in the order they are tried. */
export const sceneDoors: readonly SceneDoor[] = [
  safeDoor,
  bandFolderDoor,
  safeZipDoor,
  stacItemDoor,
  geotiffStackDoor,
];

/**
 * Opens a Sentinel-2 scene: a SAFE product, a folder with one file per band, a STAC item of Sentinel-2 or Landsat, or
 * one multi-band GeoTIFF with band names.
 *
 * The numbers become reflectance by `(DN + offsetDn) / quantification`. A pixel is not valid where an asked band holds
 * the product's or file's no-data value, NaN or an infinity, where all asked bands are 0, and where the scene classification
 * objects by the policy `validity`.
 *
 * @throws GlofError `not-found`, `unsupported-format`, `corrupt-file`, `unsupported-feature` for files that cannot be
 * read; `unknown-band`, `missing-band`, `bad-dtype`, `bad-argument` for their bands; `missing-crs`, `bad-geotransform`,
 * `grid-mismatch` for their place on the Earth; `no-valid-pixels` for an empty scene; `aborted`
 */
export async function openScene(source: SceneSource, options: OpenSceneOptions = {}): Promise<Scene> {
  const { doors = sceneDoors, logger = silentLogger, checkValues = true, signal } = options;
  const door = await findDoor(source, doors);
  const scene = await door.open(source, options);
  try {
    if (checkValues) await checkSceneValues(scene, logger, signal);
    return scene;
  } catch (error) {
    await scene.close();
    throw error;
  }
}

async function findDoor(source: SceneSource, doors: readonly SceneDoor[]): Promise<SceneDoor> {
  for (const door of doors) if (await door.recognises(source)) return door;
  throw new GlofError(
    "unsupported-format",
    `openScene(${String(source)}): expected ${doors.map((door) => door.opens).join(", or ")}. Check the path.`,
  );
}
