import { GlofError, type Logger } from "@glof/core";
import type { PixelWindow } from "@glof/geo";
import type { BandName, Scene } from "./types.js";

/** Windows along one side of the sample, and the side of each in pixels. */
const sampleGrid = 4;
const sampleSidePx = 64;

/**
 * Scenes of large blocks (whole tiles in JPEG2000 have 1024 rows) are looked at through their overviews, in windows this
 * many times as large: decoding sixteen blocks of each of thirteen bands would take half a minute.
 */
const largeBlockRows = 512;
const sampleReduction = 8;

/**
 * Looks at a sample of a scene's pixels: refuses a scene that has none, and warns of reflectances that a wrong
 * quantification or offset explains better than the ground does.
 *
 * @throws GlofError `no-valid-pixels` when no pixel of the whole scene holds numbers (it is then searched through)
 */
export async function checkSceneValues(
  scene: Scene,
  logger: Logger,
  signal: AbortSignal | undefined,
): Promise<void> {
  const samples = await sampleBands(scene, signal);
  if (samples.size === 0) {
    if (await hasValidPixel(scene, signal)) return;
    throw new GlofError(
      "no-valid-pixels",
      `openScene(${scene.id}): expected pixels with data, got none in ${scene.grid.width} x ${scene.grid.height}. ` +
        "Check the file's no-data value and that the right area was downloaded.",
    );
  }
  for (const message of implausibilities(samples, scene)) {
    logger.warn(`openScene(${scene.id}): ${message}`, { radiometry: scene.radiometry });
  }
}

/** Sorted reflectances of the valid pixels of the sample, per band; empty when there are none. */
async function sampleBands(
  scene: Scene,
  signal: AbortSignal | undefined,
): Promise<Map<BandName, Float32Array>> {
  const parts = scene.bands.map((): number[] => []);
  const sidePx = sampleSidePx * sampleReduction;
  const isLarge =
    scene.blockRows >= largeBlockRows && Math.min(scene.grid.width, scene.grid.height) >= sampleGrid * sidePx;
  for (const window of sampleWindows(scene, isLarge ? sidePx : sampleSidePx)) {
    const { bandsRefl, validMask } = await scene.readReflectance(window, scene.bands, {
      signal,
      ...(isLarge && { outputSize: [sampleSidePx, sampleSidePx] as const }),
    });
    bandsRefl.forEach((refl, band) => {
      for (let pixel = 0; pixel < refl.length; pixel++) {
        if (validMask[pixel] === 1) parts[band]!.push(refl[pixel]!);
      }
    });
  }
  if (parts[0]!.length === 0) return new Map();
  return new Map(scene.bands.map((band, index) => [band, Float32Array.from(parts[index]!).sort()]));
}

function sampleWindows({ grid }: Scene, sidePx: number): PixelWindow[] {
  const axis = (size: number): { start: number; length: number }[] => {
    const length = Math.min(sidePx, size);
    const count = Math.min(sampleGrid, Math.ceil(size / length));
    return Array.from({ length: count }, (_, index) => ({
      start: Math.floor(((index + 0.5) * size) / count - length / 2),
      length,
    })).map(({ start }) => ({ start: Math.max(0, Math.min(start, size - length)), length }));
  };
  const columns = axis(grid.width);
  return axis(grid.height).flatMap((row) =>
    columns.map((column) => ({ x: column.start, y: row.start, width: column.length, height: row.length })),
  );
}

async function hasValidPixel(scene: Scene, signal: AbortSignal | undefined): Promise<boolean> {
  const { width, height } = scene.grid;
  for (let y = 0; y < height; y += scene.blockRows) {
    const window = { x: 0, y, width, height: Math.min(scene.blockRows, height - y) };
    const { validMask } = await scene.readReflectance(window, scene.bands, {
      signal,
      ignoreClassification: true,
    });
    if (validMask.includes(1)) return true;
  }
  return false;
}

/** What looks wrong, in words. Thresholds: snow stays below 1.5, and no band is black everywhere. */
function implausibilities(samples: ReadonlyMap<BandName, Float32Array>, scene: Scene): string[] {
  const found: string[] = [];
  for (const [band, sorted] of samples) {
    const median = sorted[sorted.length >> 1]!;
    const negative = sorted.findIndex((refl) => refl >= 0);
    const negativeShare = (negative === -1 ? sorted.length : negative) / sorted.length;
    if (median > 1.5) {
      found.push(
        `the median of ${band} is ${median.toFixed(2)}, above any ground. Check the quantification.`,
      );
    } else if (negativeShare > 0.05 || isFarBelowZero(sorted)) {
      const percent = (100 * negativeShare).toPrecision(2);
      found.push(
        `${percent} % of ${band} is negative, down to ${sorted[0]!.toFixed(3)}. The offset may have been applied before ` +
          "(harmonised archives); check it (harmonised, offsetDn).",
      );
    } else if (sorted.at(-1)! < 0.001) {
      found.push(`all of ${band} is below 0.001. Check the quantification.`);
    }
  }
  if (looksUncorrected(samples, scene)) {
    found.push(
      "no band is darker than 0.1 anywhere. Products of processing baseline 04.00 and later need an offset of " +
        "-1000 (offsetDn); check it.",
    );
  }
  return found;
}

/** Correct offsets leave dark water and shadow some hundredths below 0, and few pixels of it; applied twice, a tenth. */
function isFarBelowZero(sorted: Float32Array): boolean {
  return sorted[Math.floor(sorted.length / 200)]! < -0.05;
}

/** With the offset of +1000 DN still in, even the deepest shadow has DN 1000. */
function looksUncorrected(samples: ReadonlyMap<BandName, Float32Array>, scene: Scene): boolean {
  return [...samples].every(([band, sorted]) => {
    const { offsetDn, quantification } = scene.radiometry[band]!;
    const darkest = sorted[Math.floor(sorted.length / 1000)]!;
    return (
      offsetDn === 0 && quantification === 10_000 && darkest >= 0.095 && sorted[sorted.length >> 1]! < 1.5
    );
  });
}
