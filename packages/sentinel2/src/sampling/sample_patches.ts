import { GlofError, type Rng, seededRng } from "@glof/core";
import type { PixelWindow } from "@glof/geo";
import { checkCount } from "./patch_grid.js";

/** Options of `samplePatches`. */
export interface SamplePatchesOptions {
  readonly width: number;
  readonly height: number;
  readonly sizePx: number;
  readonly count: number;
  /** Same seed, same patches. */
  readonly seed: number | string;
  /** Share of the patches that lie over a pixel labelled 1, if there is one. Default 0.5. */
  readonly positiveShare?: number;
  /** Least share of a patch's pixels whose label counts (is not 255). Default 0.5. */
  readonly minValid?: number;
}

/** Places tried for a patch before it is given up. */
const tries = 100;

/**
 * Random patches inside an image, balanced by its labels: of every run of patches, as near as whole numbers allow,
 * `positiveShare` hold a randomly chosen pixel labelled 1 at a random place of the patch, the others lie anywhere. Places with
 * too few valid pixels are drawn again.
 *
 * @param labels 1, 0, or 255 where it does not count; row by row
 * @returns `count` windows, or fewer where no place with enough valid pixels was found in 100 draws
 * @throws GlofError `shape-mismatch`; `bad-argument`, also for an image smaller than a patch
 */
export function samplePatches(labels: Uint8Array, options: SamplePatchesOptions): PixelWindow[] {
  const { width, height, sizePx, count, seed, positiveShare = 0.5, minValid = 0.5 } = options;
  checkSampling(labels, options, positiveShare, minValid);
  const rng = seededRng(`${seed}/patches`);
  const validBefore = sumsOfValid(labels, width, height);
  const positives = placesOf(labels, 1);
  const patches: PixelWindow[] = [];
  for (let index = 0; index < count; index++) {
    const wantsPositive =
      positives.length > 0 && Math.floor((index + 1) * positiveShare) > Math.floor(index * positiveShare);
    for (let attempt = 0; attempt < tries; attempt++) {
      const over = wantsPositive ? positives[rng.int(positives.length)]! : undefined;
      const x = drawStart(width, sizePx, over === undefined ? undefined : over % width, rng);
      const y = drawStart(height, sizePx, over === undefined ? undefined : Math.floor(over / width), rng);
      const patch = { x, y, width: sizePx, height: sizePx };
      if (validShare(validBefore, width, patch) < minValid) continue;
      patches.push(patch);
      break;
    }
  }
  return patches;
}

/** First pixel along one axis, so that the patch lies inside and covers `over`. */
function drawStart(length: number, size: number, over: number | undefined, rng: Rng): number {
  const low = over === undefined ? 0 : Math.max(0, over - size + 1);
  const high = over === undefined ? length - size : Math.min(length - size, over);
  return low + rng.int(high - low + 1);
}

function placesOf(labels: Uint8Array, label: number): Uint32Array {
  let count = 0;
  for (let pixel = 0; pixel < labels.length; pixel++) if (labels[pixel] === label) count++;
  const places = new Uint32Array(count);
  for (let pixel = labels.length - 1; pixel >= 0; pixel--)
    if (labels[pixel] === label) places[--count] = pixel;
  return places;
}

/** Number of valid pixels above and left of each corner: a patch takes four look-ups. */
function sumsOfValid(labels: Uint8Array, width: number, height: number): Float64Array {
  const sums = new Float64Array((width + 1) * (height + 1));
  for (let row = 0; row < height; row++) {
    let inRow = 0;
    for (let col = 0; col < width; col++) {
      if (labels[row * width + col] !== 255) inRow++;
      sums[(row + 1) * (width + 1) + col + 1] = sums[row * (width + 1) + col + 1]! + inRow;
    }
  }
  return sums;
}

function validShare(sums: Float64Array, imageWidth: number, { x, y, width, height }: PixelWindow): number {
  const at = (col: number, row: number): number => sums[row * (imageWidth + 1) + col]!;
  const valid = at(x + width, y + height) - at(x, y + height) - at(x + width, y) + at(x, y);
  return valid / (width * height);
}

function checkSampling(
  labels: Uint8Array,
  { width, height, sizePx, count }: SamplePatchesOptions,
  positiveShare: number,
  minValid: number,
): void {
  checkCount(sizePx, "a sizePx", "samplePatches");
  if (labels.length !== width * height) {
    throw new GlofError(
      "shape-mismatch",
      `samplePatches: expected labels of ${width} x ${height}, got ${labels.length}. Pass the labels' own size.`,
    );
  }
  const isShare = (value: number): boolean => value >= 0 && value <= 1;
  if (sizePx <= width && sizePx <= height && Number.isSafeInteger(count) && count >= 0) {
    if (isShare(positiveShare) && isShare(minValid)) return;
  }
  throw new GlofError(
    "bad-argument",
    `samplePatches: expected patches that fit into ${width} x ${height}, a count of at least 0 and shares from 0 to 1, got ` +
      `${sizePx} pixels, ${count}, positiveShare ${positiveShare}, minValid ${minValid}. Correct the call.`,
  );
}
