import { GlofError, type OnProgress, throwIfAborted } from "@glof/core";
import { beginCog, type CogCompression, type CogOptions, type PixelWindow, windowGrid } from "@glof/geo";
import { requireBands } from "../band_names.js";
import type { BandName, BandRadiometry, Scene } from "../types.js";
import { INVALID_REASONS } from "../validity/reasons.js";
import { partStrips, type ScenePart, wholePart } from "./scene_part.js";

/** Options of `writeStack`. */
export interface WriteStackOptions {
  /** Bands in the order of the file. Default: all of the scene. */
  readonly bands?: readonly BandName[];
  /**
   * `"dn"` (default): `uint16` numbers of the scene's own radiometry, told in the file by scale and offset, 0 where no data.
   * `"reflectance"`: `float32`, NaN where no data.
   */
  readonly as?: "dn" | "reflectance";
  /** Default: the whole scene. */
  readonly part?: ScenePart;
  /** Default `"deflate"`. */
  readonly compression?: CogCompression;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What was written. */
export interface StackSummary {
  readonly bands: readonly BandName[];
  readonly width: number;
  readonly height: number;
  /** Share of the pixels that hold a number in every band. */
  readonly dataFraction: number;
}

/** Numbers of floating-point scenes: ESA's of today, which can hold reflectance below 0. */
const radiometryOfFloats: BandRadiometry = { quantification: 10_000, offsetDn: -1000 };
const greatestDn = 65_535;

/**
 * Writes bands of a scene, whatever door it came through, as one Cloud Optimized GeoTIFF on the scene's grid: named bands,
 * scale, offset and no-data value, overviews. It goes strip by strip: memory holds a few rows of blocks. The file
 * appears when it is whole. Node only.
 *
 * Bands on the scene's own pixels keep their numbers exactly; the saturated number stays. Resampled ones are rounded. Scenes of
 * floating-point reflectance get `DN = 10000 · reflectance + 1000`. Numbers outside 1 to 65535 are moved to the nearest of
 * these.
 *
 * @throws GlofError `missing-band`, `no-valid-pixels`, `no-space`, `not-writable`, `aborted`, and what reading throws
 */
export async function writeStack(
  path: string,
  scene: Scene,
  options: WriteStackOptions = {},
): Promise<StackSummary> {
  const { bands = scene.bands, as = "dn", part = wholePart(scene), signal } = options;
  requireBands(scene, bands, `writeStack(${scene.id})`);
  const radiometry = bands.map((band) => writtenRadiometry(scene.radiometry[band]));
  const { window } = part;
  const writer = await beginCog(path, stackOptions(scene, bands, radiometry, options, window));
  try {
    let dataPixels = 0;
    for (const strip of partStrips(scene, part)) {
      throwIfAborted(signal, "writeStack");
      const inside = part.insideRows?.(strip.y - window.y, strip.height);
      const rows: (Uint16Array | Float32Array)[] = [];
      const hasData = inside?.slice() ?? new Uint8Array(strip.width * strip.height).fill(1);
      for (const [index, band] of bands.entries()) {
        const { refl, reasons } = await readBand(scene, strip, band, signal);
        keepInside(reasons, inside, hasData);
        rows.push(as === "dn" ? toDn(refl, reasons, radiometry[index]!) : toFloats(refl, reasons));
      }
      dataPixels += hasData.reduce((sum, has) => sum + has, 0);
      await writer.writeRows(rows, strip.height);
      options.onProgress?.({
        stage: "stack",
        done: strip.y - window.y + strip.height,
        total: window.height,
        unit: "rows",
      });
    }
    if (dataPixels === 0) throw noPixels(scene.id);
    throwIfAborted(signal, "writeStack");
    await writer.close();
    const { width, height } = window;
    return { bands, width, height, dataFraction: dataPixels / (width * height) };
  } finally {
    await writer.abandon();
  }
}

function stackOptions(
  scene: Scene,
  bands: readonly BandName[],
  radiometry: readonly BandRadiometry[],
  { as = "dn", compression }: WriteStackOptions,
  window: PixelWindow,
): CogOptions {
  const tags = radiometry.map(({ quantification, offsetDn }) => ({
    scale: 1 / quantification,
    offset: offsetDn / quantification,
  }));
  return {
    grid: windowGrid(scene.grid, window),
    bandNames: bands,
    overviews: "average",
    metadata: factTags(scene),
    ...(compression && { compression }),
    ...(as === "dn"
      ? {
          dtype: "uint16",
          nodata: 0,
          scale: tags.map(({ scale }) => scale),
          offset: tags.map(({ offset }) => offset),
        }
      : { dtype: "float32", nodata: Number.NaN }),
  };
}

/** What the file says of where it comes from. */
function factTags({ id, level, acquiredAt, sensor, product }: Scene): Record<string, string> {
  const facts: Readonly<Record<string, string | undefined>> = {
    PRODUCT: id,
    PROCESSING_LEVEL: level === "unknown" ? undefined : level,
    ACQUIRED_AT: acquiredAt,
    SENSOR: sensor ?? "sentinel-2",
    SPACECRAFT: product?.spacecraft,
    PROCESSING_BASELINE: product?.processingBaseline,
    TILE: product?.tile,
  };
  return Object.fromEntries(Object.entries(facts).flatMap(([name, value]) => (value ? [[name, value]] : [])));
}

function writtenRadiometry(own: BandRadiometry | undefined): BandRadiometry {
  return own === undefined || own.quantification < 1000 ? radiometryOfFloats : own;
}

/** One band at a time: a number that is missing in one must not cost the others theirs. */
async function readBand(
  scene: Scene,
  strip: PixelWindow,
  band: BandName,
  signal: AbortSignal | undefined,
): Promise<{ refl: Float32Array; reasons: Uint8Array }> {
  const read = await scene.readReflectance(strip, [band], {
    reasons: true,
    ignoreClassification: true,
    signal,
  });
  return { refl: read.bandsRefl[0]!, reasons: read.invalidReasons! };
}

function keepInside(reasons: Uint8Array, inside: Uint8Array | undefined, hasData: Uint8Array): void {
  const missing = INVALID_REASONS.noData | INVALID_REASONS.nonFinite;
  for (let pixel = 0; pixel < reasons.length; pixel++) {
    if (inside?.[pixel] === 0) reasons[pixel] = INVALID_REASONS.noData;
    if ((reasons[pixel]! & missing) !== 0) hasData[pixel] = 0;
  }
}

function toDn(
  refl: Float32Array,
  reasons: Uint8Array,
  { quantification, offsetDn, saturatedDn }: BandRadiometry,
): Uint16Array {
  const dn = new Uint16Array(refl.length);
  for (let pixel = 0; pixel < dn.length; pixel++) {
    const reason = reasons[pixel]!;
    if (reason === 0) {
      const value = Math.round(refl[pixel]! * quantification - offsetDn);
      dn[pixel] = Math.min(greatestDn, Math.max(1, value));
    } else if (reason === INVALID_REASONS.saturated) dn[pixel] = saturatedDn ?? greatestDn;
  }
  return dn;
}

function toFloats(refl: Float32Array, reasons: Uint8Array): Float32Array {
  for (let pixel = 0; pixel < refl.length; pixel++) if (reasons[pixel] !== 0) refl[pixel] = Number.NaN;
  return refl;
}

const noPixels = (id: string): GlofError =>
  new GlofError(
    "no-valid-pixels",
    `writeStack: expected pixels with data in ${id}, got none. Check the area and the bands' no-data values.`,
    { id },
  );
