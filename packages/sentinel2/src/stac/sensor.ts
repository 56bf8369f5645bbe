import { GlofError } from "@glof/core";
import { type StacItem, textProperty } from "./stac_item.js";

/** What took the picture. */
export type Sensor = "sentinel-2" | "landsat";

/**
 * The sensor of an item, by its platform and constellation, else by its name; an item that names none is taken for
 * Sentinel-2.
 *
 * @throws GlofError `unsupported-feature` for another platform, and for Landsat's Level-1, whose numbers are not
 *   reflectance before the sun's elevation is divided out
 */
export function sensorOf(item: StacItem, where: string): Sensor {
  const platform = textProperty(item, "platform", "constellation", "eo:platform");
  const sensor = platform === undefined ? sensorInName(item.id) : sensorInName(platform);
  if (sensor === "landsat") requireSurfaceReflectance(item, where);
  if (sensor) return sensor;
  if (platform === undefined) return "sentinel-2";
  throw new GlofError(
    "unsupported-feature",
    `${where}: expected an item of Sentinel-2 or Landsat, got one of ${platform}. Open its files by themselves.`,
    { platform },
  );
}

function sensorInName(name: string): Sensor | undefined {
  if (/sentinel[-_ ]?2|^S2[A-D]?([_-]|$)/i.test(name)) return "sentinel-2";
  if (/landsat|^L[COTEM]0\d_/i.test(name)) return "landsat";
  return undefined;
}

function requireSurfaceReflectance(item: StacItem, where: string): void {
  const level = textProperty(item, "landsat:correction") ?? /^L[COTEM]0\d_(L\d\w\w)_/i.exec(item.id)?.[1];
  if (level === undefined || /^L2/i.test(level)) return;
  throw new GlofError(
    "unsupported-feature",
    `${where}: expected Landsat Collection 2 Level-2 (surface reflectance), got ${level}. Take the item of that collection.`,
    { level },
  );
}
