import { parseProductName } from "../product_name.js";
import type { OpenSceneOptions } from "../scene_door.js";
import type { ProcessingLevel, ProductFacts } from "../types.js";
import { baselineOf } from "./radiometry.js";
import type { Sensor } from "./sensor.js";
import { numberProperty, type StacItem, textProperty } from "./stac_item.js";

/** Processing level of an item. Landsat's Level-2 is surface reflectance, as L2A is. */
export function levelOf(item: StacItem, sensor: Sensor, options: OpenSceneOptions): ProcessingLevel {
  if (options.level) return options.level;
  if (sensor === "landsat") return "L2A";
  const type = textProperty(item, "s2:product_type", "sentinel:product_type", "product:type") ?? "";
  if (/2A$/i.test(type)) return "L2A";
  if (/1C$/i.test(type)) return "L1C";
  const names = [textProperty(item, "s2:product_uri", "sentinel:product_id"), item.id, item.collection];
  for (const name of names) {
    const { level } = parseProductName(name ?? "");
    if (level !== "unknown") return level;
  }
  return "unknown";
}

/** Start of acquisition, ISO 8601. */
export const acquiredAtOf = (item: StacItem): string | undefined =>
  textProperty(item, "datetime", "start_datetime");

/** What an item tells of the product beside its files. */
export function productFacts(item: StacItem, sensor: Sensor, offsetFrom: string | undefined): ProductFacts {
  const elevation = numberProperty(item, "view:sun_elevation");
  const meanZenithDeg =
    numberProperty(item, "s2:mean_solar_zenith") ?? (elevation === undefined ? undefined : 90 - elevation);
  const meanAzimuthDeg = numberProperty(item, "view:sun_azimuth", "s2:mean_solar_azimuth");
  const facts: { [key in keyof ProductFacts]: ProductFacts[key] | undefined } = {
    spacecraft: textProperty(item, "platform"),
    processingBaseline: sensor === "sentinel-2" ? baselineOf(item) : undefined,
    tile: tileOf(item),
    relativeOrbit: numberProperty(item, "sat:relative_orbit"),
    orbitDirection: textProperty(item, "sat:orbit_state"),
    cloudPercent: numberProperty(item, "eo:cloud_cover"),
    sun:
      meanZenithDeg === undefined || meanAzimuthDeg === undefined
        ? undefined
        : { meanZenithDeg, meanAzimuthDeg },
    offsetFrom,
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/** The military grid tile, or Landsat's path and row. */
function tileOf(item: StacItem): string | undefined {
  const whole = textProperty(item, "s2:mgrs_tile", "grid:code");
  if (whole) return whole.replace(/^MGRS-/, "");
  const zone = numberProperty(item, "mgrs:utm_zone", "sentinel:utm_zone");
  const band = textProperty(item, "mgrs:latitude_band", "sentinel:latitude_band");
  const square = textProperty(item, "mgrs:grid_square", "sentinel:grid_square");
  if (zone !== undefined && band && square) return `${String(zone).padStart(2, "0")}${band}${square}`;
  const product = textProperty(item, "s2:product_uri", "sentinel:product_id") ?? item.id;
  const inName = /_T(\d{2}[A-Z]{3})(?:_|\.|$)/.exec(product)?.[1];
  if (inName) return inName;
  const path = textProperty(item, "landsat:wrs_path");
  const row = textProperty(item, "landsat:wrs_row");
  return path && row ? `${path}/${row}` : undefined;
}
