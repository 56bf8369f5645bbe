import { toBandName } from "../band_names.js";
import type { BandName } from "../types.js";
import type { Sensor } from "./sensor.js";
import { isObject, type StacAsset, type StacItem } from "./stac_item.js";

/** What an asset is to a scene. */
export type AssetRole = BandName | "classification" | "cloud-probability";

/** An asset that a scene can use. */
export interface BandAsset {
  readonly role: AssetRole;
  readonly key: string;
  readonly asset: StacAsset;
  /** Where to read it: its own href, or a web address where that is of a storage bucket. */
  readonly href: string;
  /** Pixel size as the item tells; undefined where it does not. */
  readonly metres: number | undefined;
}

/** Names of Landsat's assets for the layers beside the bands, and of Sentinel-2's. */
const layersBeside: Readonly<Record<Sensor, Readonly<Record<string, AssetRole>>>> = {
  landsat: { qa_pixel: "classification" },
  "sentinel-2": {
    scl: "classification",
    cld: "cloud-probability",
    cloud: "cloud-probability",
    cldprb: "cloud-probability",
    msk_cldprb: "cloud-probability",
  },
};

/**
 * Landsat's bands by common name, as the Sentinel-2 band that sees nearly the same. Its near infrared (851-879 nm) is as
 * narrow as B8A; it stands for B08, which models and indices ask for.
 */
const landsatBands: Readonly<Record<string, BandName>> = {
  coastal: "B01",
  blue: "B02",
  green: "B03",
  red: "B04",
  nir08: "B08",
  nir: "B08",
  swir16: "B11",
  swir22: "B12",
};

/** The assets of an item that are bands or classifications, in the order of the item. */
export function bandAssets(item: StacItem, sensor: Sensor): BandAsset[] {
  return Object.entries(item.assets).flatMap(([key, asset]): BandAsset[] => {
    if (!isImage(asset)) return [];
    const role = roleOf(key, asset, sensor);
    const href = readableHref(asset);
    return role && href !== undefined ? [{ role, key, asset, href, metres: metresOf(key, asset) }] : [];
  });
}

/** Names of the item's images that only a storage bucket has, for messages. */
export function bucketAssets(item: StacItem): string[] {
  return Object.entries(item.assets).flatMap(([key, asset]) =>
    isImage(asset) && readableHref(asset) === undefined ? [key] : [],
  );
}

/**
 * The asset for a role: of the grid's own resolution, else of the coarsest finer one, else the finest; tiled GeoTIFFs
 * before JPEG 2000.
 */
export function chooseAsset(
  assets: readonly BandAsset[],
  role: AssetRole,
  gridMetres: number | undefined,
): BandAsset | undefined {
  const own = assets.filter((asset) => asset.role === role);
  const size = ({ metres }: BandAsset): number => metres ?? 0;
  const finer = gridMetres === undefined ? [] : own.filter((asset) => size(asset) <= gridMetres);
  const wanted = finer.length > 0 ? Math.max(...finer.map(size)) : Math.min(...own.map(size));
  const fitting = own.filter((asset) => size(asset) === wanted);
  return fitting.find(({ asset, href }) => !isJpeg2000(asset, href)) ?? fitting[0];
}

const isJpeg2000 = ({ type = "" }: StacAsset, href: string): boolean =>
  /jp2/i.test(type) || /\.jp2(?:[?#]|$)/i.test(href);

const notPixels = new Set(["thumbnail", "overview", "metadata", "visual", "tiles"]);

function isImage({ type, href, roles }: StacAsset): boolean {
  if (Array.isArray(roles) && roles.some((role) => notPixels.has(role))) return false;
  if (typeof type === "string") return /tiff|jp2/i.test(type);
  return !/\.(?:json|geojson|xml|jpe?g|png|html?|txt|pdf|zip|safe)(?:[?#]|$)/i.test(href);
}

/** The bands that an asset says it has: `bands` of STAC 1.1, `eo:bands` before. */
function bandsOf(asset: StacAsset): Readonly<Record<string, unknown>>[] {
  const list = asset.bands ?? asset["eo:bands"];
  return Array.isArray(list) ? list.filter(isObject) : [];
}

function roleOf(key: string, asset: StacAsset, sensor: Sensor): AssetRole | undefined {
  const plainKey = key.replace(/[-_](?:jp2|cog|tiff?|\d+m)$/i, "").toLowerCase();
  const beside = layersBeside[sensor];
  if (Object.hasOwn(beside, plainKey)) return beside[plainKey];
  const bands = bandsOf(asset);
  if (bands.length > 1) return undefined;
  const names = [bands[0]?.name, plainKey, bands[0]?.["eo:common_name"], bands[0]?.common_name];
  const texts = names.filter((name) => typeof name === "string");
  if (sensor === "landsat") {
    const known = texts.find((name) => Object.hasOwn(landsatBands, name.toLowerCase()));
    return known === undefined ? undefined : landsatBands[known.toLowerCase()];
  }
  for (const name of texts) {
    const band = toBandName(name);
    if (band) return band;
  }
  return undefined;
}

/** Sources: projection, raster and electro-optical extensions; `_20m` of the Copernicus Data Space's keys. */
function metresOf(key: string, asset: StacAsset): number | undefined {
  const transform = asset["proj:transform"];
  const raster = rasterBand(asset);
  const candidates = [
    Array.isArray(transform) ? transform[0] : undefined,
    raster.spatial_resolution,
    asset["raster:spatial_resolution"],
    asset.gsd,
    Number(/[-_](\d+)m(?:[-_]|$)/.exec(key)?.[1]),
  ];
  return candidates.find((value): value is number => typeof value === "number" && value > 0);
}

/** What the raster extension says of an asset's first band. */
export function rasterBand(asset: StacAsset): Readonly<Record<string, unknown>> {
  const list = asset["raster:bands"];
  return Array.isArray(list) && isObject(list[0]) ? list[0] : {};
}

/** A number of the raster extension: in `raster:bands` before STAC 1.1, then in the band or the asset. */
export function rasterNumber(asset: StacAsset, name: "scale" | "offset" | "nodata"): number | undefined {
  const [band = {}] = bandsOf(asset);
  const prefix = name === "nodata" ? name : `raster:${name}`;
  const found = [rasterBand(asset)[name], band[prefix], asset[prefix]];
  return found.find((value): value is number => typeof value === "number" && Number.isFinite(value));
}

/** Buckets need keys of an account; an alternate web address (extension `alternate`) does not. */
function readableHref(asset: StacAsset): string | undefined {
  const { alternate } = asset;
  const others = isObject(alternate) ? Object.values(alternate) : [];
  const hrefs = [asset.href, ...others.map((other) => (isObject(other) ? other.href : undefined))];
  return hrefs.find((href): href is string => typeof href === "string" && !/^(?:s3|gs|az|abfs):/i.test(href));
}
