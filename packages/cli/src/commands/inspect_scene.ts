import { readFile, stat } from "node:fs/promises";
import type { Logger } from "@glof/core";
import {
  bandFolderDoor,
  describeScene,
  openScene,
  type Scene,
  type SceneDescription,
  safeDoor,
  safeZipDoor,
  stacItemDoor,
} from "@glof/sentinel2";
import type { InspectedPath, Inspection, InspectKind, InspectOptions } from "./inspect_kind.js";
import { pixelFacts, type ScenePixels } from "./inspect_scene_pixels.js";
import { sceneLines } from "./inspect_scene_text.js";
import { isAddress } from "./place_text.js";

/** SAFE products, folders of loose bands, STAC items. A GeoTIFF with bands is a raster. */
export const sceneKind: InspectKind = {
  title: "scenes (SAFE folder or .zip, folder of bands, STAC item)",
  recognises: isScene,
  inspect: ({ path }, options) => inspectScene(path, options),
};

async function isScene({ path, isFolder, names, start }: InspectedPath): Promise<boolean> {
  if (await safeDoor.recognises(path)) return true;
  if (isFolder) return (await bandFolderDoor.recognises(path)) && namesBands(names);
  if (start.length === 0) return isAddress(path) && ((await isZip(path)) || stacItemDoor.recognises(path));
  if (await isZip(path)) return holdsProduct(path);
  return /^\s*\{/.test(new TextDecoder().decode(start)) && isStacDocument(path);
}

const isZip = (path: string): Promise<boolean> => safeZipDoor.recognises(path);

const namesBands = (names: readonly string[]): boolean =>
  names.some((name) => /(^|_)(B\d{2}|B8A)(_\d0m)?\.(jp2|tiff?)$|^R\d0m$/i.test(name));

/** An archive without a product is for others, or for nobody; one that is broken is refused as a scene. */
async function holdsProduct(path: string): Promise<boolean> {
  const bytes = await readFile(path).catch(() => undefined);
  return (
    bytes === undefined || !/\.(shp|gpkg|fgb|geojson)/i.test(bytes.subarray(-(2 ** 20)).toString("latin1"))
  );
}

/** Items of STAC are small; larger documents are tables of features. */
const mostItemBytes = 2 ** 24;

async function isStacDocument(path: string): Promise<boolean> {
  if ((await stat(path)).size > mostItemBytes) return false;
  return /"stac_version"\s*:/.test(await readFile(path, "utf8"));
}

async function inspectScene(path: string, { signal, pixels }: InspectOptions): Promise<Inspection> {
  const warnings: string[] = [];
  const description = await describeScene(path, { signal });
  const isOnWeb = isAddress(path) || description.kind === "STAC item";
  const looked = pixels || !isOnWeb ? await lookAtPixels(path, description, warnings, signal) : undefined;
  const all = [...description.warnings, ...warnings];
  const facts = { ...description, warnings: all, pixels: looked ?? null };
  return {
    json: { ...facts, kind: "scene", form: description.kind, path, product: withoutGrid(description) },
    lines: [`${path}: ${description.kind}`, ...sceneLines(description, looked, isOnWeb && !pixels, all)],
  };
}

/** The angle grid is hundreds of numbers that nobody reads. */
function withoutGrid({ product }: SceneDescription): SceneDescription["product"] {
  const { sun, ...rest } = product;
  if (sun === undefined) return rest;
  return { ...rest, sun: { meanZenithDeg: sun.meanZenithDeg, meanAzimuthDeg: sun.meanAzimuthDeg } };
}

/** A product whose images are not there has no pixels, and is described all the same. */
async function lookAtPixels(
  path: string,
  { bands, kind, hasClassification }: SceneDescription,
  warnings: string[],
  signal: AbortSignal,
): Promise<ScenePixels | undefined> {
  const hasImages = kind !== "SAFE product" || bands.some(({ resolutionsM }) => resolutionsM.length > 0);
  if (!hasImages) return undefined;
  const warn = (message: string): void => {
    if (!/images that the product lists are missing/.test(message)) warnings.push(message);
  };
  const quiet = (): void => {};
  const logger: Logger = { debug: quiet, info: quiet, warn, error: warn };
  const scene: Scene = await openScene(path, { signal, logger, ...(hasClassification && { validity: {} }) });
  try {
    return await pixelFacts(scene, signal);
  } finally {
    await scene.close();
  }
}
