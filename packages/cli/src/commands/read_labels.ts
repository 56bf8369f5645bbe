import { GlofError } from "@glof/core";
import { openRaster, type PixelWindow, type RasterSource } from "@glof/geo";

/** Label of a pixel that does not count. */
export const IGNORED = 255;

/** Values of a mask file that mean lake, and anything else. All others do not count. */
export interface MaskValues {
  readonly lake: readonly number[];
  readonly other: readonly number[];
}

/**
 * Labels of an image from the first band of a mask file of its size: 1 lake, 0 other, 255 does not count.
 *
 * @throws GlofError `grid-mismatch`, and what reading throws
 */
export function readMask(path: string, size: PixelSize, { lake, other }: MaskValues): Promise<Uint8Array> {
  return withRaster(path, size, async (raster, window) => {
    const [values] = await raster.readWindow(window, { bands: [0] });
    return Uint8Array.from(values!, (value) =>
      lake.includes(value) ? 1 : other.includes(value) ? 0 : IGNORED,
    );
  });
}

/**
 * Labels from a truth file of `glof synth`: its band `visible`, which leaves out lakes that the image cannot show (under
 * cloud, or under snow), and no rivers: those are water all the same, and a model shall not be taught that they are not.
 * A truth file of one band without names is taken as a mask of 1 and 0.
 *
 * @throws GlofError `grid-mismatch`, and what reading throws
 */
export function readTruth(path: string, size: PixelSize): Promise<Uint8Array> {
  return withRaster(path, size, async (raster, window) => {
    const bandOf = (name: string) => raster.bands.findIndex((band) => band.name === name);
    const [lakeBand, visibleBand, waterBand] = [bandOf("lake"), bandOf("visible"), bandOf("water")];
    const labelBand = visibleBand === -1 ? Math.max(0, lakeBand) : visibleBand;
    const [labels] = await raster.readWindow(window, { bands: [labelBand] });
    const isRiver = await riverTest(raster, window, lakeBand, waterBand);
    return Uint8Array.from(labels!, (label, pixel) =>
      (label !== 0 && label !== 1) || isRiver(pixel) ? IGNORED : label,
    );
  });
}

async function riverTest(
  raster: RasterSource,
  window: PixelWindow,
  lakeBand: number,
  waterBand: number,
): Promise<(pixel: number) => boolean> {
  if (lakeBand === -1 || waterBand === -1) return () => false;
  const [lake, water] = await raster.readWindow(window, { bands: [lakeBand, waterBand] });
  return (pixel) => water![pixel] === 1 && lake![pixel] === 0;
}

/** Columns and rows of an image. */
type PixelSize = Pick<PixelWindow, "width" | "height">;

async function withRaster<T>(
  path: string,
  size: PixelSize,
  read: (raster: RasterSource, window: PixelWindow) => Promise<T>,
): Promise<T> {
  const raster = await openRaster(path);
  try {
    const { width, height } = raster.grid;
    if (width !== size.width || height !== size.height) {
      throw new GlofError(
        "grid-mismatch",
        `${path}: expected the size of its image, ${size.width} x ${size.height}, got ${width} x ${height}. Cut both to one grid.`,
      );
    }
    return await read(raster, { x: 0, y: 0, width, height });
  } finally {
    await raster.close();
  }
}
