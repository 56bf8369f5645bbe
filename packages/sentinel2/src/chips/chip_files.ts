import { openCheckpoint, writeSafetensors } from "@glof/checkpoint";
import { GlofError } from "@glof/core";
import { beginCog, openRaster } from "@glof/geo";
import type { SceneChip } from "./sample_chips.js";

/** Formats of chips on the disk. */
export type ChipFormat = "geotiff" | "safetensors";

/** Pixels of a chip as its file holds them. */
export interface ChipPixels {
  readonly bands: readonly string[];
  readonly width: number;
  readonly height: number;
  /** [height, width, bands] */
  readonly refl: Float32Array;
  readonly mask: Uint8Array;
}

/** Name of the band of a GeoTIFF that holds the mask. */
const labelBand = "label";

/** File name ending of a format. */
export const chipEnding: Readonly<Record<ChipFormat, string>> = {
  geotiff: ".tif",
  safetensors: ".safetensors",
};

/**
 * Writes a chip, whole or not at all. GeoTIFF: one `float32` band per band, NaN for no data, and a last one `label` (0, 1, 255).
 * Safetensors: `refl` [height, width, bands] `F32`, `mask` [height, width] `U8`, the band names and the place in the metadata.
 */
export async function writeChipFile(path: string, chip: SceneChip, format: ChipFormat): Promise<void> {
  const { bands, width, height, refl, mask, grid } = chip;
  if (format === "safetensors") {
    const metadata = {
      bands: JSON.stringify(bands),
      geotransform: JSON.stringify(grid.geoTransform),
      ...(grid.crs?.epsg !== undefined && { epsg: String(grid.crs.epsg) }),
    };
    const tensors = {
      refl: { shape: [height, width, bands.length], values: refl },
      mask: { shape: [height, width], values: mask },
    };
    await writeSafetensors(path, tensors, { metadata });
    return;
  }
  const cog = await beginCog(path, {
    grid,
    dtype: "float32",
    bandNames: [...bands, labelBand],
    nodata: Number.NaN,
    blockSize: Math.min(512, Math.ceil(Math.max(width, height) / 16) * 16),
    overviews: "nearest",
  });
  try {
    const planes = bands.map((_, band) => refl.filter((__, at) => at % bands.length === band));
    await cog.writeRows([...planes, Float32Array.from(mask)], height);
    await cog.close();
  } catch (error) {
    await cog.abandon();
    throw error;
  }
}

/**
 * Reads what `writeChipFile` wrote.
 * @throws GlofError `corrupt-file` for another kind of file; `not-found`, `io`
 */
export async function readChipFile(path: string): Promise<ChipPixels> {
  return path.endsWith(chipEnding.safetensors) ? readSafetensorsChip(path) : readGeotiffChip(path);
}

async function readSafetensorsChip(path: string): Promise<ChipPixels> {
  const file = await openCheckpoint(path);
  try {
    const [refl, mask] = [file.entries.get("refl"), file.entries.get("mask")];
    const bands = parseNames(file.metadata.bands);
    const [height, width, bandCount] = refl?.shape ?? [];
    if (
      !mask ||
      height === undefined ||
      width === undefined ||
      bandCount === undefined ||
      bands?.length !== bandCount
    ) {
      throw notAChip(path);
    }
    if (mask.dtype !== "U8" || mask.shape.join() !== `${height},${width}`) throw notAChip(path);
    return { bands, width, height, refl: await file.readFloat32("refl"), mask: await file.readBytes("mask") };
  } finally {
    await file.close();
  }
}

async function readGeotiffChip(path: string): Promise<ChipPixels> {
  const raster = await openRaster(path);
  try {
    const names = raster.bands.map(({ name }) => name);
    const bands = names.slice(0, -1).filter((name) => name !== undefined);
    if (names.length < 2 || names[names.length - 1] !== labelBand || bands.length !== names.length - 1) {
      throw notAChip(path);
    }
    const { width, height } = raster.grid;
    const planes = await raster.readWindow({ x: 0, y: 0, width, height });
    const refl = new Float32Array(width * height * bands.length);
    bands.forEach((_, band) => {
      const plane = planes[band]!;
      for (let pixel = 0; pixel < plane.length; pixel++) refl[pixel * bands.length + band] = plane[pixel]!;
    });
    return { bands, width, height, refl, mask: Uint8Array.from(planes[bands.length]!) };
  } finally {
    await raster.close();
  }
}

function parseNames(text: string | undefined): string[] | undefined {
  try {
    const names: unknown = JSON.parse(text ?? "");
    return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : undefined;
  } catch {
    return undefined;
  }
}

const notAChip = (path: string): GlofError =>
  new GlofError(
    "corrupt-file",
    `${path}: expected a chip of writeChips, got another file. Write the chips again.`,
    { path },
  );
