import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { GlofError, type Logger } from "@glof/core";
import { asGlofError } from "@glof/core/node";
import { openRaster } from "@glof/geo";
import { type BandName, openScene } from "@glof/sentinel2";
import type { Chip } from "@glof/train";
import type { ChipSource } from "../config/train_config.js";

/** Value of a mask where a pixel does not count. */
const IGNORED = 255;

/** One labelled image on the disk. */
type LabelledImage = Extract<ChipSource, { image: string }>;

/** Reads labelled images one by one, with the wanted bands. Paths are taken as they are. */
export async function* loadChips(
  sources: readonly ChipSource[],
  options: { bands: readonly BandName[]; logger: Logger; signal: AbortSignal },
): AsyncGenerator<Chip> {
  for (const source of sources) {
    const images = "scenes" in source ? await imagesOfFolder(source) : [source];
    for (const image of images) yield await loadChip(image, options);
  }
}

async function imagesOfFolder(source: Extract<ChipSource, { scenes: string }>): Promise<LabelledImage[]> {
  const { scenes, ...rest } = source;
  const entries = await asGlofError(scenes, () => readdir(scenes, { withFileTypes: true }));
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => join(scenes, entry.name));
  if (folders.length === 0) {
    throw new GlofError("not-found", `${scenes}: expected folders with scene.tif and truth.tif, got none.`);
  }
  return folders.sort().map((folder) => ({
    image: join(folder, "scene.tif"),
    mask: join(folder, "truth.tif"),
    lake: [1],
    other: [0],
    ...rest,
  }));
}

async function loadChip(
  source: LabelledImage,
  options: { bands: readonly BandName[]; logger: Logger; signal: AbortSignal },
): Promise<Chip> {
  const { bands, logger, signal } = options;
  const scene = await openScene(source.image, {
    bands: source.bands,
    offsetDn: source.offset,
    quantification: source.quantification,
    logger,
  });
  try {
    const { width, height } = scene.grid;
    const window = { x: 0, y: 0, width, height };
    const { bandsRefl, validMask } = await scene.readReflectance(window, bands, { signal });
    const mask = await readMask(source, window);
    const refl = new Float32Array(width * height * bands.length);
    for (let pixel = 0; pixel < validMask.length; pixel++) {
      for (const [band, values] of bandsRefl.entries()) {
        refl[pixel * bands.length + band] = validMask[pixel] === 1 ? values[pixel]! : Number.NaN;
      }
    }
    return { id: source.image, bands, width, height, refl, mask, group: source.group, weight: source.weight };
  } finally {
    await scene.close();
  }
}

async function readMask(
  source: LabelledImage,
  window: { x: number; y: number; width: number; height: number },
): Promise<Uint8Array> {
  const raster = await openRaster(source.mask);
  try {
    const { width, height } = raster.grid;
    if (width !== window.width || height !== window.height) {
      throw new GlofError(
        "grid-mismatch",
        `${source.mask}: expected the size of its image, ${window.width} x ${window.height}, got ${width} x ${height}.`,
      );
    }
    const [labels] = await raster.readWindow(window, { bands: [0] });
    return Uint8Array.from(labels!, (label) =>
      source.lake.includes(label) ? 1 : source.other.includes(label) ? 0 : IGNORED,
    );
  } finally {
    await raster.close();
  }
}
