import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { GlofError, type Logger } from "@glof/core";
import { asGlofError } from "@glof/core/node";
import { type BandName, type OpenSceneOptions, openScene } from "@glof/sentinel2";
import type { Chip } from "@glof/train";
import type { ChipSource } from "../config/train_config.js";
import { readMask, readTruth } from "./read_labels.js";

/** One labelled image on the disk. */
interface LabelledImage extends Pick<Chip, "group" | "weight"> {
  readonly image: string;
  readonly open: OpenSceneOptions;
  readonly readLabels: (size: { width: number; height: number }) => Promise<Uint8Array>;
}

/** Options of `loadChips`. */
export interface LoadChipsOptions {
  readonly bands: readonly BandName[];
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Reads labelled images one by one, with the wanted bands. Paths are taken as they are.
 *
 * @throws GlofError `not-found`, `grid-mismatch`, `missing-band`, `aborted`, and what opening scenes throws
 */
export async function* loadChips(
  sources: readonly ChipSource[],
  options: LoadChipsOptions,
): AsyncGenerator<Chip> {
  for (const source of sources) {
    const images = "scenes" in source ? await imagesOfFolder(source) : [imageOf(source)];
    for (const image of images) yield await loadChip(image, options);
  }
}

function imageOf(source: Extract<ChipSource, { image: string }>): LabelledImage {
  const { image, mask, bands, offset, quantification, lake, other, group, weight } = source;
  return {
    image,
    open: { bands, offsetDn: offset, quantification },
    readLabels: (size) => readMask(mask, size, { lake, other }),
    group,
    weight,
  };
}

async function imagesOfFolder(source: Extract<ChipSource, { scenes: string }>): Promise<LabelledImage[]> {
  const { scenes, group, weight } = source;
  const entries = await asGlofError(scenes, () => readdir(scenes, { withFileTypes: true }));
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => join(scenes, entry.name));
  // A folder that is one scene itself, as `glof synth` without --count writes it.
  if (entries.some(({ name }) => name === "scene.tif")) folders.push(scenes);
  if (folders.length === 0) {
    throw new GlofError(
      "not-found",
      `${scenes}: expected folders with scene.tif and truth.tif, got none. Make some with glof synth.`,
    );
  }
  return folders.sort().map((folder) => ({
    image: join(folder, "scene.tif"),
    open: {},
    readLabels: (size) => readTruth(join(folder, "truth.tif"), size),
    group,
    weight,
  }));
}

async function loadChip(source: LabelledImage, options: LoadChipsOptions): Promise<Chip> {
  const { bands, logger, signal } = options;
  const { image, group, weight } = source;
  const scene = await openScene(image, { ...source.open, logger, signal });
  try {
    const { width, height } = scene.grid;
    const { bandsRefl, validMask } = await scene.readReflectance({ x: 0, y: 0, width, height }, bands, {
      signal,
    });
    const mask = await source.readLabels({ width, height });
    const refl = new Float32Array(width * height * bands.length);
    for (let pixel = 0; pixel < validMask.length; pixel++) {
      for (const [band, values] of bandsRefl.entries()) {
        refl[pixel * bands.length + band] = validMask[pixel] === 1 ? values[pixel]! : Number.NaN;
      }
    }
    return { id: image, bands, width, height, refl, mask, group, weight };
  } finally {
    await scene.close();
  }
}
