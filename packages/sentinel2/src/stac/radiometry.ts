import { GlofError, type Logger } from "@glof/core";
import type { RasterBand } from "@glof/geo";
import { baselineHasOffset, type OffsetRule, offsetRule } from "../offset_rules.js";
import { baselineInName } from "../product_name.js";
import { bandRadiometry } from "../radiometry.js";
import type { OpenSceneOptions } from "../scene_door.js";
import type { BandRadiometry } from "../types.js";
import type { Sensor } from "./sensor.js";
import { rasterNumber } from "./stac_bands.js";
import { type StacAsset, type StacItem, textProperty } from "./stac_item.js";

/** Surface reflectance of Landsat Collection 2 Level-2. Source: USGS, Landsat 8-9 Collection 2 Level 2 Science Product Guide. */
const landsatScale = 0.000_027_5;
const landsatOffset = -0.2;

/** The processing baseline of a Sentinel-2 item, by its metadata or by the product's name. */
export function baselineOf(item: StacItem): string | undefined {
  const stated = ["s2:processing_baseline", "sentinel:processing_baseline", "processing:version"];
  // "processing:version" may be that of any software; a baseline has two digits and two.
  const own = stated.map((name) => textProperty(item, name)).find((text) => /^\d\d\.\d\d$/.test(text ?? ""));
  const names = [textProperty(item, "s2:product_uri"), textProperty(item, "sentinel:product_id"), item.id];
  return own ?? baselineInName(names.join(" "));
}

/**
 * The offset of an item's Sentinel-2 numbers. `earthsearch:boa_offset_applied` comes first, then the baseline, and only
 * then the offset of the raster extension: Earth Search states -0.1 there for files in which it has applied it.
 */
export function itemOffset(
  item: StacItem,
  asset: StacAsset,
  band: RasterBand,
  options: OpenSceneOptions,
): OffsetRule {
  const applied =
    item.properties["earthsearch:boa_offset_applied"] ?? item.properties["sentinel:boa_offset_applied"];
  const baseline = baselineOf(item);
  return offsetRule({
    offsetDn: options.offsetDn,
    harmonised: options.harmonised,
    offsetApplied: typeof applied === "boolean" ? applied : undefined,
    statedDn: baseline === undefined ? (statedOffsetDn(asset) ?? taggedOffsetDn(band)) : undefined,
    baseline,
    names: [item.collection ?? "", item.id],
  });
}

/** Whether a file's own tags say what its numbers mean. */
const isTagged = ({ scale, offset }: RasterBand): boolean => scale !== 1 || offset !== 0;

const taggedOffsetDn = (band: RasterBand): number | undefined =>
  isTagged(band) ? rounded(band.offset / band.scale) : undefined;

/** Offset of the raster extension in digital numbers. */
function statedOffsetDn(asset: StacAsset): number | undefined {
  const offset = rasterNumber(asset, "offset");
  const scale = rasterNumber(asset, "scale") ?? 1;
  return offset === undefined || scale === 0 ? undefined : rounded(offset / scale);
}

/**
 * How the numbers of an asset become reflectance: what the caller says, then the rules of the sensor.
 *
 * @throws GlofError `bad-dtype`, `bad-argument`, as for other files
 */
export function assetRadiometry(
  item: StacItem,
  asset: StacAsset,
  band: RasterBand,
  sensor: Sensor,
  options: OpenSceneOptions,
  where: string,
): BandRadiometry {
  const scale = rasterNumber(asset, "scale") ?? (isTagged(band) ? band.scale : undefined);
  if (sensor === "landsat") return landsatRadiometry(asset, options, where);
  const isFloat = band.dtype === "float32" || band.dtype === "float64";
  // A float file holds reflectance already, unless somebody says what else it is.
  if (isFloat && scale === undefined && options.quantification === undefined) {
    return bandRadiometry(band, options, where);
  }
  const quantification = options.quantification ?? (scale === undefined ? undefined : rounded(1 / scale));
  const { offsetDn } = itemOffset(item, asset, band, options);
  return bandRadiometry(
    { ...band, scale: 1, offset: 0 },
    { quantification, offsetDn } as Pick<OpenSceneOptions, "quantification" | "offsetDn">,
    where,
  );
}

function landsatRadiometry(asset: StacAsset, options: OpenSceneOptions, where: string): BandRadiometry {
  const scale = rasterNumber(asset, "scale") ?? landsatScale;
  const offset = rasterNumber(asset, "offset") ?? landsatOffset;
  const quantification = options.quantification ?? rounded(1 / scale);
  const offsetDn = options.offsetDn ?? rounded(offset / scale);
  if (quantification > 0 && Number.isFinite(quantification) && Number.isFinite(offsetDn)) {
    return { quantification, offsetDn };
  }
  throw new GlofError(
    "bad-argument",
    `${where}: expected a positive scale and a finite offset, got ${scale} and ${offset}. State quantification and offsetDn.`,
  );
}

/** Warns where the item's own offset and the rule that decided differ: one of them is wrong for these files. */
export function warnOfOffset(
  item: StacItem,
  asset: StacAsset,
  rule: OffsetRule,
  logger: Logger,
  where: string,
): void {
  const stated = statedOffsetDn(asset);
  if (stated === undefined || stated === rule.offsetDn || rule.from === "the caller") return;
  const baseline = baselineOf(item);
  const hint = baseline !== undefined && baselineHasOffset(baseline) ? ` (baseline ${baseline})` : "";
  logger.warn(
    `${where}: the item states an offset of ${stated} DN${hint}, used is ${rule.offsetDn} by ${rule.from}. ` +
      "Give offsetDn if the reflectances look wrong.",
    { stated, used: rule.offsetDn, from: rule.from },
  );
}

/** Tags are decimal numbers, and so is what they mean. */
const rounded = (value: number): number => Number(value.toPrecision(12));
