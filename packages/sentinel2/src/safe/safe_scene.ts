import { GlofError, silentLogger, throwIfAborted } from "@glof/core";
import type { RasterGrid, RasterSource } from "@glof/geo";
import type { BandLayer } from "../band_layer.js";
import { requireBandName, requireBands } from "../band_names.js";
import type { ClassLayer } from "../class_layer.js";
import { layeredScene, type SceneExtras, type SceneFacts } from "../layered_scene.js";
import { offsetRule } from "../offset_rules.js";
import { baselineInName, baseName } from "../product_name.js";
import { bandRadiometry } from "../radiometry.js";
import type { OpenSceneOptions } from "../scene_door.js";
import { checkSceneGrid, chooseGrid, gridRatio } from "../scene_grid.js";
import {
  BAND_NAMES,
  type BandName,
  type BandRadiometry,
  type ProductFacts,
  type Scene,
  type SceneInput,
} from "../types.js";
import { scenePolicy } from "../validity/policy.js";
import { withNodata } from "../with_nodata.js";
import { classiClasses, cloudClasses, parseCloudGml } from "./cloud_mask.js";
import type { ProductFiles } from "./product_files.js";
import { type ProductMetadata, parseProductMetadata } from "./product_metadata.js";
import {
  chooseGranule,
  chooseImage,
  type Granule,
  isBandImage,
  layoutProduct,
  type ProductImage,
} from "./safe_layout.js";
import { parseTileMetadata, type TileMetadata } from "./tile_metadata.js";

/** A product with its metadata read, before any image is open. */
interface ReadProduct {
  readonly files: ProductFiles;
  readonly granule: Granule & { readonly metadataPath: string };
  readonly product: ProductMetadata;
  readonly tile: TileMetadata;
  readonly metadataPaths: readonly string[];
  readonly where: string;
}

/**
 * Opens the files of a SAFE product as a scene. The scene owns `files`.
 * @throws GlofError as `openScene`
 */
export async function openProduct(files: ProductFiles, options: OpenSceneOptions): Promise<Scene> {
  const read = await readProduct(files, options);
  const images = chooseImages(read, options);
  warnOfMissing(read, images, options);
  const rasters: RasterSource[] = [];
  try {
    for (const image of images) {
      throwIfAborted(options.signal, read.where);
      rasters.push(await openImage(read, image));
    }
    const outlines = images.some(isClasses) ? undefined : await readCloudOutlines(read);
    return assemble(read, images, rasters, outlines, options);
  } catch (error) {
    await Promise.all(rasters.map((raster) => raster.close()));
    throw error;
  }
}

async function readProduct(files: ProductFiles, options: OpenSceneOptions): Promise<ReadProduct> {
  const where = `openScene(${files.name})`;
  const layout = layoutProduct(files.paths, where);
  const productXml = await files.readText(layout.metadataPath);
  const product = parseProductMetadata(productXml, `${where}, ${layout.metadataPath}`);
  const granule = chooseGranule(layout, options.tile, where);
  const tileXml = await files.readText(granule.metadataPath);
  const tile = parseTileMetadata(tileXml, `${where}, ${granule.metadataPath}`);
  return { files, granule, product, tile, metadataPaths: [layout.metadataPath, granule.metadataPath], where };
}

/** Whether an image says what its pixels show. */
const isClasses = ({ what }: ProductImage): boolean => what === "SCL" || what === "CLASSI";

/** The clouds of a product before baseline 04.00, on the tile's grid of 60 m. */
async function readCloudOutlines({
  files,
  granule,
  tile,
  where,
}: ReadProduct): Promise<RasterSource | undefined> {
  const path = granule.cloudOutlinesPath;
  const grid = tile.grids.get(60) ?? tile.grids.get(20) ?? tile.grids.get(10);
  if (path === undefined || grid === undefined) return undefined;
  return cloudClasses(
    parseCloudGml(await files.readText(path), `${where}, ${path}`),
    grid,
    files.pathOf(path),
  );
}

/** One image for each band that is wanted, then those of the classification. */
function chooseImages({ granule, where, files }: ReadProduct, options: OpenSceneOptions): ProductImage[] {
  const bands = BAND_NAMES.filter((band) => granule.images.some((image) => image.what === band));
  const wanted = options.bands?.map((name) => requireBandName(name, where)) ?? bands;
  requireBands({ id: files.name, bands }, wanted, where);
  const finest = Math.min(
    ...granule.images.flatMap((image) => (wanted.some((band) => band === image.what) ? image.metres : [])),
  );
  const gridMetres = options.resolutionM ?? finest;
  // Masks of clouds stand in for the scene classification where there is none.
  const classes = granule.images.some((image) => image.what === "SCL") ? "SCL" : "CLASSI";
  const all = new Set([...wanted, classes, "CLDPRB"] as const);
  return [...all].flatMap((what) => chooseImage(granule.images, what, gridMetres) ?? []);
}

/** Half a product may be all that one wants of it, but not in silence. */
function warnOfMissing(
  { product, granule, files, where }: ReadProduct,
  chosen: readonly ProductImage[],
  { logger = silentLogger }: OpenSceneOptions,
): void {
  const present = new Set(files.paths.map((path) => baseName(path).replace(/\.\w+$/, "")));
  const missing = product.imageFiles
    .filter((path) => path.startsWith(`${granule.folder}/`))
    .map((path) => baseName(path))
    .filter((name) => /_(?:B\d{2}|B8A|SCL)(?:_\d0m)?$/.test(name) && !present.has(name));
  if (missing.length === 0) return;
  logger.warn(
    `${where}: ${missing.length} images that the product lists are missing: ${missing.slice(0, 4).join(", ")}` +
      `${missing.length > 4 ? ", …" : ""}. Download it again if you need them.`,
    { missing, used: chosen.map((image) => image.path) },
  );
}

/** Opens an image and gives it what the metadata knows and the file may not: its place and its no-data value. */
async function openImage(
  { files, tile, product, where }: ReadProduct,
  image: ProductImage,
): Promise<RasterSource> {
  const raster = await files.openRaster(image.path);
  try {
    if (image.what === "CLASSI") return classiClasses(raster, placedGrid(raster, tile, image, where), where);
    if (raster.bands.length !== 1) {
      throw new GlofError(
        "unsupported-feature",
        `${where}: expected one band in ${image.path}, got ${raster.bands.length}. Take the product from its source.`,
      );
    }
    const grid = placedGrid(raster, tile, image, where);
    return withNodata(raster, isBandImage(image) ? product.nodataDn : 0, grid);
  } catch (error) {
    await raster.close();
    throw error;
  }
}

function placedGrid(
  raster: RasterSource,
  tile: TileMetadata,
  image: ProductImage,
  where: string,
): RasterGrid {
  const { grid } = raster;
  const stated = tile.grids.get(image.metres);
  if (grid.crs === undefined && stated?.width === grid.width && stated.height === grid.height) return stated;
  if (grid.crs !== undefined && grid.crs.epsg !== undefined && grid.crs.epsg !== tile.epsg) {
    throw new GlofError(
      "grid-mismatch",
      `${where}: expected EPSG:${tile.epsg}, as the granule's metadata says, got EPSG:${grid.crs.epsg} in ${image.path}. ` +
        "Files of two products are mixed; download it again.",
      { path: image.path },
    );
  }
  checkSceneGrid(grid, `${where}, ${image.path}`);
  return grid;
}

function assemble(
  read: ReadProduct,
  images: readonly ProductImage[],
  rasters: readonly RasterSource[],
  outlines: RasterSource | undefined,
  options: OpenSceneOptions,
): Scene {
  const { files, product, where } = read;
  const grids = rasters.flatMap((raster, index) => (isBandImage(images[index]!) ? [raster.grid] : []));
  const grid = chooseGrid(grids, options.resolutionM, where);
  const ratio = (index: number): number =>
    gridRatio(grid, rasters[index]!.grid, `${where}, ${images[index]!.path}`);
  const layers = images.flatMap((image, index): BandLayer[] => {
    if (!isBandImage(image)) return [];
    const radiometry = productRadiometry(product, image.what, rasters[index]!, options);
    return [{ band: image.what, raster: rasters[index]!, index: 0, radiometry, ratio: ratio(index) }];
  });
  const beside = (isWanted: (image: ProductImage) => boolean): ClassLayer | undefined => {
    const index = images.findIndex(isWanted);
    return index === -1 ? undefined : { raster: rasters[index]!, index: 0, ratio: ratio(index) };
  };
  const classification =
    beside(isClasses) ??
    (outlines && { raster: outlines, index: 0, ratio: gridRatio(grid, outlines.grid, where) });
  const extras: SceneExtras = {
    classification,
    cloudProbability: beside(({ what }) => what === "CLDPRB"),
    policy: scenePolicy(options.validity, classification !== undefined, where),
    resampling: options.resampling,
    close: () => files.close(),
  };
  return layeredScene(grid, layers, sceneFacts(read, images, layers[0]!.band, options), extras);
}

/** The metadata's word counts more than tags of the image; what cannot be is refused as in any other file. */
function productRadiometry(
  product: ProductMetadata,
  band: BandName,
  raster: RasterSource,
  options: OpenSceneOptions,
): BandRadiometry {
  const { offsetDn } = productOffset(product, band, options);
  const checked = bandRadiometry(raster.bands[0]!, { ...options, offsetDn }, `openScene(${raster.name})`);
  return {
    quantification: options.quantification === undefined ? product.quantification : checked.quantification,
    offsetDn: checked.offsetDn,
    ...(product.saturatedDn !== undefined && { saturatedDn: product.saturatedDn }),
  };
}

const productOffset = (product: ProductMetadata, band: BandName, options: OpenSceneOptions) =>
  offsetRule({
    offsetDn: options.offsetDn,
    harmonised: options.harmonised,
    statedDn: product.offsetsDn[band],
    baseline: product.baseline ?? baselineInName(product.uri ?? ""),
  });

function sceneFacts(
  { files, product, tile, granule, metadataPaths }: ReadProduct,
  images: readonly ProductImage[],
  firstBand: BandName,
  options: OpenSceneOptions,
): SceneFacts {
  const tileName = tile.tile ?? granule.tile;
  const facts: { [key in keyof ProductFacts]: ProductFacts[key] | undefined } = {
    spacecraft: product.spacecraft,
    processingBaseline: product.baseline,
    tile: tileName,
    relativeOrbit: product.relativeOrbit,
    orbitDirection: product.orbitDirection,
    cloudPercent: product.cloudPercent,
    sun: tile.sun,
    offsetFrom: productOffset(product, firstBand, options).from,
  };
  const { cloudOutlinesPath } = granule;
  const outlines = cloudOutlinesPath === undefined || images.some(isClasses) ? [] : [cloudOutlinesPath];
  const roleOf = (image: ProductImage): SceneInput["role"] =>
    isClasses(image) ? "classification" : isBandImage(image) ? image.what : "cloud-probability";
  return {
    id: options.name ?? (product.uri ?? files.name).replace(/\.(?:SAFE|zip)$/i, ""),
    level: options.level ?? product.level,
    acquiredAt: product.acquiredAt,
    inputs: [
      ...metadataPaths.map((path): SceneInput => ({ path: files.pathOf(path), role: "metadata" })),
      ...images.map((image): SceneInput => ({ path: files.pathOf(image.path), role: roleOf(image) })),
      ...outlines.map((path): SceneInput => ({ path: files.pathOf(path), role: "classification" })),
    ],
    product: Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)),
  };
}
