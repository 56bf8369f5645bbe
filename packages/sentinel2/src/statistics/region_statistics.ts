import { throwIfAborted } from "@glof/core";
import type { BandName, ReflectanceWindow, Scene } from "../types.js";
import {
  type SceneClassStatistics,
  type SceneRegion,
  sceneClassStatistics,
} from "../validity/class_statistics.js";
import { INVALID_REASONS } from "../validity/reasons.js";

/** Options of `regionStatistics`. */
export interface RegionStatisticsOptions {
  /** Fewer valid pixels than this give no means. Default 30, as DL4GAM. */
  readonly minPixels?: number;
  readonly signal?: AbortSignal;
}

/** What a part of a scene looks like. Shares are 0 to 1; what cannot be told is absent. */
export interface RegionStatistics {
  readonly pixelCount: number;
  /** Share of the pixels that hold numbers in all bands used. */
  readonly dataFraction: number;
  /** Share of the pixels that hold numbers and that the scene's validity policy lets pass. */
  readonly validFraction: number;
  /** Medium and high clouds and cirrus in the pixels with data; needs a scene classification, as shadow does. */
  readonly cloudFraction?: number;
  readonly shadowFraction?: number;
  /** Snow and ice in the pixels with data by the classification; else in the valid ones by NDSI above 0.4 and B08 above 0.11. */
  readonly snowFraction?: number;
  /** Water by the classification, else in the valid pixels by NDWI above 0 where there is no snow. */
  readonly waterFraction?: number;
  /** Means over the valid pixels: NDSI; broadband albedo 0.5621 B + 0.1479 G + 0.2512 R + 0.0015; red / SWIR. */
  readonly ndsiMean?: number;
  readonly albedoMean?: number;
  readonly redSwirMean?: number;
  readonly classes?: SceneClassStatistics;
}

const wanted: readonly BandName[] = ["B02", "B03", "B04", "B08", "B11"];
const noNumber = INVALID_REASONS.noData | INVALID_REASONS.nonFinite | INVALID_REASONS.saturated;

/**
 * Looks at a part of a scene: data, clouds, snow, water, and the quality measures of DL4GAM (compute_qc_stats). Read strip by
 * strip; bands the scene does not have are left out, with what needs them.
 *
 * @param region see `sceneRegion`; default: the whole scene
 * @throws GlofError what `readReflectance` throws; `shape-mismatch` for a mask of another size; `aborted`
 */
export async function regionStatistics(
  scene: Scene,
  region?: SceneRegion,
  options: RegionStatisticsOptions = {},
): Promise<RegionStatistics> {
  const { minPixels = 30, signal } = options;
  const abort = signal ? { signal } : {};
  const { window, mask } = region ?? {
    window: { x: 0, y: 0, width: scene.grid.width, height: scene.grid.height },
  };
  const bands = wanted.filter((band) => scene.bands.includes(band));
  const asked = bands.length > 0 ? bands : scene.bands.slice(0, 1);
  const sums = new Sums();
  for (let row = 0; row < window.height; row += scene.blockRows) {
    throwIfAborted(signal, `regionStatistics(${scene.id})`);
    const height = Math.min(scene.blockRows, window.height - row);
    const strip = { ...window, y: window.y + row, height };
    const read = await scene.readReflectance(strip, asked, { ...abort, reasons: true });
    const start = row * window.width;
    addStrip(sums, read, asked, mask?.subarray(start, start + height * window.width));
  }
  const classes = scene.classification ? await sceneClassStatistics(scene, region, abort) : undefined;
  return summarise(sums, asked, classes, minPixels);
}

/** Counts and sums of the pixels seen. */
class Sums {
  pixels = 0;
  data = 0;
  valid = 0;
  snow = 0;
  water = 0;
  ndsi = 0;
  albedo = 0;
  redSwir = 0;
}

function addStrip(
  sums: Sums,
  { bandsRefl, invalidReasons, validMask }: ReflectanceWindow,
  bands: readonly BandName[],
  mask: Uint8Array | undefined,
): void {
  const band = (name: BandName): Float32Array | undefined => bandsRefl[bands.indexOf(name)];
  const [blue, green, red, nir, swir] = wanted.map(band);
  const difference = (a: number, b: number): number => (a - b) / (a + b === 0 ? 1 : a + b);
  for (let pixel = 0; pixel < validMask.length; pixel++) {
    if (mask !== undefined && mask[pixel] === 0) continue;
    sums.pixels++;
    if ((invalidReasons![pixel]! & noNumber) === 0) sums.data++;
    if (validMask[pixel] !== 1) continue;
    sums.valid++;
    const ndsi = green && swir ? difference(green[pixel]!, swir[pixel]!) : Number.NaN;
    const isSnow = ndsi > 0.4 && nir !== undefined && nir[pixel]! > 0.11;
    sums.ndsi += ndsi;
    if (isSnow) sums.snow++;
    else if (green && nir && difference(green[pixel]!, nir[pixel]!) > 0) sums.water++;
    if (blue && green && red) {
      sums.albedo += 0.5621 * blue[pixel]! + 0.1479 * green[pixel]! + 0.2512 * red[pixel]! + 0.0015;
    }
    if (red && swir) sums.redSwir += red[pixel]! / (swir[pixel] === 0 ? 1 : swir[pixel]!);
  }
}

function summarise(
  sums: Sums,
  bands: readonly BandName[],
  classes: SceneClassStatistics | undefined,
  minPixels: number,
): RegionStatistics {
  const has = (...names: BandName[]): boolean => names.every((name) => bands.includes(name));
  const share = (count: number): number => (sums.pixels === 0 ? 0 : count / sums.pixels);
  const enough = sums.valid >= Math.max(1, minPixels);
  const mean = (sum: number, ...names: BandName[]): number | undefined =>
    enough && has(...names) ? sum / sums.valid : undefined;
  const optional = {
    cloudFraction: classes?.cloudFraction,
    shadowFraction: classes?.shadowFraction,
    snowFraction: classes?.snowFraction ?? mean(sums.snow, "B03", "B08", "B11"),
    waterFraction: classes?.waterFraction ?? mean(sums.water, "B03", "B08", "B11"),
    ndsiMean: mean(sums.ndsi, "B03", "B11"),
    albedoMean: mean(sums.albedo, "B02", "B03", "B04"),
    redSwirMean: mean(sums.redSwir, "B04", "B11"),
    classes,
  };
  const known = Object.entries(optional).filter(([, value]) => value !== undefined);
  return {
    pixelCount: sums.pixels,
    dataFraction: share(sums.data),
    validFraction: share(sums.valid),
    ...(Object.fromEntries(known) as Partial<RegionStatistics>),
  };
}
