import { GlofError } from "@glof/core";
import { toBandName } from "../band_names.js";
import type { BandName } from "../types.js";

/** An image of a granule. */
export interface ProductImage {
  /** A band, the scene classification, the probability of cloud, or the masks of cloud, cirrus and snow. */
  readonly what: BandName | "SCL" | "CLDPRB" | "CLASSI";
  /** Pixel size by its name, or the band's own where the name does not tell. */
  readonly metres: number;
  /** Path inside the product. */
  readonly path: string;
}

/** One granule (tile) of a product. */
export interface Granule {
  /** Folder inside the product, `GRANULE/L2A_T45RVL_…`. */
  readonly folder: string;
  /** Tile by the folder's name, `45RVL`. */
  readonly tile: string | undefined;
  readonly metadataPath: string | undefined;
  readonly images: readonly ProductImage[];
  /** Outlines of clouds (`MSK_CLOUDS_B00.gml`), which products before baseline 04.00 have. */
  readonly cloudOutlinesPath: string | undefined;
}

/** Whether an image is a band and no mask or classification. */
export const isBandImage = (image: ProductImage): image is ProductImage & { readonly what: BandName } =>
  !["SCL", "CLDPRB", "CLASSI"].includes(image.what);

/** Which file of a product is what. */
export interface SafeLayout {
  readonly metadataPath: string;
  readonly granules: readonly Granule[];
}

/** `MTD_MSIL2A.xml`; before December 2016 and from Sen2Cor `S2A_OPER_MTD_SAFL1C_….xml`, `S2A_USER_MTD_SAFL2A_….xml`. */
const productMetadata = /^(?:MTD_MSIL(?:1C|2A)|S2\w_(?:OPER|USER)_MTD_SAFL(?:1C|2A)_\w+)\.xml$/i;
const granuleMetadata = /^(?:MTD_TL|S2\w_(?:OPER|USER)_MTD_L(?:1C|2A)_TL_\w+)\.xml$/i;
const bandImage = /(?:^|_)(B\d{2}|B8A|SCL)(?:_(10|20|60)m)?\.(?:jp2|tiff?)$/i;
const classiImage = /(?:^|_)MSK_CLASSI_B00\.(?:jp2|tiff?)$/i;
const cloudOutlines = /(?:^|_)MSK_CLOUDS_(?:\w+_)?B00(?:_MSIL1C)?\.gml$/i;
const cloudImage = /(?:^|_)(?:MSK_CLDPRB|CLD)_(20|60)m\.(?:jp2|tiff?)$/i;

/** Pixel sizes of bands whose file names do not tell (L1C). */
const ownMetres: Readonly<Record<BandName, number>> = {
  B01: 60,
  B02: 10,
  B03: 10,
  B04: 10,
  B05: 20,
  B06: 20,
  B07: 20,
  B08: 10,
  B8A: 20,
  B09: 60,
  B10: 60,
  B11: 20,
  B12: 20,
};

/** Paths that have the metadata file of a product as their last part: one for each product among them. */
export const productMetadataPaths = (paths: readonly string[]): string[] =>
  paths.filter((path) => productMetadata.test(lastPart(path)) && !path.includes("GRANULE/"));

/**
 * Tells the files of a product apart by their paths inside it, with `/` between parts. Formats: L1C (images in
 * `IMG_DATA`), L2A (`IMG_DATA/R10m` …), the compact one and that before December 2016 with several granules.
 *
 * @throws GlofError `corrupt-file` when the product metadata, the granule or its metadata is missing
 */
export function layoutProduct(paths: readonly string[], where: string): SafeLayout {
  const [metadataPath] = productMetadataPaths(paths).filter((path) => !path.includes("/"));
  if (metadataPath === undefined) {
    throw halfProduct(where, "MTD_MSIL1C.xml or MTD_MSIL2A.xml at the top of the product", tops(paths));
  }
  const folders = new Set(paths.flatMap((path) => /^GRANULE\/[^/]+(?=\/)/.exec(path)?.[0] ?? []));
  const granules = [...folders].sort().map((folder) => readGranule(folder, paths));
  if (granules.length === 0) throw halfProduct(where, "a folder in GRANULE", tops(paths));
  return { metadataPath, granules };
}

/**
 * The granule to open.
 * @throws GlofError `bad-argument` for several without a choice, or a tile that is not there; `corrupt-file`, `missing-band`
 *   for one that lacks its metadata or all its images
 */
export function chooseGranule(
  layout: SafeLayout,
  wanted: string | undefined,
  where: string,
): Granule & { readonly metadataPath: string } {
  const tile = wanted?.replace(/^T/i, "").toUpperCase();
  const fitting = tile === undefined ? layout.granules : layout.granules.filter((one) => one.tile === tile);
  const [granule] = fitting;
  if (granule === undefined || fitting.length > 1) {
    const tiles = layout.granules.map((one) => one.tile ?? one.folder).join(", ");
    throw new GlofError(
      "bad-argument",
      `${where}: expected one granule, got ${tile === undefined ? "several" : `tile ${tile}`} in a product of ${tiles}. ` +
        "Name one of its tiles (tile).",
      { tiles },
    );
  }
  const { metadataPath } = granule;
  if (metadataPath === undefined) throw halfProduct(where, `MTD_TL.xml in ${granule.folder}`, "none");
  if (!granule.images.some(isBandImage)) {
    throw new GlofError(
      "missing-band",
      `${where}: expected images of bands (….jp2) in ${granule.folder}/IMG_DATA, got none: half a product. ` +
        "Download it again.",
      { folder: granule.folder },
    );
  }
  return { ...granule, metadataPath };
}

function readGranule(folder: string, paths: readonly string[]): Granule {
  const inside = paths.filter((path) => path.startsWith(`${folder}/`));
  return {
    folder,
    tile: /_T(\d{2}[A-Z]{3})(?:_|$)/.exec(folder)?.[1],
    metadataPath: inside.find((path) => {
      const rest = path.slice(folder.length + 1);
      return granuleMetadata.test(rest);
    }),
    images: inside.flatMap((path) => readImage(path) ?? []),
    cloudOutlinesPath: inside.find(
      (path) => path.includes("/QI_DATA/") && cloudOutlines.test(lastPart(path)),
    ),
  };
}

function readImage(path: string): ProductImage | undefined {
  const name = lastPart(path);
  if (path.includes("/QI_DATA/")) {
    if (classiImage.test(name)) return { what: "CLASSI", metres: 60, path };
    const metres = cloudImage.exec(name)?.[1];
    return metres === undefined ? undefined : { what: "CLDPRB", metres: Number(metres), path };
  }
  const match = path.includes("/IMG_DATA/") ? bandImage.exec(name) : null;
  if (!match) return undefined;
  const code = match[1]!.toUpperCase();
  const what = code === "SCL" ? code : toBandName(code);
  if (what === undefined) return undefined;
  return { what, metres: Number(match[2] ?? (what === "SCL" ? 20 : ownMetres[what])), path };
}

/**
 * The image to read for a grid of `gridMetres`: of that very size if there is one, else the coarsest finer one, else the
 * finest of all.
 */
export function chooseImage(
  images: readonly ProductImage[],
  what: ProductImage["what"],
  gridMetres: number,
): ProductImage | undefined {
  const own = images.filter((image) => image.what === what).sort((a, b) => a.metres - b.metres);
  return own.filter((image) => image.metres <= gridMetres).at(-1) ?? own[0];
}

const lastPart = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

const tops = (paths: readonly string[]): string => {
  const names = [...new Set(paths.map((path) => path.split("/")[0]!))];
  return names.length === 0 ? "nothing" : names.slice(0, 6).join(", ") + (names.length > 6 ? ", …" : "");
};

const halfProduct = (where: string, expected: string, got: string): GlofError =>
  new GlofError(
    "corrupt-file",
    `${where}: expected ${expected}, got ${got}: half a product, or none. Download it again, or open a folder of its ` +
      "images as loose bands.",
  );
