import { GlofError, silentLogger, throwIfAborted } from "@glof/core";
import { openRaster, type RasterSource } from "@glof/geo";
import type { BandLayer } from "../band_layer.js";
import { requireBandName, requireBands } from "../band_names.js";
import type { ClassLayer } from "../class_layer.js";
import { layeredScene, type SceneExtras, type SceneFacts } from "../layered_scene.js";
import type { OpenSceneOptions } from "../scene_door.js";
import { checkSceneGrid, chooseGrid, gridRatio } from "../scene_grid.js";
import { BAND_NAMES, type BandName, type Scene, type SceneInput } from "../types.js";
import { scenePolicy } from "../validity/policy.js";
import { withNodata } from "../with_nodata.js";
import { type ItemPlace, locateAsset, placeOf } from "./asset_place.js";
import { landsatClass } from "./landsat_classes.js";
import { assetRadiometry, itemOffset, warnOfOffset } from "./radiometry.js";
import { type Sensor, sensorOf } from "./sensor.js";
import { type BandAsset, bandAssets, bucketAssets, chooseAsset, rasterNumber } from "./stac_bands.js";
import { acquiredAtOf, levelOf, productFacts } from "./stac_facts.js";
import type { StacItem } from "./stac_item.js";

/** Options of `openStacItem`. */
export interface OpenStacItemOptions extends OpenSceneOptions {
  /**
   * Where the item is from: an address or the path of its file. Relative hrefs are against it, and assets are held to the
   * rules for links of remote documents. Default: the item's `self` link, if that is a web address.
   */
  readonly href?: string | URL;
}

/** An item with what is known before a file is open. */
interface ReadItem {
  readonly item: StacItem;
  readonly sensor: Sensor;
  readonly place: ItemPlace;
  readonly where: string;
  readonly options: OpenSceneOptions;
}

/** An asset whose file is open. */
interface OpenAsset extends BandAsset {
  readonly raster: RasterSource;
  readonly path: string;
}

/**
 * Opens the assets of a STAC item as a scene: Sentinel-2 (Earth Search v0 and v1, Planetary Computer, Copernicus Data
 * Space and others that name bands alike) or Landsat Collection 2 Level-2. Pixel values are not looked at, as `openScene`
 * does.
 *
 * @throws GlofError as `openScene`; `unsupported-feature` for another sensor; `bad-argument` for an asset that a remote
 *   item may not name
 */
export async function openStacItem(item: StacItem, options: OpenStacItemOptions = {}): Promise<Scene> {
  const where = `openScene(${item.id})`;
  const sensor = sensorOf(item, where);
  const read: ReadItem = { item, sensor, place: itemPlace(item, options.href), where, options };
  const chosen = chooseAssets(read);
  const opened = await openAll(read, chosen);
  try {
    return assemble(read, opened);
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

function itemPlace(item: StacItem, href: string | URL | undefined): ItemPlace {
  if (href !== undefined) return placeOf(href);
  const self = item.links.find((link) => link.rel === "self" && /^https?:/i.test(link.href));
  return self ? placeOf(self.href) : { kind: "none" };
}

function chooseAssets({ item, sensor, where, options }: ReadItem): BandAsset[] {
  const assets = bandAssets(item, sensor);
  const bands = BAND_NAMES.filter((band) => assets.some(({ role }) => role === band));
  if (bands.length === 0) throw noBands(item, where);
  const wanted = options.bands?.map((name) => requireBandName(name, where)) ?? bands;
  requireBands({ id: item.id, bands }, wanted, where);
  const finest = Math.min(
    ...assets.flatMap(({ role, metres }) => (wanted.some((band) => band === role) ? (metres ?? 0) : [])),
  );
  const roles = [...new Set([...wanted, ...(options.validity === false ? [] : besides)])];
  return roles.flatMap((role) => chooseAsset(assets, role, options.resolutionM ?? finest) ?? []);
}

const besides = ["classification", "cloud-probability"] as const;

function noBands(item: StacItem, where: string): GlofError {
  const bucket = bucketAssets(item);
  const got =
    bucket.length > 0
      ? `${bucket.length} that only a storage bucket has`
      : Object.keys(item.assets).join(", ");
  return new GlofError(
    "missing-band",
    `${where}: expected assets such as B02 or blue, got ${got.slice(0, 200) || "none"}. Take the item of a catalogue ` +
      "whose files have http: addresses.",
  );
}

/** Opens the files side by side; the first failure, or the caller, stops the others. */
async function openAll(read: ReadItem, assets: readonly BandAsset[]): Promise<OpenAsset[]> {
  const { signal } = read.options;
  // The caller's signal is for the opening: rasters must not hold on to it.
  const stop = new AbortController();
  const cancel = (): void => stop.abort(signal?.reason);
  throwIfAborted(signal, read.where);
  signal?.addEventListener("abort", cancel, { once: true });
  let failure: { readonly reason: unknown } | undefined;
  const open = async (asset: BandAsset): Promise<OpenAsset | undefined> => {
    try {
      return await openAsset(read, asset, stop.signal);
    } catch (reason) {
      failure ??= { reason };
      stop.abort();
      return undefined;
    }
  };
  const opened = (await Promise.all(assets.map(open))).filter((asset) => asset !== undefined);
  signal?.removeEventListener("abort", cancel);
  if (!failure) return opened;
  await closeAll(opened);
  throw failure.reason;
}

async function openAsset(
  { place, where, options, item }: ReadItem,
  found: BandAsset,
  signal: AbortSignal,
): Promise<OpenAsset> {
  const { http, sign } = options;
  const assetWhere = `${where}, ${found.key}`;
  const located = locateAsset(found.href, place, assetWhere);
  const isWeb = located instanceof URL && located.protocol !== "file:";
  const href = sign && isWeb ? locateAsset(await sign(located.href), place, assetWhere) : located;
  const foundAt = place.kind === "url" && place.url.protocol !== "file:" ? place.url : undefined;
  const raster = await openRaster(href, {
    name: `${item.id}/${found.key}`,
    http: { ...http, ...(foundAt && { foundAt }) },
    signal,
  });
  try {
    if (raster.bands.length !== 1) throw severalBands(raster, assetWhere);
    checkSceneGrid(raster.grid, assetWhere);
  } catch (error) {
    await raster.close();
    throw error;
  }
  const nodata = rasterNumber(found.asset, "nodata") ?? 0;
  return {
    ...found,
    raster: withNodata(raster, nodata),
    path: located instanceof URL ? plain(located) : located,
  };
}

/** An address for reports: its query may be a signature. */
const plain = (url: URL): string => `${url.origin === "null" ? "file://" : url.origin}${url.pathname}`;

const severalBands = (raster: RasterSource, where: string): GlofError =>
  new GlofError(
    "unsupported-feature",
    `${where}: expected one band in the file, got ${raster.bands.length}. Open it by itself, naming its bands.`,
  );

async function closeAll(assets: readonly OpenAsset[]): Promise<void> {
  await Promise.all(assets.map(({ raster }) => raster.close()));
}

/** Whether an open asset is a band and not a classification. */
const isBand = (asset: OpenAsset): asset is OpenAsset & { readonly role: BandName } =>
  asset.role !== "classification" && asset.role !== "cloud-probability";

function assemble(read: ReadItem, opened: readonly OpenAsset[]): Scene {
  const { item, sensor, where, options } = read;
  const bands = opened.filter(isBand);
  const grid = chooseGrid(
    bands.map(({ raster }) => raster.grid),
    options.resolutionM,
    where,
  );
  const ratio = ({ raster, key }: OpenAsset): number => gridRatio(grid, raster.grid, `${where}, ${key}`);
  const layers = bands.map((asset): BandLayer => {
    const band = asset.raster.bands[0]!;
    const radiometry = assetRadiometry(item, asset.asset, band, sensor, options, `${where}, ${asset.key}`);
    return { band: asset.role, raster: asset.raster, index: 0, radiometry, ratio: ratio(asset) };
  });
  const beside = (role: "classification" | "cloud-probability"): ClassLayer | undefined => {
    const asset = opened.find((candidate) => candidate.role === role);
    if (!asset) return undefined;
    const meaning = sensor === "landsat" && role === "classification" ? { meaning: landsatClass } : {};
    return { raster: asset.raster, index: 0, ratio: ratio(asset), ...meaning };
  };
  const classification = beside("classification");
  const extras: SceneExtras = {
    classification,
    cloudProbability: beside("cloud-probability"),
    policy: scenePolicy(options.validity, classification !== undefined, where),
    resampling: options.resampling,
  };
  return layeredScene(grid, layers, sceneFacts(read, opened, offsetFrom(read, bands[0]!)), extras);
}

/** Where the offset comes from, in words; says so aloud where the item says otherwise. */
function offsetFrom({ item, sensor, options, where }: ReadItem, { asset, raster }: OpenAsset): string {
  if (sensor === "landsat")
    return options.offsetDn === undefined ? "Landsat Collection 2 Level-2" : "the caller";
  const rule = itemOffset(item, asset, raster.bands[0]!, options);
  warnOfOffset(item, asset, rule, options.logger ?? silentLogger, where);
  return rule.from;
}

function sceneFacts(
  { item, sensor, options }: ReadItem,
  opened: readonly OpenAsset[],
  from: string,
): SceneFacts {
  return {
    id: options.name ?? item.id,
    level: levelOf(item, sensor, options),
    sensor,
    acquiredAt: acquiredAtOf(item),
    inputs: opened.map(({ path, role }): SceneInput => ({ path, role })),
    product: productFacts(item, sensor, from),
  };
}
