import { GlofError } from "@glof/core";
import { BAND_NAMES, type BandName } from "./types.js";

/** Common names of bands, as STAC's electro-optical extension and Earth Search spell them. */
const commonNames: Readonly<Record<string, BandName>> = {
  coastal: "B01",
  blue: "B02",
  green: "B03",
  red: "B04",
  rededge1: "B05",
  rededge2: "B06",
  rededge3: "B07",
  nir: "B08",
  nir08: "B8A",
  nir09: "B09",
  cirrus: "B10",
  swir16: "B11",
  swir22: "B12",
};

/**
 * The Sentinel-2 band that a text names, or `undefined`.
 *
 * Understood, in any case: `B02` and `B2`; the common names of STAC (`coastal`, `blue`, `green`, `red`, `rededge1` to
 * `rededge3`, `nir`, `nir08`, `nir09`, `cirrus`, `swir16`, `swir22`); and GDAL's `B2, central wavelength 490 nm`.
 */
export function toBandName(text: string): BandName | undefined {
  const name = text.split(",")[0]!.trim().toLowerCase();
  const common = Object.hasOwn(commonNames, name) ? commonNames[name] : undefined;
  if (common) return common;
  const code = /^b(\d{1,2}|8a)$/.exec(name)?.[1];
  const wanted = code && `B${code.toUpperCase().padStart(2, "0")}`;
  return BAND_NAMES.find((band) => band === wanted);
}

/**
 * The Sentinel-2 band that a caller named.
 * @throws GlofError `unknown-band`
 */
export function requireBandName(text: string, where: string): BandName {
  const band = toBandName(text);
  if (band) return band;
  throw new GlofError(
    "unknown-band",
    `${where}: expected the name of a Sentinel-2 band, got "${text}". Use one of ${BAND_NAMES.join(", ")}.`,
    { name: text },
  );
}

/**
 * Checks that a scene has the bands that a caller needs, before any work begins.
 * @throws GlofError `missing-band`, naming every absent band and what there is
 */
export function requireBands(
  scene: { readonly id: string; readonly bands: readonly BandName[] },
  needed: readonly BandName[],
  where: string,
): void {
  const missing = needed.filter((band) => !scene.bands.includes(band));
  if (missing.length === 0) return;
  throw new GlofError(
    "missing-band",
    `${where}: expected bands ${needed.join(", ")}, got ${scene.bands.join(", ")} in ${scene.id}: ` +
      `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing. Use a scene that has them.`,
    { missing, bands: scene.bands, scene: scene.id },
  );
}
