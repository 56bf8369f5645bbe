import type { LonLatBounds, RasterBand } from "@glof/geo";
import { assetRadiometry, itemOffset, warnOfOffset } from "../stac/radiometry.js";
import { type Sensor, sensorOf } from "../stac/sensor.js";
import { type BandAsset, bandAssets, bucketAssets } from "../stac/stac_bands.js";
import { acquiredAtOf, levelOf, productFacts } from "../stac/stac_facts.js";
import type { StacItem } from "../stac/stac_item.js";
import { BAND_NAMES } from "../types.js";
import type { DescribedBand, SceneDescription } from "./scene_description.js";

/** Stands for a file that is not opened: 16 bits without tags. */
const unopened: RasterBand = { name: undefined, dtype: "uint16", nodata: undefined, scale: 1, offset: 0 };

/** What a STAC item says; none of its files is opened. */
export function describeItem(item: StacItem): SceneDescription {
  const where = `describeScene(${item.id})`;
  const sensor = sensorOf(item, where);
  const assets = bandAssets(item, sensor);
  const warnings: string[] = [];
  const bands = BAND_NAMES.flatMap((band): DescribedBand[] => {
    const own = assets.filter(({ role }) => role === band);
    return own.length === 0 ? [] : [describeBand(item, sensor, own, where, warnings)];
  });
  const inBuckets = bucketAssets(item);
  if (inBuckets.length > 0) {
    warnings.push(
      `${inBuckets.length} files that only a storage bucket has: ${inBuckets.slice(0, 3).join(", ")}`,
    );
  }
  const has = (role: BandAsset["role"]): boolean => assets.some((asset) => asset.role === role);
  const [west, south, east, north] = item.bbox?.length === 6 ? without3d(item.bbox) : (item.bbox ?? []);
  return {
    kind: "STAC item",
    id: item.id,
    level: levelOf(item, sensor, {}),
    sensor,
    acquiredAt: acquiredAtOf(item),
    product: productFacts(item, sensor, bands[0]?.offsetFrom),
    crs: undefined,
    bounds: north === undefined ? undefined : ([west, south, east, north] as LonLatBounds),
    grids: [],
    bands,
    hasClassification: has("classification"),
    hasCloudProbability: has("cloud-probability"),
    missingImages: [],
    warnings: [...new Set(warnings)],
  };
}

const without3d = ([west, south, , east, north]: readonly number[]): (number | undefined)[] => [
  west,
  south,
  east,
  north,
];

function describeBand(
  item: StacItem,
  sensor: Sensor,
  own: readonly BandAsset[],
  where: string,
  warnings: string[],
): DescribedBand {
  const [{ asset, role }] = own as readonly [BandAsset, ...BandAsset[]];
  const warn = (message: string): void => void warnings.push(message.replace(`${where}: `, ""));
  const quiet = (): void => {};
  let offsetFrom = "Landsat Collection 2 Level-2";
  if (sensor === "sentinel-2") {
    const rule = itemOffset(item, asset, unopened, {});
    warnOfOffset(item, asset, rule, { debug: quiet, info: quiet, warn, error: warn }, where);
    offsetFrom = rule.from;
  }
  const metres = own.flatMap((one) => one.metres ?? []);
  return {
    band: role as DescribedBand["band"],
    resolutionsM: [...new Set(metres)].sort((a, b) => a - b),
    radiometry: assetRadiometry(item, asset, unopened, sensor, {}, where),
    offsetFrom,
  };
}
