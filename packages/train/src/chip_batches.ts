import { GlofError, type Rng, seededRng, standardiseBand } from "@glof/core";
import * as tf from "@tensorflow/tfjs-core";
import {
  drawPlacement,
  type GeometricAugmentation,
  type RadiometricAugmentation,
  varyReflectance,
} from "./augment.js";
import type { BandStatistics, Chip, ChipSet } from "./chips.js";
import { type Crop, cutChip } from "./cut_chip.js";
import type { BatchSource, TrainBatch } from "./types.js";
import { placeVectorBands, turnVectors, type VectorBands } from "./vector_bands.js";

/** Options of `chipBatches`. */
export interface ChipBatchesOptions {
  /** Images per (micro-)batch. */
  readonly batchSize: number;
  /** Edge of the square crops, pixels. */
  readonly cropPx: number;
  readonly normalization: BandStatistics;
  /** Same seed, same batches. Default 0. */
  readonly seed?: number;
  /** Share of crops placed over a lake pixel, where the chip has one. Default 0.5. */
  readonly lakeShare?: number;
  readonly geometry?: GeometricAugmentation;
  /** Default: reflectances as they are. */
  readonly radiometry?: RadiometricAugmentation;
  /**
   * Pairs of bands that hold directions, east and north: they are turned with the image, and never varied by `radiometry`.
   * Default: `aspectSin` with `aspectCos` (or `aspect_sin` with `aspect_cos`), where the chips have them.
   */
  readonly vectorBands?: readonly VectorBands[];
}

/** Lake pixels remembered per chip: enough to place crops over, and bounded. */
const rememberedLakePixels = 4096;

/**
 * Batches of random crops: images [N, px, px, C] normalised by (clip(x) - mean) / std with 0 where there is no reflectance,
 * targets [N, px, px, 1] with 1, 0 and 255.
 *
 * A batch is a pure function of seed, step and micro-batch, so a resumed run sees the batches it would have seen.
 *
 * @throws GlofError `bad-argument` where statistics do not fit the bands, or no chip has a weight above 0
 */
export function chipBatches(set: ChipSet, options: ChipBatchesOptions): BatchSource<tf.Tensor4D> {
  const { batchSize, cropPx, seed = 0, normalization } = options;
  checkStatistics(set, normalization);
  const vectors = placeVectorBands(set.bands, options.vectorBands);
  const fixed = fixedBands(set.bands, options.radiometry, vectors);
  const shares = cumulativeShares(set.chips);
  const lakePixels = set.chips.map((chip, index) =>
    pickLakePixels(chip, seededRng(`${seed}/lakes/${index}`)),
  );
  return ({ step, micro }) => {
    const rng = seededRng(`${seed}/batch/${step}/${micro}`);
    const crops = Array.from({ length: batchSize }, () => {
      const index = drawIndex(shares, rng);
      return drawCrop(set.chips[index]!, lakePixels[index]!, { ...options, vectors, fixed }, rng);
    });
    return toBatch(crops, cropPx, normalization);
  };
}

/** Stacks crops into one normalised batch. The caller disposes it. */
export function toBatch(
  crops: readonly Crop[],
  cropPx: number,
  { mean, std, clip }: BandStatistics,
): TrainBatch<tf.Tensor4D> {
  const bandCount = mean.length;
  const pixels = cropPx * cropPx;
  const images = new Float32Array(crops.length * pixels * bandCount);
  const masks = new Float32Array(crops.length * pixels);
  for (const [index, { refl, mask }] of crops.entries()) {
    const start = index * pixels * bandCount;
    for (let band = 0; band < bandCount; band++) {
      const from = { values: refl, start: band, stride: bandCount };
      const to = { values: images, start: start + band, stride: bandCount };
      standardiseBand(from, to, pixels, { mean: mean[band]!, std: std[band]!, clip });
    }
    masks.set(mask, index * pixels);
  }
  return {
    input: tf.tensor4d(images, [crops.length, cropPx, cropPx, bandCount]),
    target: tf.tensor4d(masks, [crops.length, cropPx, cropPx, 1]),
  };
}

/** `ChipBatchesOptions` with places of bands instead of names. */
interface CropOptions extends ChipBatchesOptions {
  readonly vectors: readonly (readonly [east: number, north: number])[];
  readonly fixed: ReadonlySet<number>;
}

function drawCrop(chip: Chip, lakePixels: Uint32Array, options: CropOptions, rng: Rng): Crop {
  const { cropPx, lakeShare = 0.5, geometry, radiometry } = options;
  const overLake = rng.next() < lakeShare && lakePixels.length > 0;
  const overPixel = overLake ? lakePixels[rng.int(lakePixels.length)]! : undefined;
  const placement = drawPlacement(chip, { ...geometry, cropPx, overPixel }, rng);
  const crop = cutChip(chip, placement, cropPx);
  turnVectors(crop, chip.bands.length, options.vectors, placement.matrix);
  if (radiometry) varyReflectance(crop, chip.bands.length, radiometry, rng, options.fixed);
  return crop;
}

/** Places of bands that radiometric augmentation leaves alone. */
function fixedBands(
  bands: readonly string[],
  radiometry: RadiometricAugmentation | undefined,
  vectors: readonly (readonly [east: number, north: number])[],
): ReadonlySet<number> {
  const { except = [] } = radiometry ?? {};
  const places = except.map((name) => bands.indexOf(name));
  if (!places.includes(-1)) return new Set([...places, ...vectors.flat()]);
  throw new GlofError(
    "missing-band",
    `chipBatches: expected bands of the chips as radiometry.except, got ${except.join(", ")} for ${bands.join(", ")}. ` +
      "Name bands of the chips.",
  );
}

/** A random part of the lake pixels, as indices into the mask (reservoir sampling). */
function pickLakePixels({ mask }: Chip, rng: Rng): Uint32Array {
  const picked: number[] = [];
  let seen = 0;
  for (let pixel = 0; pixel < mask.length; pixel++) {
    if (mask[pixel] !== 1) continue;
    seen++;
    if (picked.length < rememberedLakePixels) picked.push(pixel);
    else {
      const place = rng.int(seen);
      if (place < rememberedLakePixels) picked[place] = pixel;
    }
  }
  return Uint32Array.from(picked);
}

function cumulativeShares(chips: readonly Chip[]): readonly number[] {
  let sum = 0;
  const sums = chips.map(({ weight = 1 }) => (sum += Math.max(0, weight)));
  if (sum > 0) return sums.map((one) => one / sum);
  throw new GlofError(
    "bad-argument",
    "chipBatches: expected a chip with a weight above 0, got none. Raise one.",
  );
}

function drawIndex(shares: readonly number[], rng: Rng): number {
  const at = rng.next();
  const index = shares.findIndex((share) => at < share);
  return index === -1 ? shares.length - 1 : index;
}

/** Throws unless there is one mean and one positive deviation per band, and a clip range with room in it. */
export function checkStatistics({ bands }: ChipSet, { mean, std, clip }: BandStatistics): void {
  if (clip !== undefined && !(clip[0] < clip[1])) {
    throw new GlofError(
      "bad-argument",
      `chipBatches: expected a clip range [low, high], got [${clip}]. Use that of the bundle.`,
    );
  }
  const fits = mean.length === bands.length && std.length === bands.length && std.every((one) => one > 0);
  if (fits) return;
  throw new GlofError(
    "bad-argument",
    `chipBatches: expected a mean and a positive std for each of ${bands.join(", ")}, got mean [${mean}] and ` +
      `std [${std}]. Use bandStatistics or the statistics of the bundle.`,
  );
}
