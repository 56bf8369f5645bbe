import { GlofError } from "@glof/core";
import { lonLatBounds } from "@glof/geo";
import { toBandName } from "../band_names.js";
import { offsetRule } from "../offset_rules.js";
import { baselineInName, baseName } from "../product_name.js";
import type { ProductFiles } from "../safe/product_files.js";
import { type ProductMetadata, parseProductMetadata } from "../safe/product_metadata.js";
import { type Granule, isBandImage, layoutProduct } from "../safe/safe_layout.js";
import { parseTileMetadata, type TileMetadata } from "../safe/tile_metadata.js";
import { BAND_NAMES, type BandName, type ProductFacts } from "../types.js";
import type { DescribedBand, SceneDescription } from "./scene_description.js";

/** What the metadata of a SAFE product says; images need not be there. `tile` chooses one granule of several. */
export async function describeProduct(
  files: ProductFiles,
  tile: string | undefined,
): Promise<SceneDescription> {
  const where = `describeScene(${files.name})`;
  const layout = layoutProduct(files.paths, where);
  const product = parseProductMetadata(
    await files.readText(layout.metadataPath),
    `${where}, ${layout.metadataPath}`,
  );
  const wanted = tile?.replace(/^T/i, "").toUpperCase();
  const granule = layout.granules.find((one) => wanted === undefined || one.tile === wanted);
  if (granule === undefined) {
    const tiles = layout.granules.map((one) => one.tile ?? one.folder).join(", ");
    throw new GlofError(
      "bad-argument",
      `${where}: expected one of the tiles ${tiles}, got ${tile}. Name one of them.`,
    );
  }
  const place =
    granule.metadataPath === undefined
      ? undefined
      : parseTileMetadata(await files.readText(granule.metadataPath), `${where}, ${granule.metadataPath}`);
  return describe(files, product, layout.granules, granule, place);
}

function describe(
  files: ProductFiles,
  product: ProductMetadata,
  granules: readonly Granule[],
  granule: Granule,
  place: TileMetadata | undefined,
): SceneDescription {
  const grids = [...(place?.grids ?? [])].sort(([a], [b]) => a - b);
  const finest = grids[0]?.[1];
  const missingImages = missingOf(files, product, granule);
  const bands = bandsOf(product, granule);
  const facts: { [key in keyof ProductFacts]: ProductFacts[key] | undefined } = {
    spacecraft: product.spacecraft,
    processingBaseline: product.baseline,
    tile: place?.tile ?? granule.tile,
    relativeOrbit: product.relativeOrbit,
    orbitDirection: product.orbitDirection,
    cloudPercent: product.cloudPercent,
    sun: place?.sun,
    offsetFrom: bands[0]?.offsetFrom,
  };
  const has = (what: string): boolean => granule.images.some((image) => image.what === what);
  return {
    kind: "SAFE product",
    id: (product.uri ?? files.name).replace(/\.(?:SAFE|zip)$/i, ""),
    level: product.level,
    sensor: "sentinel-2",
    acquiredAt: product.acquiredAt,
    product: Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)),
    crs: finest?.crs,
    bounds: finest && lonLatBounds(finest),
    grids: grids.map(([resolution, { width, height }]) => ({ resolution, width, height })),
    bands,
    hasClassification: has("SCL") || has("CLASSI") || granule.cloudOutlinesPath !== undefined,
    hasCloudProbability: has("CLDPRB"),
    missingImages,
    warnings: warningsOf(granules, granule, place, missingImages),
  };
}

function bandsOf(product: ProductMetadata, granule: Granule): DescribedBand[] {
  const resolutions = new Map<BandName, number[]>();
  for (const image of granule.images) {
    if (isBandImage(image))
      resolutions.set(image.what, [...(resolutions.get(image.what) ?? []), image.metres]);
  }
  if (resolutions.size === 0) for (const band of listedBands(product)) resolutions.set(band, []);
  const baseline = product.baseline ?? baselineInName(product.uri ?? "");
  const { quantification, saturatedDn } = product;
  return BAND_NAMES.filter((band) => resolutions.has(band)).map((band) => {
    const { offsetDn, from } = offsetRule({ statedDn: product.offsetsDn[band], baseline });
    const saturated = saturatedDn === undefined ? {} : { saturatedDn };
    return {
      band,
      resolutionsM: resolutions.get(band)!.sort((a, b) => a - b),
      radiometry: { quantification, offsetDn, ...saturated },
      offsetFrom: from,
    };
  });
}

/** Bands by the image files that the metadata lists. */
function listedBands({ imageFiles }: ProductMetadata): BandName[] {
  return imageFiles.flatMap((path) => toBandName(/_(B\d{2}|B8A)(?:_\d0m)?$/.exec(path)?.[1] ?? "") ?? []);
}

function missingOf(files: ProductFiles, product: ProductMetadata, granule: Granule): string[] {
  const present = new Set(files.paths.map((path) => baseName(path).replace(/\.\w+$/, "")));
  return product.imageFiles
    .filter((path) => path.startsWith(`${granule.folder}/`) || !path.includes("/"))
    .map((path) => baseName(path))
    .filter((name) => /_(?:B\d{2}|B8A|SCL)(?:_\d0m)?$/.test(name) && !present.has(name));
}

function warningsOf(
  granules: readonly Granule[],
  granule: Granule,
  place: TileMetadata | undefined,
  missing: readonly string[],
): string[] {
  const tiles = granules.map(({ tile, folder }) => tile ?? folder);
  const shown = missing.slice(0, 3).join(", ");
  return [
    ...(granules.length > 1
      ? [`${granules.length} tiles (${tiles.join(", ")}); this is the first one asked for`]
      : []),
    ...(place === undefined ? [`no MTD_TL.xml in ${granule.folder}: half a product`] : []),
    ...(missing.length > 0
      ? [`${missing.length} images are missing: ${shown}${missing.length > 3 ? ", …" : ""}`]
      : []),
  ];
}
