import { type Crs, type Feature, lonLatBox, readVectors, WGS84 } from "@glof/geo";
import {
  type BandName,
  geotiffStackDoor,
  type OpenSceneOptions,
  openScene,
  partInside,
  type Resampling,
  type Scene,
  type ScenePart,
  sceneDoors,
  wholePart,
} from "@glof/sentinel2";
import { type Command, InvalidArgumentError, Option } from "commander";
import { toNames, toNumber } from "./commands/parse_flags.js";

/** Options by which every command that reads a scene opens it. */
export interface SceneFlags {
  names?: string[];
  tile?: string;
  resolution?: "10" | "20" | "60";
  resampling?: Resampling;
  offset?: number;
  quantification?: number;
  aoi?: string;
  bbox?: readonly [west: number, south: number, east: number, north: number];
}

/** Adds the options of `SceneFlags`. */
export function addSceneOptions(command: Command): Command {
  return addOpeningOptions(command)
    .option("--aoi <file>", "only inside these polygons: GeoJSON, GeoPackage, FlatGeobuf, shapefile")
    .option("--bbox <w,s,e,n>", "only this rectangle, in degrees of longitude and latitude", toBox);
}

/** Adds the options that tell how a scene is opened. */
export function addOpeningOptions(command: Command): Command {
  return command
    .option(
      "--names <names>",
      "names of the bands of a GeoTIFF in its order, - for one to leave out",
      toNames,
    )
    .option("--tile <name>", "tile of a product that holds several, such as 32TQR")
    .addOption(
      new Option("--resolution <m>", "size of the pixels (default: that of the finest band used)").choices([
        "10",
        "20",
        "60",
      ]),
    )
    .addOption(
      new Option(
        "--resampling <name>",
        "of bands with other pixels (default: bilinear to finer, area to coarser)",
      ).choices(["nearest", "bilinear", "area"]),
    )
    .option("--offset <dn>", "added to the numbers (default: as the product says)", toNumber)
    .option("--quantification <dn>", "number of reflectance 1 (default: as the product says)", toNumber);
}

/**
 * Opens a scene through any door.
 *
 * @param bands to use; the files of others are not opened. Default: all
 * @throws GlofError as `openScene`
 */
export async function openAnyScene(
  path: string,
  bands: readonly BandName[] | undefined,
  flags: SceneFlags,
  options: OpenSceneOptions,
): Promise<Scene> {
  const { names, tile, resolution, resampling, offset, quantification } = flags;
  // One file holds all its bands: they are named in its order. Others are asked for the bands to use.
  const given = (await isStack(path)) ? names : bands;
  return openScene(path, {
    ...(given && { bands: given }),
    ...(tile !== undefined && { tile }),
    ...(resolution && { resolutionM: Number(resolution) as 10 | 20 | 60 }),
    ...(resampling && { resampling }),
    ...(offset !== undefined && { offsetDn: offset }),
    ...(quantification !== undefined && { quantification }),
    ...options,
  });
}

async function isStack(path: string): Promise<boolean> {
  for (const door of sceneDoors) if (await door.recognises(path)) return door === geotiffStackDoor;
  return false;
}

/** The part of the scene that `--aoi` or `--bbox` leaves. */
export async function partOf(
  scene: Scene,
  { aoi, bbox }: SceneFlags,
  signal: AbortSignal,
): Promise<ScenePart> {
  if (aoi !== undefined) return partInside(scene, await readAreas(aoi, signal));
  return bbox === undefined ? wholePart(scene) : partInside(scene, [lonLatBox(...bbox)], { box: true });
}

/** Polygons of a file, by default in longitude and latitude. */
export async function readAreas(path: string, signal: AbortSignal, crs: Crs = WGS84): Promise<Feature[]> {
  return (await readVectors(path, { crs, signal })).flatMap(({ features }) => features);
}

/** `86.7,27.8,87.1,28.1` */
function toBox(text: string): [number, number, number, number] {
  const [west, south, east, north, ...rest] = text.split(",").map(toNumber);
  const isBox =
    rest.length === 0 &&
    [west, east].every((lon) => lon !== undefined && Math.abs(lon) <= 180) &&
    [south, north].every((lat) => lat !== undefined && Math.abs(lat) <= 90) &&
    south! < north! &&
    west !== east;
  if (!isBox) throw new InvalidArgumentError("It must be west,south,east,north in degrees.");
  return [west!, south!, east!, north!];
}
